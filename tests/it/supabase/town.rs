//! The example server on a place of the stack, each way to its store, and what no answer of it may hold.

use super::builder_at;
use crate::app;
use crate::config::Config;
use crate::counted::Counted;
use crate::server::{Answer, NEW_PASSWORD, PASSWORD, SECRET, Town, config, form, request, send};
use crate::stack::{BAD_GATEWAY_HOST, Place};
use crate::state::AppState;
use crate::storage::Storage;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use portcullis::PasswordHasher;
use portcullis::stores::supabase::SupabaseStore;
use portcullis::test_util::cheap_hash_params;

/// How long what has to come may take. Nothing is measured by it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Words of the upstream that would tell something to somebody, and what no one may be told at all.
const FORBIDDEN: [&str; 16] = [
    BAD_GATEWAY_HOST,
    "canary",
    "CANARY",
    "PGRST",
    "pgrst",
    "portcullis_",
    "users_email",
    "permission denied",
    "rest/v1",
    "supabase",
    "Supabase",
    "nginx",
    "html",
    "127.0.0.1",
    "$argon2",
    "password_hash",
];

/// Codes of the upstream. So few characters turn up in random ids by chance, so they count as words only.
const FORBIDDEN_CODES: [&str; 3] = ["42501", "23505", "22P02"];

/// The town, with patience: nobody moves in otherwise.
pub(super) async fn town(place: &Place) -> Town<SupabaseStore> {
    let (store, config) = open(&place.url, place, PATIENCE);
    Town::with(store, &config).await
}

/// The same server once more, on a store of this time limit that goes by this address.
pub(super) fn router(url: &str, place: &Place, timeout: Duration) -> Router {
    let (store, config) = open(url, place, timeout);
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    app::router(AppState::new(store, hasher, &config).unwrap(), &config)
}

/// The store, and a configuration that counts failures where the server would count them.
fn open(url: &str, place: &Place, timeout: Duration) -> (SupabaseStore, Config) {
    let store = builder_at(url, place).timeout(timeout).build().unwrap();
    let mut config = config(&[]);
    config.counted = Counted::beside(&Storage::Supabase(store.clone()), Some(SECRET)).unwrap();
    (store, config)
}

/// One way to the store, and what the server asks of it there, in order.
pub(super) struct Way {
    pub(super) name: &'static str,
    request: Box<dyn Fn() -> Request<Body> + Send + Sync>,
    /// A piece of each request's method, path and query by which it is known at the gateway.
    pub(super) steps: Vec<String>,
}

impl Way {
    pub(super) async fn take(&self, router: &Router) -> Answer {
        send(router, (self.request)()).await
    }

    /// What a probe is told is always that we are not ready, whosever fault it is.
    pub(super) fn status(&self, status: u16) -> u16 {
        if self.name == "GET /readyz" {
            503
        } else {
            status
        }
    }
}

