//! What goes over the wire: each call's method, path, query, headers and body.

use super::calls::{Ask, Desk, HASH, LOGIN, NOBODY, SOURCE, TENANT, every};
use super::town::PATIENCE;
use crate::stack::{Place, Recorded, Stack};
use axum::http::HeaderName;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The columns of a user as it is shown.
pub(super) const PROFILE: &str = "id,email,role,tenant_id,created_at";
/// Those that a sign-in and a token are judged by.
pub(super) const ACCOUNT: &str = "id,email,role,tenant_id,created_at,password_hash,disabled,epoch";

const ONE_ROW: Option<&str> = Some("handling=strict, max-affected=1");

/// What one call is on the wire.
struct Expected {
    method: &'static str,
    path: &'static str,
    /// Sorted, as the gateway notes it.
    query: Vec<(&'static str, String)>,
    prefer: Option<&'static str>,
    body: Option<Value>,
}

fn expected(ask: Ask) -> Expected {
    let read = |query: &[(&'static str, &str)], prefer| Expected {
        method: "GET",
        path: "/rest/v1/users",
        query: owned(query),
        prefer,
        body: None,
    };
    let function = |path, select: Option<&str>, prefer, body| Expected {
        method: "POST",
        path,
        query: select.map_or_else(Vec::new, |select| owned(&[("select", select)])),
        prefer,
        body: Some(body),
    };
    let row = json!({"role": "admin", "tenant_id": TENANT, "password_hash": HASH});
    let target = json!({"user_id": NOBODY, "tenant": TENANT, "keep_role": "admin"});
    match ask {
        Ask::FindById => read(
            &[("id", &format!("eq.{NOBODY}")), ("select", ACCOUNT)],
            None,
        ),
        Ask::List => {
            let tenant = format!("eq.{TENANT}");
            let query = [
                ("limit", "10"),
                ("offset", "0"),
                ("order", "created_at,id"),
                ("select", PROFILE),
                ("tenant_id", &tenant),
            ];
            read(&query, Some("count=exact"))
        }
        Ask::Ping => read(&[("limit", "1"), ("select", "id")], None),
        Ask::FindByLogin => {
            let path = "/rest/v1/rpc/portcullis_find_by_login";
            function(path, Some(ACCOUNT), None, json!({"login": LOGIN}))
        }
        Ask::Create => {
            let prefer = Some("return=representation");
            function("/rest/v1/users", Some(PROFILE), prefer, row)
        }
        Ask::CreateFirst => {
            let path = "/rest/v1/rpc/portcullis_create_first";
            function(path, Some(PROFILE), None, json!({"new_user": row}))
        }
        Ask::Update => {
            let mut body = target;
            body["changes"] = json!({
                "email": "canary-changed@example.com", "role": null, "password_hash": HASH,
            });
            function(
                "/rest/v1/rpc/portcullis_update",
                Some(PROFILE),
                ONE_ROW,
                body,
            )
        }
        Ask::Delete => function(
            "/rest/v1/rpc/portcullis_delete",
            Some(PROFILE),
            ONE_ROW,
            target,
        ),
        Ask::ReplaceHash => {
            let body = json!({"user_id": NOBODY, "old_hash": HASH, "new_hash": HASH});
            function(
                "/rest/v1/rpc/portcullis_replace_password_hash",
                None,
                None,
                body,
            )
        }
        Ask::Acquire => {
            let path = "/rest/v1/rpc/portcullis_throttle_acquire";
            function(path, None, None, Value::Null)
        }
        Ask::Forgive => {
            let path = "/rest/v1/rpc/portcullis_throttle_forgive";
            function(path, None, None, Value::Null)
        }
    }
}

fn owned(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    pairs.sort_unstable();
    pairs
}

/// The query as a multiset, to be compared with [`Recorded::query`].
pub(super) fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_one_request_and_nothing_in_it_is_left_to_chance() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    for ask in every() {
        place.gateway.record();
        desk.ask(ask).await.unwrap();
        let taken = place.gateway.taken();
        let [request] = taken.as_slice() else {
            panic!("{ask:?} was {} requests", taken.len());
        };
        let expected = expected(ask);
        assert_eq!(request.method, expected.method, "{ask:?}");
        assert_eq!(request.path, expected.path, "{ask:?}");
        let query: Vec<(&str, &str)> = expected
            .query
            .iter()
            .map(|(k, v)| (*k, v.as_str()))
            .collect();
        assert_eq!(request.query, pairs(&query), "{ask:?}");
        headers(ask, request, &expected, &place);
        match expected.body {
            None => assert!(request.body.is_empty(), "{ask:?}"),
            Some(Value::Null) => names_nobody(ask, request.json()),
            Some(body) => {
                let mut sent = request.json();
                // Of those that are new each time, the address is too.
                let row = if ask == Ask::CreateFirst {
                    &mut sent["new_user"]
                } else {
                    &mut sent
                };
                if matches!(ask, Ask::Create | Ask::CreateFirst) {
                    let email = row.as_object_mut().unwrap().remove("email").unwrap();
                    assert!(email.as_str().unwrap().starts_with("canary-"));
                }
                assert_eq!(sent, body, "{ask:?}");
            }
        }
    }
}

/// All headers, no more and no less, each once.
fn headers(ask: Ask, request: &Recorded, expected: &Expected, place: &Place) {
    let mut names = BTreeSet::from([
        "accept",
        "accept-profile",
        "apikey",
        "authorization",
        "content-profile",
        "host",
        "user-agent",
    ]);
    if expected.body.is_some() {
        names.extend(["content-length", "content-type"]);
        assert_eq!(
            request.header("content-type"),
            Some("application/json"),
            "{ask:?}"
        );
    }
    if expected.prefer.is_some() {
        names.insert("prefer");
    }
    let sent: BTreeSet<&str> = request.headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(sent, names, "{ask:?}");
    assert_eq!(
        request.headers.len(),
        names.len(),
        "{ask:?}: one is there twice"
    );
    let agent = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
    let bearer = format!("Bearer {}", place.service_key);
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-profile", place.schema.as_str()),
        ("apikey", &place.service_key),
        ("authorization", &bearer),
        ("content-profile", &place.schema),
        ("user-agent", agent),
    ] {
        assert_eq!(request.header(name), Some(value), "{ask:?}");
    }
    assert_eq!(request.header("prefer"), expected.prefer, "{ask:?}");
}

