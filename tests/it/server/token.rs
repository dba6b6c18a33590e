//! `POST /token`: the contract's table 1.2, line by line.

use super::{Answer, NEW_PASSWORD, PASSWORD, RED, Town};
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

const GOOD: &str = "username=anna@example.com&password=canary+horse+battery+staple";

async fn post(town: &Town, content_type: &str, body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/token").header(header::HOST, "test");
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    town.send(request.body(body.into()).unwrap()).await
}

fn multipart(parts: &[(&str, &str)]) -> String {
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

#[tokio::test]
async fn right_credentials_give_a_bearer_token_in_every_spelling_of_the_form() {
    let town = Town::new().await;
    let form = "application/x-www-form-urlencoded";
    let parts = multipart(&[
        (r#"name="username""#, "anna@example.com"),
        (r#"name="password""#, PASSWORD),
    ]);
    let cases: Vec<(&str, String)> = vec![
        (form, GOOD.into()),
        (form, GOOD.replace('@', "%40")),
        (form, format!("{GOOD}&grant_type=password")),
        (form, format!("{GOOD}&grant_type=")),
        (
            form,
            format!("{GOOD}&scope=a+b&client_id=c&client_secret=d&x=y"),
        ),
        (form, GOOD.replace("anna@", "Anna@")),
        (form, GOOD.replace(".com", ".com%20")),
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            GOOD.into(),
        ),
        ("APPLICATION/X-WWW-FORM-URLENCODED", GOOD.into()),
        ("multipart/form-data; boundary=XX", parts.clone()),
        ("Multipart/Form-Data; boundary=\"XX\"", parts),
    ];
    for (content_type, body) in cases {
        let answer = post(&town, content_type, body.clone()).await;
        assert_eq!(answer.status, 200, "{content_type} {body}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let json = answer.json();
        let keys: Vec<_> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["access_token", "expires_in", "token_type"]);
        assert_eq!(json["token_type"], "bearer");
        assert_eq!(json["expires_in"], 1800);
        let token = json["access_token"].as_str().unwrap();
        assert_eq!(town.call("GET", "/users", token).await.status, 200);
    }
}

#[tokio::test]
async fn the_token_is_an_at_jwt_with_the_id_as_subject_and_role_and_tenant() {
    let town = Town::new().await;
    let part = |token: &str, at: usize| -> Value {
        let text = token.split('.').nth(at).unwrap();
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let token = town.token(&town.anna).await;
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    assert_eq!(part(&token, 0)["alg"], "HS256");
    let claims = part(&token, 1);
    assert_eq!(claims["sub"], town.anna.id.as_str());
    assert_eq!(claims["role"], "admin");
    assert_eq!(claims["tenant_id"], RED);
    let seconds = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(seconds, 1800);
    assert!(claims["jti"].is_string() && claims["iss"].is_string() && claims["aud"].is_string());
    // Without a role the claim is left out: null would be a role to somebody.
    let claims = part(&town.token(&town.nobody).await, 1);
    assert!(claims.get("role").is_none());
}

#[tokio::test]
async fn wrong_password_unknown_user_and_no_password_look_the_same() {
    let town = Town::new().await;
    let mut bodies = Vec::new();
    for form in [
        "username=anna@example.com&password=wrong",
        "username=who@example.com&password=wrong",
        "username=no+mail&password=wrong",
        "username=%ff&password=%ff",
        "username=a%00@example.com&password=wrong",
        "username=anna@example.com&password=canary+horse+battery+staple%00",
    ] {
        let answer = town.form(form).await;
        assert_eq!(answer.status, 401, "{form}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        bodies.push(answer.text);
    }
    bodies.dedup();
    let expected = json!({
        "detail": "Incorrect username or password",
        "error": "invalid_grant",
        "error_description": "Incorrect username or password",
    });
    assert_eq!(bodies.len(), 1);
    assert_eq!(serde_json::from_str::<Value>(&bodies[0]).unwrap(), expected);
}

#[tokio::test]
async fn missing_fields_are_listed_with_null_as_input() {
    let town = Town::new().await;
    let form = "application/x-www-form-urlencoded";
    let missing = |names: &[&str]| -> Vec<Value> {
        names
            .iter()
            .map(|name| json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": null}))
            .collect()
    };
    let both = missing(&["username", "password"]);
    for (content_type, body, expected) in [
        (form, "", both.clone()),
        (form, "username=a%40b.cc", missing(&["password"])),
        (form, "password=x", missing(&["username"])),
        (form, "username=&password=", both.clone()),
        (
            "application/json",
            r#"{"username":"a","password":"canary"}"#,
            both.clone(),
        ),
        ("", GOOD, both.clone()),
        ("text/plain", GOOD, both.clone()),
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
        .body(Body::empty());
    let answer = town.send(request.unwrap()).await;
    assert_eq!(answer.json()["detail"], json!(both));
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
async fn failures_in_a_row_meet_429_with_retry_after_and_other_accounts_do_not() {
    let town = Town::new().await;
    let mut refused_at = None;
    for attempt in 1..=21 {
        let answer = town.form("username=anna@example.com&password=wrong").await;
        if answer.status == 429 {
            assert!(
                answer
                    .header("retry-after")
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
                    >= 1
            );
            assert_eq!(answer.json()["error"], "slow_down");
            assert!(answer.json()["detail"].is_string());
            refused_at = Some(attempt);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    assert!((6..=21).contains(&refused_at.unwrap()), "{refused_at:?}");
    // The right password does not get through either: it would tell a guesser that it is right.
    assert_eq!(town.form(GOOD).await.status, 429);
    assert_eq!(town.form(&GOOD.replace("anna", "max")).await.status, 200);
}

#[tokio::test]
async fn current_password_failures_count_with_those_of_the_sign_in() {
    let town = Town::new().await;
    let token = town.token(&town.max).await;
    let path = format!("/users/{}", town.max.id);
    let body = json!({"password": NEW_PASSWORD, "current_password": "wrong"}).to_string();
    let mut last = 0;
    for _ in 0..21 {
        let answer = town.json("PATCH", &path, &token, &body).await;
        last = answer.status.as_u16();
        if last == 429 {
            assert!(answer.header("retry-after").is_some());
            break;
        }
        assert_eq!(answer.status, 403);
        assert_eq!(answer.text, r#"{"detail":"Current password is incorrect"}"#);
        assert!(answer.header("www-authenticate").is_none());
    }
    assert_eq!(last, 429);
    assert_eq!(town.form(&GOOD.replace("anna", "max")).await.status, 429);
}
