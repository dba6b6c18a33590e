-- What portcullis needs in a Supabase (or any PostgREST) database: columns, rules and functions.
--
-- Run it as the owner of the table, in Supabase's SQL editor or by psql. It is one transaction: all of it is done, or
-- nothing. Running it again changes nothing; what it made before is brought to what stands here. Functions and tables of
-- its own begin with portcullis_. For other names of schema, table, columns or role take the text that
-- `stores::supabase::Schema::migration` (or `server migration`) gives.
begin;
set local client_min_messages to warning;

-- 1. The table of users.

create table if not exists "public"."users" (
    "id"         uuid        not null default gen_random_uuid() primary key,
    "email"      text        not null,
    "role"       text,
    "tenant_id"  text,
    "created_at" timestamptz not null default now()
);

-- A PHC string; null for people who have no password here.
alter table "public"."users" add column if not exists "password_hash" text;
alter table "public"."users" add column if not exists "disabled" boolean not null default false;
-- Grows whenever older tokens must end.
alter table "public"."users" add column if not exists "epoch" bigint not null default 0;

do $$
declare
    users constant regclass := '"public"."users"'::regclass;
    id constant name := (parse_ident('"id"'))[1];
    created_at constant name := (parse_ident('"created_at"'))[1];
    clear_text constant name := (parse_ident('"password"'))[1];
    col record;
begin
    for col in
        select a.attname as name, a.atttypid as type, a.atthasdef or a.attidentity <> '' as has_default, a.attnotnull
        from pg_attribute a where a.attrelid = users and a.attnum > 0 and not a.attisdropped
    loop
        if col.name = id and col.type <> 'uuid'::regtype then
            raise exception 'column "%" of % is %, not uuid: user ids are UUIDs', id, users, col.type::regtype;
        elsif col.name = id and not col.has_default then
            alter table "public"."users" alter column "id" set default gen_random_uuid();
        elsif col.name = created_at and not col.has_default then
            alter table "public"."users" alter column "created_at" set default now();
        elsif col.name = clear_text and col.attnotnull then
            -- Nobody is given a clear-text password any more.
            execute format('alter table %s alter column %I drop not null', users, clear_text);
        end if;
    end loop;
    for col in
        select i.indexrelid::regclass as name from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace = '"public"'::regnamespace and c.relname like 'portcullis\_users\_%' and i.indrelid <> users
    loop
        -- From when another table was named.
        execute format('drop index %s', col.name);
    end loop;
end $$;

-- Two spellings of one mailbox meet in this index, also those that another program wrote.
create unique index if not exists portcullis_users_email on "public"."users" (lower(btrim("email")));
-- Serves the list in its order.
create index if not exists portcullis_users_in_order on "public"."users" ("tenant_id", "created_at", "id");

-- Functions are made anew: one that gives rows of another table can't be replaced.
do $$
declare
    function regprocedure;
begin
    for function in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = '"public"'::regnamespace and p.proname like 'portcullis\_%'
    loop
        execute format('drop function %s', function);
    end loop;
end $$;

-- 2. What the store calls: `stores::supabase::SupabaseStore`.
--
-- The functions return rows of the table, of which PostgREST gives the columns that are asked for. An argument that has
-- a default is left out where there is nothing to say.

-- Not a filter in an address: addresses are written to logs.
create function "public".portcullis_find_by_login(login text) returns setof "public"."users"
language sql stable set search_path = '' as $$
    select u.* from "public"."users" u where lower(btrim(u."email")) = login
$$;

-- Creates a user if there is none at all. The lock lets nobody else insert meanwhile.
create function "public".portcullis_create_first(new_user jsonb) returns setof "public"."users"
language plpgsql set search_path = '' as $$
declare
    given "public"."users" := jsonb_populate_record(null::"public"."users", new_user);
begin
    lock table "public"."users" in share row exclusive mode;
    if not exists (select from "public"."users") then
        return query insert into "public"."users" ("email", "role", "tenant_id", "password_hash")
            values (given."email", given."role", given."tenant_id", given."password_hash")
            returning *;
    end if;
end $$;

-- The user, locked; of nulls if the tenant has none of that id. Whoever may take away a role that must be kept is alone
-- with the tenant first: two of them must not each see the other one still there.
create function "public".portcullis_lock(user_id uuid, tenant text, keep_role text)
returns "public"."users"
language plpgsql set search_path = '' as $$
declare
    found_user "public"."users";
