//! The bodies of `/users` that are refused, and in which shape.

use super::site::{Site, on_each_store};
use super::{Answer, NEW_PASSWORD, Town, request};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use serde_json::{Value, json};

on_each_store![
    fields_that_are_missing_or_wrong_are_named,
    what_is_no_object_is_never_taken_for_one,
    broken_json_is_told_with_the_offset_in_bytes,
    all_that_is_wrong_is_told_at_once,
    bytes_that_are_no_text_and_bottomless_nesting_are_400,
    json_is_taken_under_its_media_types_and_the_last_of_equal_keys_counts,
    bodies_over_64_kib_are_413,
];

const JSON: &str = "application/json";
const EMAIL: &str = r#""email":"x@example.com""#;
const PASSWORD: &str = r#""password":"canary of quite another feather""#;

async fn post<S>(
    town: &Town<S>,
    token: &str,
    content_type: &str,
    body: impl AsRef<[u8]>,
) -> Answer {
    let mut request = request("POST", "/users", token, None);
    if !content_type.is_empty() {
        let value = HeaderValue::from_str(content_type).unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    *request.body_mut() = Body::from(body.as_ref().to_vec());
    town.send(request).await
}

/// Sends each body and wants this one problem of it, and nothing of the body in the answer.
async fn each_is_refused(site: &impl Site, cases: &[(&str, &str, &str, Value)]) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    for (content_type, body, kind, place) in cases {
        let answer = post(&town, &token, content_type, body).await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status, 422, "{shown}: {}", answer.text);
        let expected = [((*kind).to_owned(), place.clone())];
        assert_eq!(answer.problems(), expected, "{shown}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "{}", answer.text);
        let problem = &answer.json()["detail"][0];
        assert!(problem["msg"].is_string());
        // Null where the original had the whole body, password included; else absent.
        assert_eq!(
            problem.get("input"),
            (*kind == "missing").then_some(&Value::Null)
        );
    }
    let users = town.call("GET", "/users", &token).await;
    assert_eq!(
        users.header("x-total-count"),
        Some("3"),
        "something was created"
    );
}

