-- 5. Failed sign-ins as servers of 0.1 count them: what they call, so that they go on while others are upgraded. Later
-- versions only read what stands here. All of this part goes with the release after the next.

-- Failures, and the places people have signed in from. Whom a row is about is only there as a keyed hash.
create table if not exists "public".portcullis_attempts (
    key       text        not null primary key,
    failures  integer     not null default 0,
    -- An account's last failure; the start of an address's window.
    since     timestamptz not null,
    forget_at timestamptz not null
);
create index if not exists portcullis_attempts_forgotten on "public".portcullis_attempts (forget_at);

-- The counter that this attempt's failure falls on, and the seconds until the next attempt counts; null if it does now.
-- At a place the account has been signed in from, failures are counted apart: others can't lock its owner out.
create or replace function "public".portcullis_admit(
    account text, pair text, address text, limits jsonb, out counted text, out wait double precision)
language plpgsql stable set search_path = '' as $$
declare
    at constant timestamptz := clock_timestamp();
begin
    counted := case when exists (
        select from "public".portcullis_attempts a where a.key = 'familiar ' || pair and a.forget_at > at)
        then pair else account end;
    select max(delayed.seconds) into wait from (
        select extract(epoch from least(a.since, at) - at) + case
            when a.key = address and a.failures >= (limits ->> 'address_failures')::integer
                then (limits ->> 'address_window')::double precision
            when a.key = counted and a.failures >= 100
                then 86400
            when a.key = counted and a.failures >= (limits ->> 'account_failures')::integer
                then least(2.0 ^ (a.failures - (limits ->> 'account_failures')::integer), 3600)
            else 0 end as seconds
        from "public".portcullis_attempts a where a.key in (counted, address) and a.forget_at > at
    ) delayed where delayed.seconds > 0;
end $$;

-- All attempts at one account, then all of one address, one after the other: parallel guesses must not slip past.
create or replace function "public".portcullis_queue(account text, address text) returns void
language plpgsql set search_path = '' as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(account, 0));
    if address is not null then
        perform pg_advisory_xact_lock(hashtextextended(address, 0));
    end if;
end $$;

-- Whether an attempt may be made: null, or the seconds to wait.
create or replace function "public".portcullis_attempt(
    account text, limits jsonb, pair text default null, address text default null) returns double precision
language sql stable set search_path = '' as $$
    select wait from "public".portcullis_admit(account, pair, address, limits)
$$;

-- Counts a failure: null, or the seconds to wait if it came too late to count.
create or replace function "public".portcullis_failed(
    account text, limits jsonb, pair text default null, address text default null) returns double precision
language plpgsql set search_path = '' as $$
declare
    at timestamptz;
    admitted record;
    fresh constant integer := 1;
    address_window constant interval := make_interval(secs => (limits ->> 'address_window')::double precision);
begin
    perform "public".portcullis_queue(account, address);
    at := clock_timestamp();
    select a.* into admitted from "public".portcullis_admit(account, pair, address, limits) a;
    if admitted.wait is not null then
        return admitted.wait;
    end if;
    insert into "public".portcullis_attempts as a (key, failures, since, forget_at)
    values (admitted.counted, fresh, at, at + interval '1 day')
    on conflict (key) do update set
        failures = case when a.forget_at > at then a.failures + 1 else fresh end,
        since = at,
        -- At the most in a row a counter outlives its delay by a day, or each day would begin with a clean slate.
        forget_at = at + case when a.forget_at > at and a.failures + 1 >= 100
            then interval '2 days' else interval '1 day' end;
    if address is not null then
        insert into "public".portcullis_attempts as a (key, failures, since, forget_at)
        values (address, fresh, at, at + address_window)
        on conflict (key) do update set
            failures = case when a.forget_at > at then a.failures + 1 else fresh end,
            since = case when a.forget_at > at then a.since else at end,
            forget_at = case when a.forget_at > at then a.forget_at else at + address_window end;
    end if;
    -- What is forgotten goes, a little at a time, so that made-up names don't pile up.
    delete from "public".portcullis_attempts d using (
        select a.key from "public".portcullis_attempts a where a.forget_at <= at limit 20 for update skip locked
    ) gone where d.key = gone.key;
    return null;
end $$;

-- Ends an account's row of failures and remembers the place: null, or the seconds to wait if it came too late to count.
create or replace function "public".portcullis_succeeded(
    account text, limits jsonb, pair text default null, address text default null) returns double precision
language plpgsql set search_path = '' as $$
declare
    until timestamptz;
    admitted record;
begin
    perform "public".portcullis_queue(account, address);
    until := clock_timestamp() + interval '30 days';
    select a.* into admitted from "public".portcullis_admit(account, pair, address, limits) a;
    if admitted.wait is not null then
        return admitted.wait;
    end if;
    delete from "public".portcullis_attempts a where a.key in (account, pair);
    if pair is not null then
        insert into "public".portcullis_attempts as a (key, since, forget_at)
        values ('familiar ' || pair, clock_timestamp(), until)
        on conflict (key) do update set since = excluded.since, forget_at = excluded.forget_at;
    end if;
    return null;
end $$;

do $$
declare
    function regprocedure;
    other text;
begin
    alter table "public".portcullis_attempts enable row level security;
    revoke all on "public".portcullis_attempts from public;
    for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
        execute format('revoke all on "public".portcullis_attempts from %I', other);
    end loop;
    grant select, insert, update, delete on "public".portcullis_attempts to "service_role";
    for function in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = '"public"'::regnamespace and p.proname in (
            'portcullis_admit', 'portcullis_queue', 'portcullis_attempt', 'portcullis_failed', 'portcullis_succeeded')
    loop
        execute format('revoke all on function %s from public', function);
        for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
            execute format('revoke all on function %s from %I', function, other);
        end loop;
        execute format('grant execute on function %s to "service_role"', function);
    end loop;
end $$;
