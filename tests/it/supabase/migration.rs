//! The SQL of the crate, run by psql: twice, under other names, and on tables that were there before.

use super::store_of;
use crate::stack::{Cluster, Place, Stack};
use portcullis::stores::supabase::{CheckError, Schema};
use portcullis::test_util::conformance::{self, Broken};

/// What is wrong, as the check says it.
async fn problems(place: &Place, schema: Schema) -> Vec<String> {
    match store_of(place, schema).check().await {
        Ok(()) => Vec::new(),
        Err(CheckError::NotReady { problems }) => problems,
        Err(error) => panic!("{error}"),
    }
}

/// Everything the catalogue says of a schema: columns, indexes, functions, rights, policies.
const SHAPE: &str = "
    select 'column', c.relname, a.attname, a.atttypid::regtype, a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = current_schema::regnamespace and a.attnum > 0 order by 2, 3;
    select 'index', indexdef from pg_indexes where schemaname = current_schema order by 2;
    select 'function', proname, prosrc, proacl from pg_proc where pronamespace = current_schema::regnamespace order by 2;
    select 'table', relname, relacl, relrowsecurity from pg_class
        where relnamespace = current_schema::regnamespace and relkind = 'r' order by 2;
    select 'policy', polname from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace = current_schema::regnamespace;";

