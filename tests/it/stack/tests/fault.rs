//! Each way to fail, and what a gateway notes.

use super::super::{BAD_GATEWAY_HOST, Fault, Gateway, Recorded};
use super::{Answer, Place, ask, plain, send, with};
use core::time::Duration;
use reqwest::Method;
use serde_json::json;
use std::time::Instant;

async fn get(place: &Place) -> Answer {
    send(ask(place, Method::GET, "/users?select=email")).await
}

/// Everything but the headers: what a test compares.
fn lines(gateway: &Gateway) -> Vec<String> {
    let line = |request: Recorded| [request.method, request.path, request.raw_query].join(" ");
    gateway.taken().into_iter().map(line).collect()
}

/// The answer under a fault; afterwards everything works again.
async fn under(fault: Fault) -> Answer {
    let place = plain().place();
    place.gateway.fault(fault);
    let answer = get(&place).await;
    assert_eq!(get(&place).await.status, answer.status);
    place.gateway.mend();
    assert_eq!(get(&place).await.text, "[]");
    assert_eq!(place.gateway.arrived(), 3);
    answer
}

#[tokio::test]
async fn a_revoked_key_is_401() {
    let answer = under(Fault::InvalidApiKey).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["message"], "Invalid API key");
}

#[tokio::test]
async fn a_bad_gateway_is_html_that_names_an_inner_host() {
    let answer = under(Fault::BadGateway).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (502, "text/html")
    );
    assert!(answer.text.contains(BAD_GATEWAY_HOST));
}

#[tokio::test]
async fn a_lost_schema_is_503_with_its_code() {
    let answer = under(Fault::SchemaCacheLost).await;
    assert_eq!(answer.code(), (503, "PGRST002".into()));
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    for status in [301, 302] {
        let to = String::from("http://127.0.0.1:1/elsewhere");
        let answer = under(Fault::Redirect { status, to }).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("location"), "http://127.0.0.1:1/elsewhere");
    }
}

#[tokio::test]
async fn a_success_may_be_html_or_of_the_wrong_shape_or_anything() {
    let html = under(Fault::Html).await;
    assert_eq!(
        (html.status.as_u16(), html.header("content-type")),
        (200, "text/html")
    );
    let wrong = under(Fault::WrongShape).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.text.as_str()),
        (200, r#"{"unexpected":true}"#)
    );
    let any = Fault::Answer {
        status: 418,
        content_type: "text/plain",
        body: "tea".into(),
    };
    let any = under(any).await;
    assert_eq!((any.status.as_u16(), any.text.as_str()), (418, "tea"));
}

#[tokio::test]
async fn a_black_hole_never_answers() {
    let place = plain().place();
    place.gateway.fault(Fault::BlackHole);
    let request = ask(&place, Method::GET, "/users").timeout(Duration::from_millis(300));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(place.gateway.arrived(), 1);
}

#[tokio::test]
async fn a_huge_body_does_not_end() {
    let place = plain().place();
    place.gateway.fault(Fault::Huge);
    let mut answer = ask(&place, Method::GET, "/users").send().await.unwrap();
    assert_eq!(answer.content_length(), None);
    let mut read = 0;
    while read < 64 * 1024 * 1024 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_slow_body_comes_a_byte_at_a_time() {
    let place = plain().place();
    place.gateway.fault(Fault::Slow(Duration::from_millis(40)));
    let started = Instant::now();
    let mut answer = ask(&place, Method::GET, "/users").send().await.unwrap();
    for _ in 0..5 {
        assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 1);
    }
    assert!(started.elapsed() >= Duration::from_millis(160));
}

#[tokio::test]
async fn a_hung_up_connection_gives_no_answer_and_nothing_was_done() {
    let place = plain().place();
    place.gateway.fault_next(1, Fault::HangUp);
    let insert = || {
        with(
            ask(&place, Method::POST, "/users"),
            &json!({"email": "a@x.example"}),
        )
    };
    insert().send().await.unwrap_err();
    assert_eq!(place.sql("select count(*) from users"), "0");
    assert_eq!(send(insert()).await.status, 201);
    assert_eq!(place.gateway.arrived(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_that_of_a_request_that_was_carried_out() {
    let place = plain().place();
    place.gateway.fault(Fault::LostAnswer);
    let insert = with(
        ask(&place, Method::POST, "/users"),
        &json!({"email": "a@x.example"}),
    );
    insert.send().await.unwrap_err();
    assert_eq!(place.sql("select count(*) from users"), "1");
}

#[tokio::test]
async fn the_next_requests_fail_and_then_it_works_again() {
    let place = plain().place();
    place.gateway.fault_next(2, Fault::SchemaCacheLost);
    place.gateway.record();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(get(&place).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
    assert_eq!(place.gateway.arrived(), 4);
    assert_eq!(
        lines(&place.gateway),
        ["GET /rest/v1/users select=email"; 4]
    );
}

#[tokio::test]
async fn a_fault_may_meet_some_requests_only() {
    let place = plain().place();
    place
        .gateway
        .fault_where(Fault::SchemaCacheLost, |request| request.method == "PATCH");
    assert_eq!(get(&place).await.status, 200);
    let patch = with(
        ask(&place, Method::PATCH, "/users?email=eq.a"),
        &json!({"role": "x"}),
    );
    assert_eq!(send(patch).await.status, 503);
}

#[tokio::test]
async fn a_delay_holds_a_request_up_and_then_it_works() {
    let place = plain().place();
    place.gateway.delay(Duration::from_millis(120));
    let started = Instant::now();
    assert_eq!(get(&place).await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(120));
    place.gateway.delay(Duration::ZERO);
    assert_eq!(get(&place).await.status, 200);
}

#[tokio::test]
async fn what_arrives_is_recorded_while_it_is_asked_for() {
    let place = plain().place();
    get(&place).await;
    assert!(place.gateway.taken().is_empty());
    place.gateway.record();
    let request = ask(
        &place,
        Method::POST,
        "/users?select=id&email=eq.a%26b%2Bc&a=%C3%A9+x",
    )
    .header("prefer", "return=representation");
    send(with(request, &json!({"email": "a@x.example"}))).await;
    get(&place).await;
    let taken = place.gateway.taken();
    assert_eq!(taken.len(), 2);
    let first = &taken[0];
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("POST", "/rest/v1/users")
    );
    assert_eq!(first.raw_query, "select=id&email=eq.a%26b%2Bc&a=%C3%A9+x");
    let pairs = [("a", "é x"), ("email", "eq.a&b+c"), ("select", "id")];
    assert_eq!(
        first.query,
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(first.header("prefer"), Some("return=representation"));
    assert_eq!(first.header("apikey"), Some(place.secret_key.as_str()));
    assert_eq!(
        (
            first.header("authorization"),
            first.header("accept-profile")
        ),
        (None, None)
    );
    assert_eq!(first.json(), json!({"email": "a@x.example"}));
    assert!(place.gateway.taken().is_empty());
    place.gateway.stop_recording();
    get(&place).await;
    assert!(place.gateway.taken().is_empty());
    assert_eq!(
        place.gateway.address().to_string(),
        place.url["http://".len()..]
    );
}