begin
    if keep_role is not null then
        perform pg_advisory_xact_lock(hashtextextended('portcullis tenant ' || coalesce(tenant, ''), 0));
    end if;
    select u.* into found_user from "public"."users" u
    where u."id" = user_id and u."tenant_id"::text is not distinct from tenant for update;
    return found_user;
end $$;

-- Refuses, with 409, if the tenant would have nobody active of the role left without this user.
create function "public".portcullis_keep(one "public"."users", keep_role text) returns void
language plpgsql set search_path = '' as $$
begin
    if one."role"::text = keep_role and not one."disabled" and not exists (
        select from "public"."users" u
        where u."tenant_id" is not distinct from one."tenant_id" and u."role"::text = keep_role
            and not u."disabled" and u."id" <> one."id") then
        raise exception 'the tenant needs at least one user of this role' using errcode = 'PT409';
    end if;
end $$;

-- Changes a user: gives it as it is then, or nothing if there is none. `changes` holds new values by column.
create function "public".portcullis_update(
    user_id uuid, changes jsonb, tenant text default null, keep_role text default null) returns setof "public"."users"
language plpgsql set search_path = '' as $$
declare
    before "public"."users" := "public".portcullis_lock(user_id, tenant, keep_role);
    after "public"."users" := jsonb_populate_record(before, changes);
begin
    if after."disabled" or after."role"::text is distinct from keep_role then
        perform "public".portcullis_keep(before, keep_role);
    end if;
    if changes ? (parse_ident('"password_hash"'))[1] and to_jsonb(before) ->> (parse_ident('"password"'))[1] is not null then
        -- A clear-text password that waits for its import is the older one now, and must not come back.
        execute 'update "public"."users" set "password" = null where "id" = $1' using before."id";
    end if;
    return query update "public"."users" u set
        "email" = after."email", "role" = after."role",
        "password_hash" = after."password_hash", "disabled" = after."disabled",
        "epoch" = u."epoch" + (changes ? (parse_ident('"password_hash"'))[1]
            or after."disabled" <> u."disabled")::integer
    where u."id" = before."id"
    returning u.*;
end $$;

-- Deletes a user: gives it as it was, or nothing if there is none.
create function "public".portcullis_delete(
    user_id uuid, tenant text default null, keep_role text default null) returns setof "public"."users"
language plpgsql set search_path = '' as $$
declare
    before "public"."users" := "public".portcullis_lock(user_id, tenant, keep_role);
begin
    perform "public".portcullis_keep(before, keep_role);
    return query delete from "public"."users" u where u."id" = before."id" returning u.*;
end $$;

-- Puts a new hash in the place of the old one; false if it is not the old one any more.
create function "public".portcullis_replace_password_hash(user_id uuid, old_hash text, new_hash text)
returns boolean
language plpgsql set search_path = '' as $$
begin
    update "public"."users" u set "password_hash" = new_hash
    where u."id" = user_id and u."password_hash" = old_hash;
    return found;
end $$;

-- 3. Failed sign-ins, counted for all servers of one database: what `stores::supabase::SupabaseThrottle` calls.
-- The times are the database's, so servers' clocks need not agree.

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
create function "public".portcullis_admit(
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
create function "public".portcullis_queue(account text, address text) returns void
language plpgsql set search_path = '' as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(account, 0));
    if address is not null then
        perform pg_advisory_xact_lock(hashtextextended(address, 0));
    end if;
end $$;

-- Whether an attempt may be made: null, or the seconds to wait.
create function "public".portcullis_attempt(
    account text, limits jsonb, pair text default null, address text default null) returns double precision
language sql stable set search_path = '' as $$
    select wait from "public".portcullis_admit(account, pair, address, limits)
$$;

