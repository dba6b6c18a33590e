//! `server migration`: what it prints is what psql takes, and what the server starts on.

use super::super::PASSWORD;
use super::super::program::{Program, finish};
use super::super::raw::{call, sign_in, token};
use super::super::site::Supabase;
use super::original::{Original, USERS, empty_place};
use super::{printed_migration, starts};
use portcullis::PasswordHasher;
use portcullis::test_util::cheap_hash_params;
use tempfile::TempDir;

#[test]
fn on_an_empty_schema_the_migration_runs_twice_and_the_server_starts() {
    let place = empty_place();
    let migration = printed_migration(&place);
    for _ in 0..2 {
        place.sql(&migration);
        place.reload();
        starts(&place);
    }
    // A third time with somebody in it.
    place.sql(&migration);
    let variables = Supabase::variables(&place);
    let program = Program::start(TempDir::new().unwrap(), &[], &variables);
    assert_eq!(
        sign_in(program.address, "a@example.com", PASSWORD).status,
        200
    );
}

#[test]
fn on_the_originals_table_the_migration_changes_no_row_and_the_server_starts() {
    let original = Original::new();
    let place = &original.place;
    let rows = "select id, email, password, role, tenant_id, created_at from users order by id";
    let before = place.sql(rows);
    let migration = printed_migration(place);
    for _ in 0..2 {
        place.sql(&migration);
        assert_eq!(place.sql(rows), before);
    }
    place.reload();
    // Nobody is created where somebody is.
    starts(place);
    assert_eq!(place.sql("select count(*) from users"), USERS.to_string());

    // Whoever has a hash sees everybody of the tenant, and nobody's password.
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    let hash = hasher.hash(&PASSWORD.into()).unwrap();
    let person = &original.people[0];
    place.sql(&format!(
        "update users set password_hash = '{}' where id = '{}'",
        hash.expose(),
        person.id
    ));
    let program = Program::start(TempDir::new().unwrap(), &[], &Supabase::variables(place));
    let bearer = token(&sign_in(program.address, &person.email, PASSWORD));
    let users = call(program.address, "GET", "/users?limit=1000", &bearer, "");
    assert_eq!(users.status, 200, "{}", users.body);
    let members = place.sql("select count(*) from users where tenant_id is not null");
    assert_eq!(users.header("x-total-count"), Some(&*members));
    assert!(!users.body.contains("canary"), "{}", users.body);
}

#[test]
fn two_rows_of_one_mailbox_stop_the_migration_which_names_them_and_changes_nothing() {
    let original = Original::new();
    let place = &original.place;
    place.sql("insert into users (email, password) values ('USER0@example.com', 'canary')");
    let error = place.try_sql(&printed_migration(place)).unwrap_err();
    assert!(error.contains("portcullis_users_email"), "{error}");
    assert!(
        error.contains("(lower(btrim(email)))=(user0@example.com) is duplicated"),
        "{error}"
    );
    let columns =
        "select count(*) from pg_attribute where attrelid = 'users'::regclass and attnum > 0";
    assert_eq!(place.sql(columns), "6");
    place.sql("delete from users where email = 'USER0@example.com'");
    place.sql(&printed_migration(place));
}

#[test]
fn a_name_that_is_none_prints_no_sql() {
    let folder = TempDir::new().unwrap();
    let output = finish(
        folder.path(),
        &["migration"],
        &[("SUPABASE_TABLE", "users; drop table x")],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("SUPABASE_TABLE") && error.lines().count() == 1,
        "{error}"
    );
}
