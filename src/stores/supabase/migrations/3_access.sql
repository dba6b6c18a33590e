-- Who may use what 1_users.sql and 2_throttle.sql made: the service role alone. And what looks after it at each start.
--
-- Run it last, in the same way.
begin;
set local client_min_messages to warning;

-- Clear-text passwords that another program stored become hashes. `hashed` is [{"id", "clear_text", "password_hash"}];
-- one that was changed meanwhile is left for the next round. Answers how many there were.
create or replace function "public".portcullis_import_hashes(hashed jsonb) returns integer
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
create or replace function "public".portcullis_check() returns jsonb
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
            problems := problems || format('row level security is off on %s: anybody with the public key reads it', held);
        end if;
        for word in
            select p.polname from pg_policy p where p.polrelid = held and (0::oid = any (p.polroles) or exists (
                select from pg_roles r where r.oid = any (p.polroles) and r.rolname in ('anon', 'authenticated')))
        loop
            problems := problems || format('policy "%s" lets others than the service role at %s: drop it', word, held);
        end loop;
    end loop;
    if not exists (
        select from pg_index i join pg_class c on c.oid = i.indexrelid
        where i.indrelid = users and i.indisunique and i.indisvalid and c.relname = 'portcullis_users_email') then
        problems := problems || format('the unique index portcullis_users_email on %s is missing', users);
    end if;
    for word in
        select a.attname from pg_attribute a
        where a.attrelid = users and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
            and a.attidentity = '' and (a.attname <> all (ours) or a.attname = any (ours[3:4]))
    loop
        problems := problems || format('column "%s" of %s is not null and has no default: not everybody can be created',
            word, users);
    end loop;
    return jsonb_build_object('version', 1, 'problems', problems);
end $$;

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
