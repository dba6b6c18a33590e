-- 6. Failed sign-ins, counted for all servers of one database: what `stores::supabase::SupabaseThrottle` calls.
--
-- Each function that it calls is one atomic step. The times are the database's, so servers' clocks need not agree. Whom
-- a row is about is only there as a keyed hash, which servers compute; no secret is here. Nothing is dropped, so that
-- servers go on while this runs.
--
-- Whatever needs several locks takes them in this order: advisory locks by their number, counters by name, then the
-- tables of addresses and devices. Rows that are only tidied away are skipped where somebody else has them.

create table if not exists "public".portcullis_counters (
    name       text        not null primary key,
    -- Of a client address or a network; else of an account, a known address, a device, or all devices of an account.
    is_address boolean     not null,
    failures   integer     not null,
    -- The last failure; of an address the start of its window.
    since      timestamptz not null,
    forget_at  timestamptz not null,
    -- Differs between a counter and the one that takes its place after it was cleared or forgotten.
    generation uuid        not null
);
create index if not exists portcullis_counters_forget_at on "public".portcullis_counters (forget_at);

-- Addresses that an account was signed in from: at most 16 each, for 30 days. The name is that of their counter.
create table if not exists "public".portcullis_known_addresses (
    name     text        not null primary key,
    account  text        not null,
    last_use timestamptz not null
);
create index if not exists portcullis_known_addresses_account on "public".portcullis_known_addresses (account, last_use);
create index if not exists portcullis_known_addresses_last_use on "public".portcullis_known_addresses (last_use);

-- Devices that an account was signed in on: at most 16 each, for 180 days. The id names their counter.
create table if not exists "public".portcullis_devices (
    id            text        not null primary key,
    account       text        not null,
    account_id    text        not null,
    token_version numeric(20) not null,
    secret_hash   text        not null,
    last_use      timestamptz not null
);
create index if not exists portcullis_devices_account on "public".portcullis_devices (account, last_use);
create index if not exists portcullis_devices_account_id on "public".portcullis_devices (account_id);
create index if not exists portcullis_devices_last_use on "public".portcullis_devices (last_use);

-- Attempts whose charge was given back, so that a request that is sent again gives nothing back twice. The servers say how long
-- they are kept: for longer than a request is waited for.
create table if not exists "public".portcullis_refunds (
    id       uuid        not null primary key,
    given_at timestamptz not null
);
create index if not exists portcullis_refunds_given_at on "public".portcullis_refunds (given_at);

create or replace function "public".portcullis_throttle_now() returns timestamptz
language sql volatile set search_path = '' as $$
    select clock_timestamp()
$$;

-- How many counters there are of accounts and their devices, and how many of addresses.
create or replace function "public".portcullis_throttle_capacity() returns integer
language sql stable set search_path = '' as $$
    select 100000
$$;

-- Makes transactions that touch one of these names wait for each other, also where there is no row to lock yet:
-- parallel guesses must not slip past.
create or replace function "public".portcullis_throttle_lock(names text[]) returns void
language plpgsql set search_path = '' as $$
declare
    number bigint;
begin
    for number in select distinct hashtextextended(n.name, 0) from unnest(names) as n(name) order by 1 loop
        perform pg_advisory_xact_lock(number);
    end loop;
end $$;

-- Locks the rows of these counters, in the order of their names, and answers their generations. Whoever does not hold the
-- names themselves touches no others afterwards: those that come meanwhile would be locked out of order.
create or replace function "public".portcullis_throttle_lock_rows(names text[]) returns setof uuid
language sql set search_path = '' as $$
    select c.generation from "public".portcullis_counters c where c.name = any (names) order by c.name for update
$$;

-- The failures of a counter under all its names, and the last of them (or the start of the window). `legacy` is what 0.1
-- called it, and `legacy_account` its account, whose failures may have been forgiven.
create or replace function "public".portcullis_throttle_count(
    names text[], legacy text, legacy_account text, moment timestamptz, out failures integer, out since timestamptz)