#[test]
fn run_twice_on_a_fresh_database_it_changes_nothing_the_second_time() {
    let cluster = Cluster::start();
    let migration = Schema::default().migration().unwrap();
    cluster.sql(&migration);
    let once = cluster.sql(SHAPE);
    cluster.sql("insert into users (email) values ('anna@example.com')");
    let rows = cluster.sql("select * from users");
    cluster.sql(&migration);
    assert_eq!(cluster.sql(SHAPE), once);
    assert_eq!(cluster.sql("select * from users"), rows);
    assert!(once.contains("portcullis_users_email") && once.contains("portcullis_update"));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_other_names_every_promise_is_kept() -> Result<(), Broken> {
    let place = Stack::shared().place();
    let schema = Schema::default()
        .schema(&place.schema)
        .table("people")
        .id("person")
        .email("role")
        .role("email")
        .tenant_id("org")
        .created_at("born")
        .password_hash("secret")
        .disabled("locked")
        .epoch("generation");
    place.sql(&schema.migration().unwrap());
    place.reload();
    conformance::user_directory(async || {
        place.sql("truncate people");
        let store = store_of(&place, schema.clone());
        store.check().await.unwrap();
        store
    })
    .await
}

#[tokio::test]
async fn nobody_but_the_service_role_reaches_table_or_functions() {
    let place = Stack::shared().place();
    place.sql("insert into users (email, password_hash) values ('anna@example.com', 'canary')");
    for role in ["anon", "authenticated"] {
        for statement in [
            "select * from users",
            "update users set role = 'admin'",
            "delete from users",
            "select * from portcullis_attempts",
            "select * from portcullis_counters",
            "select * from portcullis_known_addresses",
            "insert into portcullis_devices values ('a', 'a', 'a', 0, 'a', now())",
            "delete from portcullis_refunds",
            "select portcullis_throttle_acquire('{}', '{}')",
            "select portcullis_throttle_success('{}')",
            "select portcullis_throttle_refund('[]', 60)",
            "select portcullis_throttle_forgive('a', '{}', true)",
            "select * from portcullis_find_by_login('anna@example.com')",
            "select * from portcullis_update(gen_random_uuid(), '{}')",
            "select portcullis_check()",
            "select portcullis_import_hashes('[]')",
            "select portcullis_failed('a', '{}')",
        ] {
            let refused = place.try_sql(&format!("set role {role}; {statement}"));
            let error = refused.expect_err(statement);
            assert!(
                error.contains("permission denied"),
                "{role}: {statement}: {error}"
            );
        }
    }
    let functions = place.sql(
        "select count(*) from pg_proc p, (values ('anon'), ('authenticated'), ('public')) r (role)
         where p.pronamespace = current_schema::regnamespace and has_function_privilege(r.role, p.oid, 'execute')",
    );
    assert_eq!(functions.trim(), "0");
}

/// What somebody may get wrong, and the words it is told in.
const WRONG: [(&str, &str); 18] = [
    ("drop table users cascade", "no table \"users\""),
    (
        "alter table users drop column epoch cascade",
        "no column \"epoch\"",
    ),
    ("drop function portcullis_check", "functions are missing"),
    (
        "drop index portcullis_users_email",
        "portcullis_users_email",
    ),
    (
        "alter table users disable row level security",
        "row level security is off",
    ),
    (
        "create policy everybody on users for select to anon using (true)",
        "policy \"everybody\"",
    ),
    (
        "create policy everybody on users for all using (true)",
        "policy \"everybody\"",
    ),
    (
        "alter table users add column age integer not null",
        "column \"age\"",
    ),
    (
        "alter table users alter role set not null",
        "column \"role\"",
    ),
    ("revoke delete on users from service_role", "may not delete"),
    ("revoke select on users from service_role", "may not read"),
    (
        "revoke execute on function portcullis_check from service_role",
        "may not call",
    ),
    (
        "revoke insert on portcullis_attempts from service_role",
        "may not insert",
    ),
    (
        "revoke insert on portcullis_counters from service_role",
        "may not insert",
    ),
    (
        "drop table portcullis_refunds",
        "table portcullis_refunds is missing",
    ),
    (
        "drop function portcullis_throttle_evict",
        "function portcullis_throttle_evict is missing",
    ),
    (
        "create or replace function portcullis_check() returns jsonb language sql stable as
         $$ select '{\"version\": 1, \"problems\": []}'::jsonb $$",
        "version 1 of the migration",
    ),
    (
        "create or replace function portcullis_check() returns jsonb language sql stable as
         $$ select '{\"version\": 7, \"problems\": []}'::jsonb $$",
        "version 7",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_check_names_what_is_wrong() {
    let mut places = Vec::new();
    for (wrong, named) in WRONG {
        let place = Stack::shared().place();
        assert_eq!(problems(&place, Schema::default()).await, [""; 0]);
        place.sql(wrong);
        places.push((place, wrong, named));
    }
    // Once for all of them: it takes its time.
    places[0].0.reload();
    for (place, wrong, named) in &places {
        let found = problems(place, Schema::default()).await.join("; ");
        assert!(found.contains(named), "{wrong}: {found:?}");
    }
    let place = Stack::shared().place();
    let nowhere = Schema::default().schema("nowhere");
    let store = portcullis::stores::supabase::SupabaseStore::builder(
        &place.url,
        portcullis::stores::supabase::SupabaseKey::new(&place.service_key).unwrap(),
    );
    let error = store.schema(nowhere).build().unwrap().check().await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("schema \"nowhere\" is not exposed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_table_whose_ids_are_no_uuids_is_refused_before_anything_is_changed() {
    let place = Stack::shared().place();
    place
        .sql("drop table users cascade; create table users (id bigserial primary key, email text)");
    let schema = Schema::default().schema(&place.schema);
    let error = place.try_sql(&schema.migration().unwrap()).unwrap_err();
    assert!(
        error.contains("column \"id\" of users is bigint, not uuid"),
        "{error}"
    );
    let columns = place
        .sql("select attname from pg_attribute where attrelid = 'users'::regclass and attnum > 0");
    assert_eq!(columns.trim(), "id\nemail");
}

#[tokio::test]
async fn two_spellings_of_one_address_that_are_there_already_are_named_and_nothing_is_changed() {
    let place = Stack::shared().place();
    place.sql(
        "drop table users cascade; create table users (id uuid primary key, email text unique);
         insert into users values (gen_random_uuid(), 'Anna@example.com'), (gen_random_uuid(), 'anna@example.com ')",
    );
    let schema = Schema::default().schema(&place.schema);
    let error = place.try_sql(&schema.migration().unwrap()).unwrap_err();
    assert!(
        error.contains("(anna@example.com) is duplicated"),
        "{error}"
    );
    assert!(place.sql("select count(*) from users").trim() == "2");
}

#[tokio::test]
async fn a_later_version_of_the_migration_serves_if_it_says_so() {
    let place = Stack::shared().place();
    for (serves_from, is_served) in [(1, true), (2, true), (3, false)] {
        place.sql(&format!(
            "create or replace function portcullis_check() returns jsonb language sql stable as
             $$ select '{{\"version\": 5, \"serves_from\": {serves_from}, \"problems\": []}}'::jsonb $$"
        ));
        let found = problems(&place, Schema::default()).await;
        assert_eq!(found.is_empty(), is_served, "{serves_from}: {found:?}");
    }
}

#[tokio::test]
async fn functions_and_indexes_of_others_are_left_alone_whatever_their_names() {
    let place = Stack::shared().place();
    place.sql(
        "create function portcullis_foreign() returns integer language sql as $$ select 7 $$;
         create table foreign_users (email text);
         create index portcullis_users_of_mine on foreign_users (email);
         grant execute on function portcullis_foreign to anon",
    );
    let rights = "select proacl from pg_proc where proname = 'portcullis_foreign'
        and pronamespace = current_schema::regnamespace";
    let before = place.sql(rights);
    place.sql(&Schema::default().schema(&place.schema).migration().unwrap());
    assert_eq!(place.sql("select portcullis_foreign()"), "7");
    assert_eq!(place.sql(rights), before);
    assert_eq!(
        place.sql("select count(*) from pg_indexes where indexname = 'portcullis_users_of_mine' and schemaname = current_schema"),
        "1"
    );
}
