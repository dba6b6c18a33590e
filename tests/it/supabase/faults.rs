//! The fault table: whatever the gateway does, every way of the example server to its store and every call of the
//! store itself is answered by one of three statuses, and by no word of the gateway's (the contract's table 1.10).

use super::calls::{Desk, every, told};
use super::town::{PATIENCE, Way, check, clean, keys, router, town, ways};
use crate::server::Town;
use crate::stack::{Fault, Gateway, Keys, Place, Stack};
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::Refusal;
use portcullis::stores::supabase::SupabaseStore;
use std::io::ErrorKind;
use std::net::TcpListener;

/// Long enough for a gateway that answers, short enough to be waited for in earnest.
const SHORT: Duration = Duration::from_millis(800);

macro_rules! table {
    ($($name:ident: $fault:expr, $timeout:expr => $status:literal, $why:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            meets($fault, $timeout, $status, $why).await;
        }
    )+};
}

table! {
    a_black_hole_is_504: Fault::BlackHole, SHORT => 504, "no answer from supabase within";
    a_revoked_key_is_502_and_never_the_clients_own_401: Fault::InvalidApiKey, PATIENCE => 502, "rejected the service key (401";
    a_refused_token_is_502: refusal(401, "PGRST301"), PATIENCE => 502, "rejected the service key (401";
    a_page_of_html_that_forbids_is_502: page(403), PATIENCE => 502, "rejected the service key (403";
    a_bad_gateway_is_502: Fault::BadGateway, PATIENCE => 502, "no error of PostgREST's (502";
    a_lost_schema_is_503: Fault::SchemaCacheLost, PATIENCE => 503, "is unavailable (503";
    a_database_that_is_gone_is_503: refusal(500, "PGRST500"), PATIENCE => 503, "is unavailable (500";
    a_pool_without_a_free_connection_is_504: refusal(504, "PGRST003"), PATIENCE => 504, "is unavailable (504";
    html_instead_of_rows_is_502: Fault::Html, PATIENCE => 502, "no JSON (200";
    rows_of_another_shape_are_502: Fault::WrongShape, PATIENCE => 502, "";
    a_list_of_what_is_no_row_is_502: json(200, r#"[{"id":1,"canary":"CANARY"}]"#), PATIENCE => 502, "";
    half_an_answer_is_502: json(200, r#"[{"id":"CANARY"#), PATIENCE => 502, "";
    no_content_is_502: Fault::Answer { status: 204, content_type: "", body: String::new() }, PATIENCE => 502, "no JSON (204";
    a_body_without_an_end_is_502: Fault::Huge, PATIENCE => 502, "too long (200";
    a_body_that_drips_is_504: Fault::Slow(Duration::from_millis(40)), SHORT => 504, "no answer from supabase within";
    a_connection_that_is_closed_is_502: Fault::HangUp, PATIENCE => 502, "could not be reached";
    an_answer_that_is_lost_is_502: Fault::LostAnswer, PATIENCE => 502, "could not be reached";
    rules_that_row_level_security_refuses_are_502: refusal(403, "42501"), PATIENCE => 502, "refused the service key's role (42501)";
    a_function_that_is_missing_is_502: refusal(404, "PGRST202"), PATIENCE => 502, "refused with code PGRST202";
    an_error_inside_the_database_is_502: refusal(500, "XX000"), PATIENCE => 502, "refused with code XX000";
    a_code_that_is_a_text_is_502: refusal(400, "CANARY of a code"), PATIENCE => 502, "no error of PostgREST's (400";
}

fn json(status: u16, body: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/json; charset=utf-8",
        body: body.into(),
    }
}

/// What PostgREST says when it refuses, with a word in each place that must not be passed on.
fn refusal(status: u16, code: &str) -> Fault {
    let said = serde_json::json!({
        "code": code,
        "message": "CANARY message of table users",
        "details": "Failing row contains (CANARY, $argon2id$CANARY)",
        "hint": "CANARY hint",
    });
    json(status, &said.to_string())
}

fn page(status: u16) -> Fault {
    Fault::Answer {
        status,
        content_type: "text/html; charset=utf-8",
        body: "<html><h1>CANARY</h1></html>".into(),
    }
}

/// Each way of the server at each of its steps, and each call of the store.
async fn meets(fault: Fault, timeout: Duration, status: u16, why: &str) {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let ways = ways(&town).await;
    join_all(
        ways.iter()
            .map(|way| at_each_step(&place, way, &fault, timeout, status)),
    )
    .await;

    let desk = Desk::at(&place, timeout);
    place.gateway.fault(fault);
    join_all(every().map(async |ask| {
        let error = desk.fails(ask).await;
        assert_eq!(Refusal::store(&*error).status(), status, "{ask:?}: {error}");
        let told = told(&*error);
        assert!(told.contains(why), "{ask:?}: {told}");
        silent(&told, &place);
    }))
    .await;
    // What ends on the way is told from inside too, without a word of it.
    let error = desk.store.check().await.unwrap_err();
    silent(&told(&error), &place);

    place.gateway.mend();
    works(&town).await;
}

/// Lets one request after the other of a way meet the fault, the others go through.
async fn at_each_step(place: &Place, way: &Way, fault: &Fault, timeout: Duration, status: u16) {
    // Of its own, so that all ways can be gone at the same time.
    let keys = Keys::of(&place.schema);
    let gateway = Gateway::start(Stack::shared().postrust.address(), keys, &place.schema);
    let router = router(&gateway.url(), place, timeout);
    for step in &way.steps {
        let meant = step.clone();
        gateway.fault_where(fault.clone(), move |request| line(request).contains(&meant));
        gateway.record();
        let answer = way.take(&router).await;
        let asked: Vec<String> = gateway.taken().iter().map(line).collect();
        let last = asked.last().map(String::as_str).unwrap_or_default();
        assert!(
            last.contains(step.as_str()),
            "{}: {step} was not asked, but {asked:?}",
            way.name
        );
        check(way, &answer, status, place);
    }
}

fn line(request: &crate::stack::Recorded) -> String {
    format!("{} {}?{}", request.method, request.path, request.raw_query)
}

/// An error's text is for a log: it may name codes, but nothing that somebody wrote.
fn silent(told: &str, place: &Place) {
    let words = [
        "CANARY",
        "canary",
        "argon2",
        "@example.com",
        "nginx",
        "<",
        "Double check",
        "rest/v1",
    ];
    for word in words
        .into_iter()
        .chain([crate::stack::BAD_GATEWAY_HOST])
        .chain(keys(place))
    {
        assert!(!told.contains(word), "{word}: {told}");
    }
}

/// Nothing of the fault is left.
async fn works(town: &Town<SupabaseStore>) {
    let token = town.token(&town.anna).await;
    for path in ["/users", "/users/me", "/agent", "/readyz"] {
        assert_eq!(town.call("GET", path, &token).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_502_and_nobody_goes_there() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let to = format!("http://{}/canary", elsewhere.local_addr().unwrap());
    // The last two would take method and body along, and the key with them.
    for status in [301, 302, 307, 308] {
        let to = to.clone();
        meets(Fault::Redirect { status, to }, PATIENCE, 502, "a redirect").await;
    }
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_gateway_is_502_and_the_process_lives() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let ways = ways(&town).await;
    let desk = Desk::at(&place, PATIENCE);
    place.gateway.stop();
    join_all(ways.iter().map(async |way| {
        let answer = way.take(&town.router).await;
        check(way, &answer, 502, &place);
    }))
    .await;
    join_all(every().map(async |ask| {
        let error = desk.fails(ask).await;
        let told = told(&*error);
        assert_eq!(Refusal::store(&*error).status(), 502, "{told}");
        assert!(told.contains("could not be reached"), "{told}");
        silent(&told, &place);
        let host = place.url.strip_prefix("http://").unwrap();
        assert!(told.contains(host), "{told}");
    }))
    .await;
    let alive = town.call("GET", "/healthz", "").await;
    assert_eq!(
        (alive.status.as_u16(), alive.text.as_str()),
        (200, r#"{"status":"ok"}"#)
    );
    place.gateway.start_again();
    works(&town).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_is_waited_for_and_not_more() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let token = town.token(&town.anna).await;
    let limit = Duration::from_millis(1500);
    let router = router(&place.url, &place, limit);
    for fault in [Fault::BlackHole, Fault::Slow(Duration::from_millis(50))] {
        place.gateway.fault(fault);
        let started = std::time::Instant::now();
        let answer = crate::server::send(
            &router,
            crate::server::request("GET", "/users", &token, None),
        );
        assert_eq!(answer.await.status, 504);
        let waited = started.elapsed();
        assert!(limit <= waited && waited < PATIENCE, "{waited:?}");
    }
    // Whoever waits for the gateway holds nobody else up.
    assert_eq!(town.call("GET", "/healthz", "").await.status, 200);
    let answer = town.call("GET", "/", "").await;
    clean("GET /", &answer, &place);
}
