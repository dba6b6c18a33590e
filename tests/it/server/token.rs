//! `POST /token`: who gets a token, and what is in it (the contract's table 1.2); `forms.rs` has the forms.

use super::forms::{GOOD, multipart, post};
use super::site::{Site, on_each_store};
use super::{NEW_PASSWORD, PASSWORD, RED};
use serde_json::{Value, json};

on_each_store![
    right_credentials_give_a_bearer_token_in_every_spelling_of_the_form,
    the_token_is_an_at_jwt_with_the_id_as_subject_and_role_and_tenant,
    wrong_password_unknown_user_and_no_password_look_the_same,
    failures_in_a_row_meet_429_with_retry_after_and_other_accounts_do_not,
    passwords_are_taken_exactly_but_for_the_way_letters_are_composed,
    one_failure_delays_nobody_and_success_forgets_it,
    current_password_failures_count_with_those_of_the_sign_in,
];

async fn right_credentials_give_a_bearer_token_in_every_spelling_of_the_form(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn the_token_is_an_at_jwt_with_the_id_as_subject_and_role_and_tenant(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn wrong_password_unknown_user_and_no_password_look_the_same(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn failures_in_a_row_meet_429_with_retry_after_and_other_accounts_do_not(site: impl Site) {
    let town = site.town(&[]).await;
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
            assert!(answer.json()["error_description"].is_string());
            assert_eq!(answer.header("cache-control"), Some("no-store"));
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

async fn passwords_are_taken_exactly_but_for_the_way_letters_are_composed(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let password = " Canary of \u{c5}ngstr\u{f6}m + 100% & more ";
    let body = json!({"email": "new@example.com", "password": password});
    let made = town.json("POST", "/users", &token, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let sign_in = async |password: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", "new@example.com")
            .append_pair("password", password)
            .finish();
        town.form(&form).await.status.as_u16()
    };
    assert_eq!(sign_in(password).await, 200);
    // Another keyboard: letter and ring apart, or the sign of the unit.
    assert_eq!(sign_in(&password.replace('\u{c5}', "A\u{30a}")).await, 200);
    assert_eq!(sign_in(&password.replace('\u{c5}', "\u{212b}")).await, 200);
    for other in [
        password.trim().to_owned(),
        password.to_lowercase(),
        password.replace('+', " "),
        password.replace('\u{c5}', "A"),
    ] {
        assert_eq!(sign_in(&other).await, 401, "{other}");
    }
}

async fn one_failure_delays_nobody_and_success_forgets_it(site: impl Site) {
    let town = site.town(&[]).await;
    for round in 0..25 {
        let wrong = town.form("username=anna@example.com&password=wrong").await;
        assert_eq!(wrong.status, 401, "{round}");
        assert_eq!(town.form(GOOD).await.status, 200, "{round}");
    }
}

async fn current_password_failures_count_with_those_of_the_sign_in(site: impl Site) {
    let town = site.town(&[]).await;
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
