-- What portcullis needs in a Supabase (or any PostgREST) database: columns, rules and functions.
--
-- Run it as the owner of the table, in Supabase's SQL editor or by psql. It is one transaction, and running it again
-- changes nothing. Other names of schema, table, columns or role: take the text that
-- `stores::supabase::Schema::migration` gives.
begin;
set local client_min_messages to warning;

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
end $$;

-- Two spellings of one mailbox meet in this index, also those that another program wrote.
create unique index if not exists portcullis_users_email on "public"."users" (lower(btrim("email")));
-- Serves the list in its order.
create index if not exists portcullis_users_in_order on "public"."users" ("tenant_id", "created_at", "id");

-- The functions return rows of the table, of which PostgREST gives the columns that are asked for. An argument that has
-- a default is left out where there is nothing to say.

-- Not a filter in an address: addresses are written to logs.
create or replace function "public".portcullis_find_by_login(login text) returns setof "public"."users"
language sql stable set search_path = '' as $$
    select u.* from "public"."users" u where lower(btrim(u."email")) = login
$$;

-- Creates a user if there is none at all. The lock lets nobody else insert meanwhile.
create or replace function "public".portcullis_create_first(new_user jsonb) returns setof "public"."users"
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
create or replace function "public".portcullis_lock(user_id uuid, tenant text, keep_role text)
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
create or replace function "public".portcullis_keep(one "public"."users", keep_role text) returns void
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
create or replace function "public".portcullis_update(
    user_id uuid, changes jsonb, tenant text default null, keep_role text default null) returns setof "public"."users"
language plpgsql set search_path = '' as $$
declare
    before "public"."users" := "public".portcullis_lock(user_id, tenant, keep_role);
    after "public"."users" := jsonb_populate_record(before, changes);
begin
    if after."disabled" or after."role"::text is distinct from keep_role then
        perform "public".portcullis_keep(before, keep_role);
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
create or replace function "public".portcullis_delete(
    user_id uuid, tenant text default null, keep_role text default null) returns setof "public"."users"
language plpgsql set search_path = '' as $$
declare
    before "public"."users" := "public".portcullis_lock(user_id, tenant, keep_role);
begin
    perform "public".portcullis_keep(before, keep_role);
    return query delete from "public"."users" u where u."id" = before."id" returning u.*;
end $$;

-- Puts a new hash in the place of the old one; false if it is not the old one any more.
create or replace function "public".portcullis_replace_password_hash(user_id uuid, old_hash text, new_hash text)
returns boolean
language plpgsql set search_path = '' as $$
begin
    update "public"."users" u set "password_hash" = new_hash
    where u."id" = user_id and u."password_hash" = old_hash;
    return found;
end $$;

commit;