language sql stable set search_path = '' as $$
    select coalesce(sum(c.failures), 0)::integer, max(c.since) from (
        select c.failures, c.since from "public".portcullis_counters c where c.name = any (names) and c.forget_at > moment
        union all
        select a.failures, a.since from "public".portcullis_attempts a
        where a.key = legacy and a.forget_at > moment and not exists (
            select from "public".portcullis_attempts f where f.key = 'forgiven ' || legacy_account and f.since >= a.since)
    ) c
$$;

-- Counts one failure, and answers what it takes to give it back: {name, generation, since_before}.
create or replace function "public".portcullis_throttle_charge(
    counter text, of_address boolean, address_window interval, moment timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
    since_before timestamptz;
    generation uuid;
begin
    select c.since into since_before from "public".portcullis_counters c where c.name = counter and c.forget_at > moment;
    insert into "public".portcullis_counters as c (name, is_address, failures, since, forget_at, generation)
    values (counter, of_address, 1, moment,
        moment + case when of_address then address_window else interval '30 days' end, gen_random_uuid())
    on conflict (name) do update set
        failures = case when c.forget_at > moment then c.failures + 1 else 1 end,
        since = case when c.forget_at > moment and of_address then c.since else moment end,
        forget_at = case
            when c.forget_at > moment and of_address then c.forget_at
            else excluded.forget_at end,
        generation = case when c.forget_at > moment then c.generation else excluded.generation end
    returning c.generation into generation;
    return jsonb_build_object('name', counter, 'generation', generation, 'since_before', coalesce(since_before, moment));
end $$;

-- Gives back a failure that was charged at that time, unless the counter was cleared or has begun anew since.
create or replace function "public".portcullis_throttle_give_back(charge jsonb, charged_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
    counter constant text := charge ->> 'name';
    charged_generation constant uuid := (charge ->> 'generation')::uuid;
    since_before constant timestamptz := (charge ->> 'since_before')::timestamptz;
begin
    update "public".portcullis_counters c set
        failures = c.failures - 1,
        since = case when c.since = charged_at then since_before else c.since end,
        forget_at = case when c.is_address then c.forget_at
            else case when c.since = charged_at then since_before else c.since end
                + interval '30 days' end
    where c.name = counter and c.generation = charged_generation;
    delete from "public".portcullis_counters c
    where c.name = counter and c.generation = charged_generation and c.failures <= 0;
end $$;

-- Makes room where there are too many counters: what is forgotten goes first, then those with the fewest failures, so
-- that made-up names cannot push out the counter of an account under attack. The counters are counted some hundred
-- times while a full table of them comes, not each time.
create or replace function "public".portcullis_throttle_evict(of_addresses boolean, moment timestamptz) returns void
language plpgsql set search_path = '' as $$
declare
    capacity constant integer := "public".portcullis_throttle_capacity();
    room constant integer := capacity / 64;
    surplus bigint;
begin
    if random() * capacity >= 128 then
        return;
    end if;
    select count(*) - capacity into surplus from "public".portcullis_counters c where c.is_address = of_addresses;
    if surplus > 0 then
        delete from "public".portcullis_counters d using (
            select c.name from "public".portcullis_counters c where c.is_address = of_addresses
            order by c.forget_at > moment, c.failures, c.since limit surplus + room for update skip locked
        ) gone where d.name = gone.name;
    end if;
end $$;

-- Deletes what is forgotten, a little at a time.
create or replace function "public".portcullis_throttle_forget(moment timestamptz) returns void
language plpgsql set search_path = '' as $$
begin
    delete from "public".portcullis_counters d using (
        select c.name from "public".portcullis_counters c where c.forget_at <= moment
        order by c.forget_at limit 20 for update skip locked
    ) gone where d.name = gone.name;
    delete from "public".portcullis_attempts d using (
        select a.key from "public".portcullis_attempts a where a.forget_at <= moment
        order by a.forget_at limit 20 for update skip locked
    ) gone where d.key = gone.key;
end $$;

-- Judges the counter that an attempt falls on and charges a failure to it. `attempt` holds names by kind (`account`,
-- `all_devices`, `known_address`, `address`, `network`), each a list of which the first is charged and all are judged;
-- `device` {id, secret_hash}; `in_flight`, of how many failures by kind the server does not know the outcome yet; and
-- `legacy`, the names of 0.1. Answers {limited} with the microseconds to wait, {busy}, or {admitted}.
create or replace function "public".portcullis_throttle_acquire(attempt jsonb, limits jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
    accounts constant text[] := array(select jsonb_array_elements_text(attempt -> 'account'));
    known_addresses constant text[] := array(select jsonb_array_elements_text(attempt -> 'known_address'));
    addresses constant text[] := array(select jsonb_array_elements_text(attempt -> 'address'));
    networks constant text[] := array(select jsonb_array_elements_text(attempt -> 'network'));
    legacy constant jsonb := attempt -> 'legacy';
    address_window constant interval := make_interval(secs => (limits ->> 'address_window')::double precision);
    kind text := 'account';
    counted text[] := accounts;
    all_devices text[] := '{}';
    device "public".portcullis_devices;
    known text;
    moment timestamptz := "public".portcullis_throttle_now();
    judged record;
    failures_before integer := 0;
    wait numeric;
    longest numeric;
    busy boolean := false;
    admitted jsonb;
begin
    select d.* into device from "public".portcullis_devices d
    where d.id = attempt #>> '{device,id}' and d.secret_hash = attempt #>> '{device,secret_hash}'
        and d.account = any (accounts) and d.last_use > moment - interval '180 days';
    select k.name into known from "public".portcullis_known_addresses k
    where k.name = any (known_addresses) and k.last_use > moment - interval '30 days' order by k.last_use desc limit 1;
    if device.id is not null then
        kind := 'device';
        counted := array[device.id];
        all_devices := array(select jsonb_array_elements_text(attempt -> 'all_devices'));
    elsif known is not null then
        kind := 'known_address';
        counted := known || known_addresses;
    elsif exists (
        select from "public".portcullis_attempts a
        where a.key = 'familiar ' || (legacy ->> 'known_address') and a.forget_at > moment and not exists (
            select from "public".portcullis_attempts f
            where f.key = 'forgotten ' || (legacy ->> 'account') and f.since >= a.since)) then
        kind := 'known_address';
        counted := known_addresses;
    end if;

    perform "public".portcullis_throttle_lock(counted || all_devices || addresses || networks);
    perform "public".portcullis_throttle_lock_rows(counted || all_devices || addresses || networks);
    moment := "public".portcullis_throttle_now();
    -- A clock that was set back must not stretch a delay of a second to years.
    update "public".portcullis_counters c set
        since = moment,
        forget_at = moment + case when c.is_address then address_window else interval '30 days' end
    where c.name = any (counted || all_devices || addresses || networks) and c.since > moment;
    for judged in
        select k.kind, k.threshold, c.failures, c.since, coalesce((attempt -> 'in_flight' ->> k.kind)::integer, 0) as in_flight
        from (values
            (kind, counted, legacy ->> kind, (limits ->> 'account_failures')::integer),
            ('all_devices', all_devices, null, 100),
            -- Known addresses and devices are not stopped by what others do at their address.
            ('address', case kind when 'account' then addresses else '{}' end,
                case kind when 'account' then legacy ->> 'address' end, (limits ->> 'address_failures')::integer)
        ) as k (kind, names, legacy_name, threshold)
        cross join lateral "public".portcullis_throttle_count(
            k.names, k.legacy_name, case when k.kind <> 'address' then legacy ->> 'account' end, moment) c
    loop
        if judged.kind = kind then
            failures_before := judged.failures;
        end if;
        continue when judged.failures < judged.threshold;
        wait := extract(epoch from case
                when judged.kind = 'address' then address_window
                when judged.failures >= 100 then interval '24 hours'
                else make_interval(secs => least(2 ^ (judged.failures - judged.threshold)::double precision, 3600))
            end - greatest(moment - judged.since, interval '0'));
        if wait > 0 and judged.failures - judged.in_flight < judged.threshold then
            busy := true;
        elsif wait > 0 then
            longest := greatest(longest, wait);
        end if;
    end loop;
    if longest is not null then
        return jsonb_build_object('limited', (longest * 1000000)::bigint);
    elsif busy then
        return jsonb_build_object('busy', true);
    end if;

    select jsonb_build_object(
        'counter', kind, 'failures', failures_before, 'crowded_network', c.failures >= 1000, 'at', moment,
        'account_id', device.account_id, 'token_version', device.token_version) into admitted
    from "public".portcullis_throttle_count(networks, null, null, moment) c;
    admitted := jsonb_set(admitted, '{charged}', jsonb_build_object(
        'counter', "public".portcullis_throttle_charge(counted[1], false, address_window, moment)));
    if cardinality(all_devices) > 0 then
        admitted := jsonb_set(admitted, '{charged,all_devices}',
            "public".portcullis_throttle_charge(all_devices[1], false, address_window, moment));
    end if;
    if cardinality(addresses) > 0 then
        admitted := jsonb_set(admitted, '{charged,address}',
            "public".portcullis_throttle_charge(addresses[1], true, address_window, moment));
    end if;
    if cardinality(networks) > 0 then
        admitted := jsonb_set(admitted, '{charged,network}',
            "public".portcullis_throttle_charge(networks[1], true, address_window, moment));
    end if;
    -- An address that only 0.1 has recorded: from now on it can be found by the account.
    if kind = 'known_address' and known is null then
        insert into "public".portcullis_known_addresses (name, account, last_use)
        select known_addresses[1], accounts[1], a.forget_at - interval '30 days' from "public".portcullis_attempts a
        where a.key = 'familiar ' || (legacy ->> 'known_address')
        on conflict (name) do nothing;
    end if;
    perform "public".portcullis_throttle_forget(moment);
    perform "public".portcullis_throttle_evict(false, moment);
    perform "public".portcullis_throttle_evict(true, moment);
    return jsonb_build_object('admitted', admitted);
end $$;

-- Deletes known addresses and devices: those of an account beyond its sixteen last used (`used` are those of now), and a
-- few that are forgotten. What was recorded while the clock was ahead counts as used now.
create or replace function "public".portcullis_throttle_forget_places(accounts text[], used text[], moment timestamptz)
returns void
language plpgsql set search_path = '' as $$
declare
    -- Looked up without a lock, which would be written to each of the sixteen.
    addresses constant text[] := array(
        select k.name from "public".portcullis_known_addresses k where k.account = any (accounts)
        order by k.name = any (used) desc, least(k.last_use, moment) desc offset 16);
    devices constant text[] := array(
        select k.id from "public".portcullis_devices k where k.account = any (accounts)
        order by k.id = any (used) desc, least(k.last_use, moment) desc offset 16);
begin
    delete from "public".portcullis_known_addresses d using (
        select k.name from "public".portcullis_known_addresses k
        where k.name = any (addresses) for update skip locked
    ) gone where d.name = gone.name;
    delete from "public".portcullis_devices d using (
        select k.id from "public".portcullis_devices k where k.id = any (devices) for update skip locked
    ) gone where d.id = gone.id;
    delete from "public".portcullis_known_addresses d using (
        select k.name from "public".portcullis_known_addresses k where k.last_use <= moment - interval '30 days'
        order by k.last_use limit 20 for update skip locked
    ) gone where d.name = gone.name;
    delete from "public".portcullis_devices d using (
        select k.id from "public".portcullis_devices k where k.last_use <= moment - interval '180 days'
        order by k.last_use limit 20 for update skip locked
    ) gone where d.id = gone.id;
end $$;

-- Ends an account's row of failures. `success` holds the attempt's `id`, when it was charged (`at`), the charges to
-- give back (`refund`), the counters to clear (`clear`, and `legacy_clear` of 0.1), the account's names, those of its
-- known address, `account_id`, `token_version`, and the `devices` to record.
create or replace function "public".portcullis_throttle_success(success jsonb) returns boolean
language plpgsql set search_path = '' as $$
declare
    accounts constant text[] := array(select jsonb_array_elements_text(success -> 'account'));
    known_addresses constant text[] := array(select jsonb_array_elements_text(success -> 'known_address'));
    cleared constant text[] := array(select jsonb_array_elements_text(success -> 'clear'));
    refund constant jsonb := coalesce(success -> 'refund', '[]');
    locked uuid[];
    moment timestamptz;
    charge jsonb;
    device record;
begin
    perform "public".portcullis_throttle_lock(accounts);
    locked := array(select "public".portcullis_throttle_lock_rows(
        cleared || array(select r.value ->> 'name' from jsonb_array_elements(refund) r)));
    moment := "public".portcullis_throttle_now();
    -- This request may come late, when the server has given up on it and had the whole charge given back.
    if not exists (select from "public".portcullis_refunds r where r.id = (success ->> 'id')::uuid) then
        for charge in select r.value from jsonb_array_elements(refund) r loop
            perform "public".portcullis_throttle_give_back(charge, (success ->> 'at')::timestamptz);
        end loop;
    end if;
    delete from "public".portcullis_counters c where c.name = any (cleared) and c.generation = any (locked);
    delete from "public".portcullis_attempts a where a.key = success ->> 'legacy_clear';

    if cardinality(known_addresses) > 0 and not exists (
        select from "public".portcullis_known_addresses k
        where k.name = known_addresses[1] and k.account = accounts[1] and k.last_use > moment - interval '24 hours')
    then
        insert into "public".portcullis_known_addresses as k (name, account, last_use)
        values (known_addresses[1], accounts[1], moment)
        on conflict (name) do update set account = excluded.account, last_use = excluded.last_use;
        delete from "public".portcullis_known_addresses k where k.name = any (known_addresses[2:]);
    end if;

    for device in
        select d.id, d.secret_hash from jsonb_to_recordset(success -> 'devices') as d(id text, secret_hash text)
        where not exists (
            select from "public".portcullis_devices k
            where k.id = d.id and k.account = any (accounts) and k.account_id = success ->> 'account_id'
                and k.token_version = (success ->> 'token_version')::numeric and k.last_use > moment - interval '24 hours')
        order by d.id
    loop
        insert into "public".portcullis_devices as k (id, account, account_id, token_version, secret_hash, last_use)
        values (device.id, accounts[1], success ->> 'account_id', (success ->> 'token_version')::numeric,
            device.secret_hash, moment)
        on conflict (id) do update set account = excluded.account, account_id = excluded.account_id,
            token_version = excluded.token_version, secret_hash = excluded.secret_hash, last_use = excluded.last_use;
    end loop;
    perform "public".portcullis_throttle_forget_places(accounts,
        known_addresses[1:1] || array(select d.id from jsonb_to_recordset(success -> 'devices') as d(id text)), moment);
    return true;
end $$;

-- Gives back the charges of attempts that were never made: [{id, at, charged, unless_cleared}]. An id is given back
-- once. Where `unless_cleared` is true, nobody knows whether the attempt succeeded: then its counter, the first that was
-- charged, is gone and the address has its failure back already. Ids are remembered for `keep_seconds`.
create or replace function "public".portcullis_throttle_refund(attempts jsonb, keep_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
declare
    moment timestamptz;
    attempt jsonb;
    charge jsonb;
begin
    perform "public".portcullis_throttle_lock_rows(array(
        select g.value ->> 'name' from jsonb_array_elements(attempts) a, jsonb_array_elements(a.value -> 'charged') g));
    moment := "public".portcullis_throttle_now();
    for attempt in select a.value from jsonb_array_elements(attempts) with ordinality as a(value, place) order by a.place
    loop
        insert into "public".portcullis_refunds (id, given_at) values ((attempt ->> 'id')::uuid, moment)
        on conflict do nothing;
        continue when not found;
        continue when (attempt ->> 'unless_cleared')::boolean and not exists (
            select from "public".portcullis_counters c
            where c.name = attempt #>> '{charged,0,name}' and c.generation = (attempt #>> '{charged,0,generation}')::uuid);
        for charge in select g.value from jsonb_array_elements(attempt -> 'charged') g loop
            perform "public".portcullis_throttle_give_back(charge, (attempt ->> 'at')::timestamptz);
        end loop;
    end loop;
    delete from "public".portcullis_refunds d using (
        select r.id from "public".portcullis_refunds r where r.given_at <= moment - make_interval(secs => keep_seconds)
        order by r.given_at limit 2 * jsonb_array_length(attempts) for update skip locked
    ) gone where d.id = gone.id;
    return true;
end $$;

-- Clears the failures of an account: `account` and `all_devices` hold its names by all its logins, `legacy` those of
-- 0.1. With `everything` its known addresses and devices are deleted too.
create or replace function "public".portcullis_throttle_forgive(
    account_id text, names jsonb, everything boolean) returns boolean
language plpgsql set search_path = '' as $$
declare
    accounts constant text[] := array(select jsonb_array_elements_text(names -> 'account'));
    legacy constant text[] := array(select jsonb_array_elements_text(names -> 'legacy'));
    cleared text[] := accounts || array(select jsonb_array_elements_text(names -> 'all_devices'));
    owner constant text := account_id;
    locked uuid[];
    moment timestamptz;
begin
    -- First whoever is about to record an address or a device of theirs.
    perform "public".portcullis_throttle_lock(accounts);
    cleared := cleared
        || array(select k.name from "public".portcullis_known_addresses k where k.account = any (accounts))
        || array(select d.id from "public".portcullis_devices d where d.account = any (accounts) or d.account_id = owner);
    locked := array(select "public".portcullis_throttle_lock_rows(cleared));
    moment := "public".portcullis_throttle_now();
    delete from "public".portcullis_counters c where c.name = any (cleared) and c.generation = any (locked);
    perform from "public".portcullis_attempts a where a.key = any (legacy) order by a.key for update;
    delete from "public".portcullis_attempts a where a.key = any (legacy);
    -- The addresses that 0.1 knows of an account can't be found by its name: what is older than this is void.
    insert into "public".portcullis_attempts as a (key, since, forget_at)
    select k.kind || l.name, moment, moment + interval '30 days'
    from (select distinct n.name from unnest(legacy) as n(name)) as l, (values ('forgiven '), ('forgotten ')) as k(kind)
    where everything or k.kind = 'forgiven '
    order by 1
    on conflict (key) do update set since = excluded.since, forget_at = excluded.forget_at;
    if everything then
        delete from "public".portcullis_known_addresses k where k.account = any (accounts);
        perform from "public".portcullis_devices d
        where d.account = any (accounts) or d.account_id = owner order by d.id for update;
        delete from "public".portcullis_devices d where d.account = any (accounts) or d.account_id = owner;
    end if;
    return true;
end $$;

-- 7. Who may use it: the service role alone.

do $$
declare
    function regprocedure;
    other text;
    relation text;
begin
    foreach relation in array array[
        'portcullis_counters', 'portcullis_known_addresses', 'portcullis_devices', 'portcullis_refunds']
    loop
        execute format('alter table "public".%I enable row level security', relation);
        execute format('revoke all on "public".%I from public', relation);
        for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
            execute format('revoke all on "public".%I from %I', relation, other);
        end loop;
        execute format('grant select, insert, update, delete on "public".%I to "service_role"', relation);
    end loop;
    for function in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = '"public"'::regnamespace and p.proname in (
            'portcullis_throttle_acquire', 'portcullis_throttle_success', 'portcullis_throttle_refund',
            'portcullis_throttle_forgive', 'portcullis_throttle_now', 'portcullis_throttle_capacity',
            'portcullis_throttle_lock', 'portcullis_throttle_lock_rows', 'portcullis_throttle_count',
            'portcullis_throttle_charge', 'portcullis_throttle_give_back', 'portcullis_throttle_evict', 'portcullis_throttle_forget',
            'portcullis_throttle_forget_places')
    loop
        execute format('revoke all on function %s from public', function);
        for other in select r.rolname from pg_roles r where r.rolname in ('anon', 'authenticated') loop
            execute format('revoke all on function %s from %I', function, other);
        end loop;
        execute format('grant execute on function %s to "service_role"', function);
    end loop;
end $$;