async fn fields_that_are_missing_or_wrong_are_named(site: impl Site) {
    let object = |fields: &[&str]| format!("{{{}}}", fields.join(","));
    let long = format!(r#""email":"{}@example.com""#, "a".repeat(60_000));
    let endless = format!(r#""password":"{}""#, "canary ".repeat(300));
    let field = |name: &str| json!(["body", name]);
    let cases: Vec<(String, &str, Value)> = [
        (&[PASSWORD][..], "missing", "email"),
        (&[EMAIL], "missing", "password"),
        (&[r#""email":1"#, PASSWORD], "string_type", "email"),
        (&[r#""email":null"#, PASSWORD], "string_type", "email"),
        (
            &[EMAIL, r#""password":["canary"]"#],
            "string_type",
            "password",
        ),
        (
            &[EMAIL, r#""password":{"a":"canary"}"#],
            "string_type",
            "password",
        ),
        (&[EMAIL, r#""password":null"#], "string_type", "password"),
        (&[EMAIL, PASSWORD, r#""role":7"#], "string_type", "role"),
        (&[EMAIL, PASSWORD, r#""role":"canary""#], "enum", "role"),
        (&[EMAIL, PASSWORD, r#""role":"Admin""#], "enum", "role"),
        (&[EMAIL, PASSWORD, r#""role":"""#], "enum", "role"),
        (&[r#""email":"canary""#, PASSWORD], "value_error", "email"),
        (&[r#""email":"""#, PASSWORD], "value_error", "email"),
        (
            &[r#""email":"a\u0000@example.com""#, PASSWORD],
            "value_error",
            "email",
        ),
        (&[&long, PASSWORD], "value_error", "email"),
        (
            &[EMAIL, r#""password":"short""#],
            "string_too_short",
            "password",
        ),
        (&[EMAIL, r#""password":"""#], "string_too_short", "password"),
        (&[EMAIL, &endless], "string_too_long", "password"),
        (
            &[
                EMAIL,
                r#""password":"canary of quite\u0000 another feather""#,
            ],
            "value_error",
            "password",
        ),
        (
            &[EMAIL, r#""password":"portcullis12345""#],
            "value_error",
            "password",
        ),
        (
            &[
                r#""email":"long-canary@example.com""#,
                r#""password":"long-canary@example.com""#,
            ],
            "value_error",
            "password",
        ),
    ]
    .into_iter()
    .map(|(fields, kind, name)| (object(fields), kind, field(name)))
    .collect();
    let cases: Vec<_> = cases
        .iter()
        .map(|(body, kind, place)| (JSON, body.as_str(), *kind, place.clone()))
        .collect();
    each_is_refused(&site, &cases).await;
}

async fn what_is_no_object_is_never_taken_for_one(site: impl Site) {
    let good = format!("{{{EMAIL},{PASSWORD}}}");
    let form = "application/x-www-form-urlencoded";
    let by_position = r#"["x@example.com","member","canary of quite another feather"]"#;
    let body = json!(["body"]);
    each_is_refused(
        &site,
        &[
            (JSON, "", "missing", body.clone()),
            ("", "", "missing", body.clone()),
            (JSON, "[]", "model_attributes_type", body.clone()),
            (JSON, by_position, "model_attributes_type", body.clone()),
            (JSON, r#""canary""#, "model_attributes_type", body.clone()),
            (JSON, "null", "model_attributes_type", body.clone()),
            (JSON, "7", "model_attributes_type", body.clone()),
            ("", &good, "model_attributes_type", body.clone()),
            ("text/plain", &good, "model_attributes_type", body.clone()),
            ("text/json", &good, "model_attributes_type", body.clone()),
            (form, "email=canary", "model_attributes_type", body),
        ],
    )
    .await;
}

async fn broken_json_is_told_with_the_offset_in_bytes(site: impl Site) {
    let at = |offset: usize| json!(["body", offset]);
    each_is_refused(
        &site,
        &[
            (JSON, "{", "json_invalid", at(1)),
            (JSON, " ", "json_invalid", at(1)),
            (JSON, r#"{"a":1,}"#, "json_invalid", at(7)),
            (JSON, r#"{"a" 1}"#, "json_invalid", at(5)),
            (JSON, "{\n\"ä\": canary}", "json_invalid", at(8)),
            (JSON, "{} x", "json_invalid", at(3)),
            (JSON, r#"{"role":NaN}"#, "json_invalid", at(8)),
            (JSON, r#"{"role":Infinity}"#, "json_invalid", at(8)),
            (JSON, "{'a':1}", "json_invalid", at(1)),
        ],
    )
    .await;
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    for surrogate in [
        r#"{"email":"\ud800"}"#,
        r#"{"email":"\udc00"}"#,
        r#"{"\ud800x":1}"#,
    ] {
        let answer = post(&town, &token, JSON, surrogate).await;
        assert_eq!(answer.problems()[0].0, "json_invalid", "{surrogate}");
    }
}

async fn all_that_is_wrong_is_told_at_once(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let answer = post(&town, &token, JSON, r#"{"role":"boss"}"#).await;
    let problems = answer.problems().into_iter();
    let names: Vec<Value> = problems.map(|(_, place)| place[1].clone()).collect();
    assert_eq!(names, ["email", "role", "password"]);
}

async fn bytes_that_are_no_text_and_bottomless_nesting_are_400(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let nested = |depth: usize| {
        format!(
            "{{\"x\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    let unclosed = "[".repeat(60_000);
    for body in [
        &b"{\"email\":\"\xff\"}"[..],
        nested(129).as_bytes(),
        unclosed.as_bytes(),
    ] {
        let answer = post(&town, &token, JSON, body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.text,
            r#"{"detail":"There was an error parsing the body"}"#
        );
    }
    let deepest = post(&town, &token, JSON, nested(128).as_bytes()).await;
    assert_eq!(deepest.problems()[0].0, "missing");
    let quoted = format!("{{\"x\":\"{}\"}}", "[".repeat(500));
    let answer = post(&town, &token, JSON, quoted.as_bytes()).await;
    assert_eq!(answer.problems()[0].0, "missing");
}

async fn json_is_taken_under_its_media_types_and_the_last_of_equal_keys_counts(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    for (number, content_type) in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/vnd.api+json",
        "application/json ; x",
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(
            "\u{feff}{{\"email\":\"wrong\",\"email\":\"n{number}@example.com\",\"password\":\"{NEW_PASSWORD}\",\"role\":\"member\"}}"
        );
        let answer = post(&town, &token, content_type, body).await;
        assert_eq!(answer.status, 201, "{content_type}: {}", answer.text);
    }
}

async fn bodies_over_64_kib_are_413(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let fill = |size: usize| {
        let start =
            format!("{{\"email\":\"big@example.com\",\"password\":\"{NEW_PASSWORD}\",\"x\":\"");
        let rest = "x".repeat(size - start.len() - 2);
        start + &rest + "\"}"
    };
    let over = town
        .json("POST", "/users", &token, &fill(64 * 1024 + 1))
        .await;
    assert_eq!(over.status, 413);
    assert!(over.json()["detail"].is_string());
    assert_eq!(
        town.json("POST", "/users", &token, &fill(64 * 1024))
            .await
            .status,
        201
    );
}
