//! The forms of `POST /token`: which are refused, and how (the contract's table 1.2).
//!
//! On the memory store alone: a form is refused before any store is asked.

use super::{Answer, Town};
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use serde_json::{Value, json};

pub(super) const GOOD: &str = "username=anna@example.com&password=canary+horse+battery+staple";

pub(super) async fn post<S>(town: &Town<S>, content_type: &str, body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/token").header(header::HOST, "test");
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    town.send(request.body(body.into()).unwrap()).await
}

pub(super) fn multipart(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (disposition, value) in parts {
        body += "--XX\r\nContent-Disposition: form-data; ";
        body += disposition;
        body += "\r\n\r\n";
        body += value;
        body += "\r\n";
    }
    body + "--XX--\r\n"
}

fn missing(names: &[&str], msg: &str) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({"type": "missing", "loc": ["body", name], "msg": msg, "input": null}))
        .collect()
}

#[tokio::test]
async fn missing_fields_are_listed_with_null_as_input() {
    let town = Town::new().await;
    let form = "application/x-www-form-urlencoded";
    let both = missing(&["username", "password"], "Field required");
    let missing = |names: &[&str]| missing(names, "Field required");
    for (content_type, body, expected) in [
        (form, "", both.clone()),
        (form, "username=a%40b.cc", missing(&["password"])),
        (form, "password=x", missing(&["username"])),
        (form, "username=&password=", both.clone()),
    ] {
        let answer = post(&town, content_type, body).await;
        assert_eq!(answer.status, 422, "{content_type} {body}");
        assert_eq!(
            answer.json()["detail"],
            json!(expected),
            "{content_type} {body}"
        );
        assert_eq!(answer.json()["error"], "invalid_request");
        assert!(answer.json()["error_description"].is_string());
        assert!(!answer.text.contains("canary"));
    }
    // Credentials in the address end up in logs: they don't count.
    let request = Request::post(format!("/token?{GOOD}"))
        .header(header::HOST, "test")
        .header(header::CONTENT_TYPE, form)
        .body(Body::empty());
    let answer = town.send(request.unwrap()).await;
    assert_eq!(answer.json()["detail"], json!(both));
}

#[tokio::test]
async fn a_body_that_is_no_form_is_answered_with_the_media_type_to_send() {
    let town = Town::new().await;
    let both = missing(
        &["username", "password"],
        "Field required; send application/x-www-form-urlencoded",
    );
    let json_body = r#"{"username":"anna@example.com","password":"canary horse battery staple"}"#;
    for (content_type, body) in [
        ("application/json", json_body),
        ("application/json; charset=utf-8", json_body),
        ("application/vnd.api+json", json_body),
        ("application/json", "{\"canary"),
        ("application/json", ""),
        ("text/plain", GOOD),
        ("", GOOD),
        ("", ""),
    ] {
        let answer = post(&town, content_type, body).await;
        assert_eq!(answer.status, 422, "{content_type} {body}");
        let expected = json!({
            "detail": both,
            "error": "invalid_request",
            "error_description": "The body is not a form; send application/x-www-form-urlencoded",
        });
        assert_eq!(answer.json(), expected, "{content_type} {body}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!answer.text.contains("canary"));
    }
}

#[tokio::test]
async fn other_grants_repeated_fields_and_files_are_422_without_echo() {
    let town = Town::new().await;
    let form = "application/x-www-form-urlencoded";
    let file = multipart(&[
        (r#"name="username""#, "anna@example.com"),
        (r#"name="password"; filename="canary.txt""#, "canary"),
    ]);
    for (content_type, body, kind, place, error) in [
        (
            form,
            format!("{GOOD}&grant_type=canary"),
            "string_pattern_mismatch",
            "grant_type",
            "unsupported_grant_type",
        ),
        (
            form,
            format!("{GOOD}&grant_type=PASSWORD"),
            "string_pattern_mismatch",
            "grant_type",
            "unsupported_grant_type",
        ),
        (
            form,
            format!("{GOOD}&username=canary"),
            "value_error",
            "username",
            "invalid_request",
        ),
        (
            form,
            format!("{GOOD}&password=canary"),
            "value_error",
            "password",
            "invalid_request",
        ),
        (
            form,
            format!("grant_type=&{GOOD}&grant_type=password"),
            "value_error",
            "grant_type",
            "invalid_request",
        ),
        (
            "multipart/form-data; boundary=XX",
            file,
            "string_type",
            "password",
            "invalid_request",
        ),
    ] {
        let answer = post(&town, content_type, body.clone()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(
            answer.problems(),
            [(kind.to_owned(), json!(["body", place]))],
            "{body}"
        );
        assert_eq!(answer.json()["error"], error, "{body}");
        assert!(!answer.text.contains("canary"), "{}", answer.text);
        assert!(answer.json()["detail"][0].get("input").is_none());
    }
    let unknown_twice = post(&town, form, format!("{GOOD}&canary=1&canary=2")).await;
    assert_eq!(
        unknown_twice.problems(),
        [("value_error".to_owned(), json!(["body"]))]
    );
}

#[tokio::test]
async fn forms_that_cannot_be_read_are_400_and_large_ones_413() {
    let town = Town::new().await;
    let truncated = "--XX\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann";
    let long = format!("username=a%40b.cc&password={}", "x".repeat(1024 * 1024));
    for (content_type, body, status) in [
        ("multipart/form-data", "x".to_owned(), 400),
        (
            "multipart/form-data; boundary=XX",
            truncated.to_owned(),
            400,
        ),
        ("application/x-www-form-urlencoded", long.clone(), 413),
        ("multipart/form-data; boundary=XX", long, 413),
    ] {
        let answer = post(&town, content_type, body).await;
        assert_eq!(answer.status, status, "{content_type}");
        assert_eq!(answer.json()["error"], "invalid_request");
        assert!(answer.json()["error_description"].is_string());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let no_boundary = post(&town, "multipart/form-data", "x").await;
    assert_eq!(
        no_boundary.json()["detail"],
        "Missing boundary in multipart."
    );
}

#[tokio::test]
async fn a_form_of_exactly_the_limit_is_read() {
    let town = Town::new().await;
    let fill = |size: usize| {
        let start = format!("{GOOD}&x=");
        let rest = "x".repeat(size - start.len());
        start + &rest
    };
    assert_eq!(town.form(&fill(16 * 1024)).await.status, 200);
    assert_eq!(town.form(&fill(16 * 1024 + 1)).await.status, 413);
}

#[tokio::test]
async fn a_form_that_says_it_is_compressed_is_read_as_it_is() {
    let town = Town::new().await;
    for (encoding, form, status) in [
        ("gzip", GOOD, 200),
        ("identity", GOOD, 200),
        // Nothing is unpacked, so nothing small becomes large.
        ("gzip", "\u{1f}\u{8b}\u{8}", 422),
    ] {
        let mut request = super::form(form);
        let value = HeaderValue::from_static(encoding);
        request
            .headers_mut()
            .insert(header::CONTENT_ENCODING, value);
        assert_eq!(town.send(request).await.status, status, "{encoding}");
    }
}