/// Whom a throttle counts stands on the wire as a keyed hash only.
fn names_nobody(ask: Ask, mut body: Value) {
    let text = body.to_string();
    let source = IpAddr::from(SOURCE).to_string();
    for word in [LOGIN, "canary", "example", &source] {
        assert!(!text.contains(word), "{ask:?}: {text}");
    }
    let names = match ask {
        Ask::Acquire => &mut body["attempt"],
        _ => &mut body["names"],
    };
    blank(names);
    let expected = match ask {
        Ask::Acquire => json!({
            "attempt": {
                "account": ["hash"], "all_devices": ["hash"], "known_address": ["hash"], "address": ["hash"],
                "legacy": {"account": "account hash", "known_address": "pair hash", "address": "address hash"},
                "in_flight": {"account": 0, "known_address": 0, "device": 0, "all_devices": 0, "address": 0},
            },
            "limits": {"account_failures": 10, "address_failures": 100, "address_window": 900.0},
        }),
        _ => json!({
            "account_id": NOBODY,
            "names": {"account": ["hash"], "all_devices": ["hash"], "legacy": ["account hash"]},
            "everything": true,
        }),
    };
    assert_eq!(body, expected, "{ask:?}");
}

/// Puts a word in the place of each hash of 256 bits.
fn blank(value: &mut Value) {
    match value {
        Value::String(text) => {
            let (kind, hash) = text.rsplit_once(' ').unwrap_or(("", text));
            assert_eq!(hash.len(), 43, "{text}");
            *text = [kind, "hash"].join(" ").trim_start().into();
        }
        Value::Array(list) => list.iter_mut().for_each(blank),
        Value::Object(object) => object.values_mut().for_each(blank),
        _ => {}
    }
}
