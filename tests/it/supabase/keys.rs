//! Keys: which headers their shape asks for, and that a key which sees nothing never looks like an empty table.

use super::calls::{Ask, Desk, every, insert, told};
use super::town::PATIENCE;
use crate::stack::{Fault, Gateway, Keys, Place, Stack, token};
use futures_util::future::join_all;
use portcullis::directory::UserDirectory as _;
use portcullis::stores::supabase::{BuildError, CheckError, Schema, SupabaseKey, SupabaseStore};
use portcullis::{Refusal, UserStore as _};
use serde_json::json;

/// The gateway of a project whose legacy service key is this one.
fn gateway(place: &Place, service: String) -> Gateway {
    let keys = Keys {
        service,
        ..Keys::of(&place.schema)
    };
    Gateway::start(Stack::shared().postrust.address(), keys, &place.schema)
}

fn desk(gateway: &Gateway, place: &Place, key: &str) -> Desk {
    let store = SupabaseStore::builder(gateway.url(), SupabaseKey::new(key).unwrap())
        .schema(Schema::default().schema(&place.schema))
        .timeout(PATIENCE);
    Desk::on(store.build().unwrap())
}

/// What the check says is wrong.
async fn problems(desk: &Desk) -> Vec<String> {
    match desk.store.check().await {
        Err(CheckError::NotReady { problems }) => problems,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_key_goes_into_both_headers_and_a_secret_key_into_one() {
    let place = Stack::shared().place();
    let legacy = format!("Bearer {}", place.service_key);
    for (key, bearer) in [
        (&place.service_key, Some(legacy.as_str())),
        (&place.secret_key, None),
    ] {
        let desk = desk(&place.gateway, &place, key);
        desk.store.check().await.unwrap();
        place.gateway.record();
        for ask in every() {
            desk.ask(ask).await.unwrap();
            for request in place.gateway.taken() {
                assert_eq!(request.header("apikey"), Some(key.as_str()), "{ask:?}");
                assert_eq!(request.header("authorization"), bearer, "{ask:?}");
                let headers = request.headers.iter();
                let with_key = headers.filter(|(_, value)| {
                    String::from_utf8_lossy(value.as_bytes()).contains(key.as_str())
                });
                assert_eq!(with_key.count(), 1 + usize::from(bearer.is_some()));
                let elsewhere = [request.path, request.raw_query].concat();
                assert!(!elsewhere.contains(key.as_str()));
            }
        }
    }
}

#[tokio::test]
async fn the_public_keys_of_a_project_make_no_store() {
    let place = Stack::shared().place();
    for key in [&place.anon_key, &place.publishable_key] {
        assert_eq!(SupabaseKey::new(key).unwrap_err(), BuildError::PublicKey);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_turns_out_to_be_anons_is_an_error_everywhere_and_the_check_says_so() {
    let place = Stack::shared().place();
    insert(&place, "canary@example.com");
    // A gateway puts a token in the place of a secret key: here it is the wrong one.
    let gateway = gateway(&place, place.anon_key.clone());
    let desk = desk(&gateway, &place, &place.secret_key);
    join_all(every().map(async |ask| {
        let error = desk.fails(ask).await;
        assert_eq!(Refusal::store(&*error).status(), 502, "{ask:?}");
        let told = told(&*error);
        assert!(
            told.contains("refused the service key's role (42501)"),
            "{told}"
        );
    }))
    .await;
    let problems = problems(&desk).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("may not read") && problems[0].contains("use the service key"));
}

/// Supabase grants everything in `public` to everybody: only row level security is left then, and it hides rows in silence.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_a_table_that_is_empty_from_one_that_is_hidden() {
    let place = Stack::shared().place();
    let id = insert(&place, "canary@example.com");
    let gateway = gateway(&place, place.anon_key.clone());
    let desk = desk(&gateway, &place, &place.secret_key);
    place.sql(
        "grant all on all tables in schema current_schema to anon"
            .replace("current_schema", &place.schema)
            .as_str(),
    );
    assert!(
        desk.store.find_by_id(&id).await.unwrap().is_none(),
        "hidden"
    );
    assert!(problems(&desk).await[0].contains("may not call the functions"));
    place.sql(&format!(
        "grant execute on all functions in schema {} to anon",
        place.schema
    ));
    let problems = problems(&desk).await;
    assert!(
        problems
            .contains(&"role anon is subject to row level security: use the service key".into()),
        "{problems:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_ones_own_needs_all_that_the_service_role_has() {
    let place = Stack::shared().place();
    let (role, schema) = (format!("server_of_{}", place.schema), &place.schema);
    place.sql(&format!(
        "create role {role} nologin noinherit; grant {role} to authenticator; grant usage on schema {schema} to {role};"
    ));
    let key = token(&json!({"role": role, "exp": 4_102_444_800_u64}));
    let gateway = gateway(&place, key.clone());
    let desk = desk(&gateway, &place, &key);
    let error = desk.fails(Ask::FindById).await;
    assert!(told(&*error).contains("42501"));
    assert!(problems(&desk).await[0].contains("may not read"));

    place.sql(&format!(
        "grant select, insert, update on all tables in schema {schema} to {role};
         grant execute on all functions in schema {schema} to {role};"
    ));
    let wrong = problems(&desk).await;
    let says = |text: &str| wrong.iter().any(|problem| problem.contains(text));
    assert!(says(&format!(
        "role {role} is subject to row level security: use the service key"
    )));
    assert!(says(&format!("role {role} may not delete on")), "{wrong:?}");

    place.sql(&format!(
        "grant delete on all tables in schema {schema} to {role}; alter role {role} bypassrls;"
    ));
    desk.store.check().await.unwrap();
    desk.store.ping().await.unwrap();
    place.sql(&format!("drop owned by {role}; drop role {role};"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_says_that_a_key_is_not_known() {
    let place = Stack::shared().place();
    let other = Keys::of("another-project");
    // A token that nobody of this project has signed, and one that a gateway lets through but the server doesn't know.
    let forged = token(&json!({"role": "service_role"})) + "x";
    let lenient = gateway(&place, forged.clone());
    for (gateway, key) in [
        (&place.gateway, &other.service),
        (&place.gateway, &other.secret),
        (&lenient, &forged),
    ] {
        let desk = desk(gateway, &place, key);
        let problems = problems(&desk).await;
        let expected = "the service key is rejected: is it of this project, and current?";
        assert_eq!(problems, [expected]);
        let error = desk.fails(Ask::FindById).await;
        assert!(told(&*error).contains("rejected the service key"));
    }
}

/// A check that could not be made is not one that found something.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_tells_trouble_on_the_way_from_what_is_wrong() {
    let place = Stack::shared().place();
    let desk = desk(&place.gateway, &place, &place.service_key);
    for (fault, status) in [
        (Fault::BadGateway, 502),
        (Fault::SchemaCacheLost, 503),
        (Fault::Html, 502),
        (Fault::WrongShape, 502),
        (Fault::HangUp, 502),
    ] {
        place.gateway.fault(fault.clone());
        match desk.store.check().await {
            Err(error @ CheckError::Unavailable(_)) => {
                assert_eq!(Refusal::store(&error).status(), status, "{fault:?}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}
