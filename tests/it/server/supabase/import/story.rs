//! The whole way: clear text, import, what it leaves, the column's end, and everybody's old password.

use super::super::super::raw::{Reply, sign_in};
use super::super::original::{Original, Person, TOO_LONG, USERS};
use super::{count, import, server};
use crate::stack::Recorded;
use std::net::SocketAddr;

/// Everybody signs in, some at a time; gives who was answered what.
fn all_sign_in(address: SocketAddr, people: &[Person]) -> Vec<(Person, Reply)> {
    let mut answers = Vec::new();
    for some in people.chunks(4) {
        std::thread::scope(|scope| {
            let asked: Vec<_> = some
                .iter()
                .map(|one| {
                    scope.spawn(|| (one.clone(), sign_in(address, &one.email, &one.password)))
                })
                .collect();
            answers.extend(asked.into_iter().map(|one| one.join().unwrap()));
        });
    }
    answers
}

/// Whether the request asks for the column of clear text, or sends this password in any form.
fn touches_clear_text(request: &Recorded, people: &[Person]) -> bool {
    let named = |(name, value): &(String, String)| {
        name == "password" || value.split(',').any(|column| column == "password")
    };
    let body = String::from_utf8_lossy(&request.body);
    request.query.iter().any(named)
        || people
            .iter()
            .map(|person| person.password.trim())
            .filter(|password| !password.is_empty())
            .any(|password| body.contains(password) || request.raw_query.contains(password))
}

#[test]
fn clear_text_passwords_become_hashes_with_which_everybody_signs_in() {
    let original = Original::migrated();
    let place = &original.place;

    // Before it, nobody gets in, and the clear text is not even looked at.
    let program = server(place);
    let few = &original.people[..24];
    place.gateway.record();
    for (person, answer) in all_sign_in(program.address, few) {
        let expected = if person.password.is_empty() { 422 } else { 401 };
        assert_eq!(answer.status, expected, "{person:?}: {}", answer.body);
    }
    let sent = place.gateway.taken();
    place.gateway.stop_recording();
    assert!(sent.len() >= few.len() - 2, "{}", sent.len());
    for request in &sent {
        assert!(!touches_clear_text(request, few), "{request:?}");
    }
    // All of those were failures from one address.
    place.sql("delete from portcullis_counters");

    // The first run leaves one, says whom, and fails, since clear text is still there.
    let said = import(place);
    assert_eq!(said.code, Some(1), "{said:?}");
    let left = &original.people[TOO_LONG];
    assert_eq!(
        said.out,
        format!(
            "{} clear-text passwords are gone: hashes now, or nothing where they were empty\n\
             left as it was, longer than can be hashed: user {}\n",
            USERS - 1,
            left.id
        )
    );
    assert_eq!(
        said.error,
        "error: 1 rows still hold a clear-text password: give the users listed above a shorter one, or null, \
         and run this again\n"
    );
    let importable = original
        .people
        .iter()
        .filter(|person| person.is_importable());
    assert_eq!(
        count(&original, "password_hash like '$argon2id$%'"),
        importable.count()
    );
    assert_eq!(count(&original, "password is not null"), 1);
    assert_eq!(count(&original, "password_hash like '%canary%'"), 0);
    // Equal passwords have hashes of their own.
    let distinct =
        place.sql("select count(password_hash) - count(distinct password_hash) from users");
    assert_eq!(distinct, "0");

    // As long as it was, and once more.
    let again = import(place);
    assert!(
        again.out.starts_with("0 clear-text passwords are gone"),
        "{again:?}"
    );
    assert_eq!(again.code, Some(1));

    place.sql(&format!(
        "update users set password = null where id = '{}'",
        left.id
    ));
    let said = import(place);
    assert_eq!((said.code, &*said.error), (Some(0), ""), "{said:?}");
    let (words, sql) = said.out.trim_end().split_once("\n\n").unwrap();
    assert!(
        words.ends_with(
            "no clear-text password is left. Now drop the column, in the SQL editor or by psql:"
        ),
        "{words}"
    );
    place.sql(sql);
    let columns = "select count(*) from pg_attribute where attrelid = 'users'::regclass and attname = 'password'";
    assert_eq!(place.sql(columns), "0");
    place.reload();
    let said = import(place);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        said.out,
        "the table has no column of clear-text passwords: nothing to do\n"
    );

    // The server that ran all the while, and each old password as it was typed.
    for (person, answer) in all_sign_in(program.address, &original.people) {
        let expected = match person {
            _ if person.password.is_empty() => 422,
            _ if person.can_sign_in() => 200,
            _ => 401,
        };
        assert_eq!(answer.status, expected, "{person:?}: {}", answer.body);
    }
    // Normalised, as somebody types it on another keyboard.
    let composed = &original.people[5];
    let typed = composed.password.replace("e\u{301}", "\u{e9}");
    assert_ne!(typed, composed.password);
    assert_eq!(
        sign_in(program.address, &composed.email, &typed).status,
        200
    );
    assert_eq!(
        sign_in(program.address, &composed.email, "canary cafe 5").status,
        401
    );
}

#[test]
fn without_a_column_of_clear_text_there_is_nothing_to_do() {
    let place = crate::stack::Stack::shared().place();
    let said = import(&place);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        said.out,
        "the table has no column of clear-text passwords: nothing to do\n"
    );
    assert!(said.error.is_empty(), "{said:?}");
}

#[test]
fn a_database_that_is_not_ready_is_said_before_anything_is_read() {
    let original = Original::new();
    original.place.gateway.record();
    let said = import(&original.place);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.error.contains("has no column \"password_hash\""),
        "{said:?}"
    );
    assert!(
        said.error
            .contains("run the migration (server migration prints it)"),
        "{said:?}"
    );
    let sent = original.place.gateway.taken();
    assert!(
        sent.iter()
            .all(|request| !touches_clear_text(request, &original.people))
    );
}
