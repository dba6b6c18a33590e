//! A password that is changed while the import runs, by the original program or by this one, is the one that counts.

use super::super::super::held::held_from;
use super::super::super::raw::{call, sign_in, token};
use super::super::super::{NEW_PASSWORD, PASSWORD};
use super::super::original::Original;
use super::{count, import, server};
use portcullis::PasswordHasher;
use portcullis::test_util::cheap_hash_params;
use serde_json::json;

#[test]
fn a_password_the_original_changes_between_read_and_write_is_not_lost() {
    let original = Original::migrated();
    let place = &original.place;
    // The longest is not what this is about.
    place.sql("update users set password = 'canary' where length(password) > 1024");
    let person = &original.people[0];
    // The import reads what it was, and writes when it is another.
    let change = format!(
        "update users set password = '{NEW_PASSWORD}' where id = '{}'",
        person.id
    );
    let said = held_from(place, &change, 1, || import(place));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(
        said.error,
        "error: 1 rows still hold a clear-text password: stop what wrote 1 of them meanwhile, and run this again\n"
    );
    let waiting = format!(
        "id = '{}' and password = '{NEW_PASSWORD}' and password_hash is null",
        person.id
    );
    assert_eq!(count(&original, &waiting), 1);

    let said = import(place);
    assert_eq!(said.code, Some(0), "{said:?}");
    let program = server(place);
    assert_eq!(
        sign_in(program.address, &person.email, NEW_PASSWORD).status,
        200
    );
    assert_eq!(
        sign_in(program.address, &person.email, &person.password).status,
        401
    );
}

#[test]
fn a_password_set_on_this_server_before_the_import_is_not_undone_by_it() {
    let original = Original::migrated();
    let place = &original.place;
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    let hash = hasher.hash(&PASSWORD.into()).unwrap();
    let (admin, person) = (&original.people[0], &original.people[1]);
    place.sql(&format!(
        "update users set password = null, password_hash = '{}' where id = '{}'",
        hash.expose(),
        admin.id
    ));
    let program = server(place);
    let bearer = token(&sign_in(program.address, &admin.email, PASSWORD));
    let path = format!("/users/{}", person.id);

    // Another change leaves the clear text for the import.
    let renamed = call(
        program.address,
        "PATCH",
        &path,
        &bearer,
        r#"{"role":"member"}"#,
    );
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    let waits = format!("id = '{}' and password is not null", person.id);
    assert_eq!(count(&original, &waits), 1);

    let body = json!({"password": NEW_PASSWORD}).to_string();
    let changed = call(program.address, "PATCH", &path, &bearer, &body);
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(count(&original, &waits), 0);
    let signed_in = token(&sign_in(program.address, &person.email, NEW_PASSWORD));
    import(place);
    assert_eq!(
        sign_in(program.address, &person.email, NEW_PASSWORD).status,
        200
    );
    assert_eq!(
        sign_in(program.address, &person.email, &person.password).status,
        401
    );
    assert_eq!(
        call(program.address, "GET", "/users/me", &signed_in, "").status,
        200
    );

    // What the original writes after that is newer again, and ends what was signed in with before.
    let clear = "canary of the original again";
    place.sql(&format!(
        "update users set password = '{clear}' where id = '{}'",
        person.id
    ));
    import(place);
    assert_eq!(sign_in(program.address, &person.email, clear).status, 200);
    assert_eq!(
        sign_in(program.address, &person.email, NEW_PASSWORD).status,
        401
    );
    assert_eq!(
        call(program.address, "GET", "/users/me", &signed_in, "").status,
        401
    );
}