/// Every way there is.
pub(super) async fn ways(town: &Town<SupabaseStore>) -> Vec<Way> {
    const ATTEMPT: &str = "rpc/portcullis_attempt";
    const LOGIN: &str = "rpc/portcullis_find_by_login";
    let (anna, max) = (town.token(&town.anna).await, town.token(&town.max).await);
    let by_anna = town.anna.id.as_str();
    let (reader, changed) = (town.max.id.to_string(), town.max.id.to_string());
    let deleted = town.nobody.id.to_string();
    let way = |name, steps: &[&str], request: Box<dyn Fn() -> Request<Body> + Send + Sync>| Way {
        name,
        request,
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
    };
    let signing_in = |password: &'static str| {
        move || form(&format!("username=anna@example.com&password={password}"))
    };
    let plain = |path: &'static str, token: &str| {
        let token = token.to_owned();
        Box::new(move || request("GET", path, &token, None))
    };
    let at = |method: &'static str, id: &str, token: &str, body: Option<String>| {
        let (path, token) = (format!("/users/{id}"), token.to_owned());
        Box::new(move || request(method, &path, &token, body.as_deref()))
    };
    let creating = {
        let token = anna.clone();
        move || {
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let body =
                format!(r#"{{"email":"new-{number}@example.com","password":"{NEW_PASSWORD}"}}"#);
            request("POST", "/users", &token, Some(&body))
        }
    };
    let own = format!(r#"{{"password":"{NEW_PASSWORD}","current_password":"{PASSWORD}"}}"#);
    vec![
        way(
            "POST /token",
            &[ATTEMPT, LOGIN, "rpc/portcullis_succeeded"],
            Box::new(signing_in(PASSWORD)),
        ),
        way(
            "POST /token with a wrong password",
            &[ATTEMPT, LOGIN, "rpc/portcullis_failed"],
            Box::new(signing_in("wrong")),
        ),
        way(
            "GET /users",
            &[by_anna, "order=created_at"],
            plain("/users", &anna),
        ),
        way(
            "POST /users",
            &[by_anna, "POST /rest/v1/users"],
            Box::new(creating),
        ),
        way(
            "GET /users/{id}",
            &[by_anna, &reader],
            at("GET", &reader, &anna, None),
        ),
        way(
            "PATCH /users/{id}",
            &[by_anna, "rpc/portcullis_update"],
            at(
                "PATCH",
                &changed,
                &anna,
                Some(r#"{"role":"member"}"#.into()),
            ),
        ),
        way(
            "PATCH /users/{id} of one's own password",
            &[
                &changed,
                ATTEMPT,
                LOGIN,
                "rpc/portcullis_succeeded",
                "rpc/portcullis_update",
            ],
            at("PATCH", &changed, &max, Some(own)),
        ),
        way(
            "DELETE /users/{id}",
            &[by_anna, "rpc/portcullis_delete"],
            at("DELETE", &deleted, &anna, None),
        ),
        way("GET /users/me", &[by_anna], plain("/users/me", &anna)),
        way("GET /agent", &[by_anna], plain("/agent", &anna)),
        way("GET /readyz", &["limit=1"], plain("/readyz", "")),
    ]
}

/// Says what is wrong with an answer to somebody whose request met a fault.
pub(super) fn check(way: &Way, answer: &Answer, status: u16, place: &Place) {
    let name = way.name;
    let status = way.status(status);
    assert_eq!(answer.status, status, "{name}: {}", answer.text);
    let detail = match status {
        502 => "Upstream unavailable",
        503 => "Service temporarily unavailable",
        _ => "Upstream timed out",
    };
    let mut expected = serde_json::json!({ "detail": detail });
    if name.starts_with("POST /token") {
        expected["error"] = "temporarily_unavailable".into();
        expected["error_description"] = detail.into();
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
    }
    assert_eq!(answer.json(), expected, "{name}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let wait = (status == 503).then_some("1");
    assert_eq!(answer.header("retry-after"), wait, "{name}");
    // Its own token is as good as before: a client that is told otherwise signs its user out.
    assert_eq!(answer.header("www-authenticate"), None, "{name}");
    assert_eq!(answer.header("location"), None, "{name}");
    clean(name, answer, place);
}

/// No answer, whatever it is, holds a word of what is behind.
pub(super) fn clean(name: &str, answer: &Answer, place: &Place) {
    let told = format!("{:?} {}", answer.headers, answer.text);
    let keys = keys(place);
    for word in FORBIDDEN
        .into_iter()
        .chain(keys)
        .chain([place.schema.as_str()])
    {
        assert!(!told.contains(word), "{name} tells {word}: {told}");
    }
    for code in FORBIDDEN_CODES {
        assert!(!has_word(&told, code), "{name} tells {code}: {told}");
    }
}

/// Whether the word stands in the text, with neither a letter nor a digit at its sides.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|found| found == word)
}

#[test]
fn a_code_is_found_where_it_is_told_and_not_in_a_random_id() {
    for told in ["23505", "{\"code\":\"23505\"}", "the database said (23505)"] {
        assert!(has_word(told, "23505"), "{told}");
    }
    for random in ["7423505195261366", "8f3a4250-1c22-4022-9c02-22c023505aaa"] {
        assert!(
            !FORBIDDEN_CODES
                .into_iter()
                .any(|code| has_word(random, code))
        );
    }
}

/// The keys of a place, which belong to nobody but the gateway.
pub(super) fn keys(place: &Place) -> [&str; 4] {
    [
        &place.service_key,
        &place.anon_key,
        &place.secret_key,
        &place.publishable_key,
    ]
}