-- Counts a failure: null, or the seconds to wait if it came too late to count.
create function "public".portcullis_failed(
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
create function "public".portcullis_succeeded(
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

-- 4. The import of clear-text passwords, and the check at a server's start.

-- Clear-text passwords that another program stored become hashes. `hashed` is [{"id", "clear_text", "password_hash"}];
-- one that was changed meanwhile is left for the next round. Answers how many there were.
create function "public".portcullis_import_hashes(hashed jsonb) returns integer
language plpgsql set search_path = '' as $$
declare
    done integer;
begin
    update "public"."users" u set
        -- Written over a hash, it is a newer password: older tokens end.
        "epoch" = u."epoch" + (u."password_hash" is not null and h.password_hash is not null)::integer,
        "password_hash" = coalesce(h.password_hash, u."password_hash"),
        "password" = null
    from jsonb_to_recordset(hashed) as h(id uuid, clear_text text, password_hash text)
    where u."id" = h.id and u."password" = h.clear_text;
    get diagnostics done = row_count;
    return done;
end $$;

-- What would go wrong later, said now: {"version": 1, "problems": ["..."]}.
create function "public".portcullis_check() returns jsonb
language plpgsql stable set search_path = '' as $$
declare
    users constant regclass := '"public"."users"'::regclass;
    ours constant text[] := array[
        (parse_ident('"id"'))[1], (parse_ident('"email"'))[1], (parse_ident('"role"'))[1],
        (parse_ident('"tenant_id"'))[1], (parse_ident('"created_at"'))[1], (parse_ident('"password_hash"'))[1],
        (parse_ident('"disabled"'))[1], (parse_ident('"epoch"'))[1]];
    problems text[] := '{}';
    held regclass;
    word text;
begin
    if not (select r.rolbypassrls or r.rolsuper from pg_roles r where r.rolname = current_user) then
        problems := problems || format('role %s is subject to row level security: use the service key', current_user);
    end if;
    foreach held in array array[users, '"public".portcullis_attempts'::regclass] loop
        foreach word in array array['select', 'insert', 'update', 'delete'] loop
            if not has_table_privilege(current_user, held, word) then
                problems := problems || format('role %s may not %s on %s: grant it', current_user, word, held);
            end if;
        end loop;
        if not (select c.relrowsecurity from pg_class c where c.oid = held) then
            problems := problems || format('row level security is off on %s, so that the public key may open it: run the migration again', held);
        end if;
        for word in
            select p.polname from pg_policy p where p.polrelid = held and (0::oid = any (p.polroles) or exists (
                select from pg_roles r where r.oid = any (p.polroles) and r.rolname in ('anon', 'authenticated')))
        loop
            problems := problems || format('policy "%s" lets others than the service role at %s: drop it', word, held);
        end loop;
    end loop;
    for word in
        select f.name from unnest(array[
            'find_by_login', 'create_first', 'lock', 'keep', 'update', 'delete', 'replace_password_hash',
            'admit', 'queue', 'attempt', 'failed', 'succeeded', 'import_hashes']) as f(name)
        where not exists (
            select from pg_proc p
            where p.pronamespace = '"public"'::regnamespace and p.proname = 'portcullis_' || f.name
                and has_function_privilege(current_user, p.oid, 'execute'))
    loop
        problems := problems || format('function portcullis_%s is missing, or role %s may not call it: run the migration again',
            word, current_user);
    end loop;
    if not exists (
        select from pg_index i join pg_class c on c.oid = i.indexrelid
        where i.indrelid = users and i.indisunique and i.indisvalid and c.relname = 'portcullis_users_email') then
        problems := problems || format('the unique index portcullis_users_email on %s is missing: run the migration again', users);
    end if;
    for word in
        select a.attname from pg_attribute a
        where a.attrelid = users and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
            and a.attidentity = '' and (a.attname <> all (ours) or a.attname = any (ours[3:4]))
    loop
        problems := problems || format('column "%s" of %s is not null and has no default, so that not everybody can be created: let it be null, or give it a default',
            word, users);
    end loop;
    return jsonb_build_object('version', 1, 'problems', problems);
end $$;

-- 5. Who may use all this: the service role alone.

alter table "public"."users" enable row level security;
alter table "public".portcullis_attempts enable row level security;

do $$
declare
    function regprocedure;
    other text;
begin
    -- Supabase grants everything in its schemas to everybody by default. Hashes are nobody's business.
    for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
        execute format('revoke all on "public"."users", "public".portcullis_attempts from %I', other);
    end loop;
    revoke all on "public"."users", "public".portcullis_attempts from public;
    for function in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = '"public"'::regnamespace and p.proname like 'portcullis\_%'
    loop
        execute format('revoke all on function %s from public', function);
        for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
            execute format('revoke all on function %s from %I', function, other);
        end loop;
        execute format('grant execute on function %s to "service_role"', function);
    end loop;
    grant usage on schema "public" to "service_role";
    grant select, insert, update, delete on "public"."users", "public".portcullis_attempts to "service_role";
end $$;

-- PostgREST learns of the functions.
notify pgrst, 'reload schema';

commit;
