//! What no request holds: a secret in its address line, a password, a caller's token, a column nobody asked for.

use super::calls::{Desk, HASH, every};
use super::town::{PATIENCE, town, ways};
use super::wire::{ACCOUNT, PROFILE, pairs};
use crate::server::{NEW_PASSWORD, PASSWORD};
use crate::stack::Stack;
use portcullis::PasswordHash;
use portcullis::stores::supabase::Progress;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;

/// How a token begins: `{"alg":`. Fewer characters turn up in the salt of a hash by chance.
const JWT: &str = "eyJhbGciOi";

/// Every name of a member, however deep.
fn members(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                names.insert(name.clone());
                members(value, names);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| members(value, names)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_line_holds_a_secret_and_no_request_a_password_or_a_callers_token() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    place.gateway.record();
    // Everything the server does with its store, signing in included.
    let ways = ways(&town).await;
    for way in &ways {
        way.take(&town.router).await;
    }
    let taken = place.gateway.taken();
    assert!(taken.len() > 2 * ways.len());
    let mut selected = BTreeSet::new();
    for request in taken {
        let line = format!("{} {:?}", request.path, request.query);
        for word in ["@", "example", "canary", "argon2", JWT, "*", "Bearer", "%"] {
            assert!(!line.contains(word), "{word} in {line}");
        }
        let body = String::from_utf8(request.body.clone()).unwrap();
        for word in [PASSWORD, NEW_PASSWORD, "=wrong", "\"wrong", JWT] {
            assert!(!body.contains(word), "{word} in {body}");
        }
        if !request.body.is_empty() {
            let mut names = BTreeSet::new();
            members(&request.json(), &mut names);
            assert!(!names.contains("password"), "{names:?}");
        }
        let bearer = format!("Bearer {}", place.service_key);
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        let select = request.query.iter().find(|(name, _)| name == "select");
        selected.extend(select.map(|(_, columns)| columns.clone()));
        // What is only shown is asked for without what is not.
        if request.query.iter().any(|(name, _)| name == "order") {
            assert_eq!(select.unwrap().1, PROFILE);
        }
    }
    assert_eq!(
        selected,
        BTreeSet::from([ACCOUNT, PROFILE, "id"].map(str::to_owned))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_import_asks_for_clear_text_and_no_address_line_holds_any() {
    let place = Stack::shared().place();
    place.sql(
        "alter table users add column password text;
         insert into users (email, password) values ('a@example.com', 'canary-clear'), ('b@example.com', null)",
    );
    place.reload();
    let desk = Desk::at(&place, PATIENCE);
    desk.store.check().await.unwrap();
    place.gateway.record();
    for ask in every() {
        desk.ask(ask).await.unwrap();
    }
    for request in place.gateway.taken() {
        let columns = request.query.iter().flat_map(|(_, value)| value.split(','));
        assert!(columns.clone().all(|column| column != "password"));
        assert!(request.query.iter().all(|(name, _)| name != "password"));
    }
    let hash = async |_| Ok::<_, Infallible>(PasswordHash::from_stored(HASH));
    let imported = desk.store.import_passwords(hash, |_: Progress| {}).await;
    assert_eq!(imported.unwrap().unwrap().hashed, 1);
    let taken = place.gateway.taken();
    let lines: Vec<_> = taken
        .iter()
        .map(|request| (request.path.as_str(), request.query.clone()))
        .collect();
    let count = pairs(&[
        ("select", "id"),
        ("password", "not.is.null"),
        ("limit", "0"),
    ]);
    let batch = [
        ("select", "id,password"),
        ("password", "not.is.null"),
        ("order", "id"),
        ("limit", "32"),
    ];
    let id = place.sql("select id from users where email = 'a@example.com'");
    let after = format!("gt.{id}");
    let next: Vec<_> = batch
        .iter()
        .copied()
        .chain([("id", after.as_str())])
        .collect();
    let (users, write) = ("/rest/v1/users", "/rest/v1/rpc/portcullis_import_hashes");
    assert_eq!(
        lines,
        [
            (users, count.clone()),
            (users, pairs(&batch)),
            (write, Vec::new()),
            (users, pairs(&next)),
            (users, count),
        ]
    );
    assert_eq!(
        taken[2].json(),
        json!({"hashed": [{"id": id, "clear_text": "canary-clear", "password_hash": HASH}]})
    );
    assert!(
        taken
            .iter()
            .all(|request| !request.raw_query.contains("canary"))
    );
}
