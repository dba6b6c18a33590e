//! Who asks: which tokens count, and which address a request is taken to come from.

use super::site::{Site, on_each_store};
use super::{Answer, SECRET, Town, request};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use portcullis::TokenIssuer;
use portcullis::test_util::ManualClock;
use portcullis::token::{Algorithm, SigningKey};

on_each_store![
    no_token_and_a_bad_token_have_their_two_texts_and_challenges,
    only_tokens_of_this_issuer_audience_and_key_that_are_not_expired_count,
    forwarded_addresses_are_believed_only_from_the_configured_number_of_proxies,
];

async fn with_authorization<S>(town: &Town<S>, values: &[&[u8]]) -> Answer {
    let mut request = request("GET", "/users", "", None);
    for value in values {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(header::AUTHORIZATION, value);
    }
    town.send(request).await
}

async fn no_token_and_a_bad_token_have_their_two_texts_and_challenges(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let none: Vec<Vec<&[u8]>> = vec![
        vec![],
        vec![b""],
        vec![b"Basic YTpi"],
        vec![b"Token x"],
        vec![token.as_bytes()],
    ];
    for values in none {
        let answer = with_authorization(&town, &values).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.text, r#"{"detail":"Not authenticated"}"#);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    for path in [
        format!("/users?access_token={token}"),
        "/users?token=x".into(),
    ] {
        let mut request = request("GET", &path, "", None);
        let cookie = HeaderValue::from_str(&format!("access_token={token}")).unwrap();
        request.headers_mut().insert(header::COOKIE, cookie);
        assert_eq!(
            town.send(request).await.text,
            r#"{"detail":"Not authenticated"}"#
        );
    }
    let good = format!("Bearer {token}");
    let big = format!("Bearer {}", "a".repeat(60_000));
    let bad: Vec<Vec<Vec<u8>>> = [
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        "Bearer a.b.c",
        "Bearer a.b.c.d",
        &format!("Bearer \"{token}\""),
        &format!("{good} x"),
        &format!("{good}="),
        &good[..good.len() - 1],
        &big,
        "Bearer t\u{e4}st",
    ]
    .iter()
    .map(|value| vec![value.as_bytes().to_vec()])
    .chain([
        vec![good.clone().into_bytes(), good.clone().into_bytes()],
        vec![good.clone().into_bytes(), b"Basic x".to_vec()],
    ])
    .collect();
    for values in bad {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let answer = with_authorization(&town, &values).await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.text,
            r#"{"detail":"Could not validate credentials"}"#
        );
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer error="invalid_token""#)
        );
    }
    for value in [
        good.clone(),
        format!("bearer {token}"),
        format!("BEARER   {token} "),
    ] {
        assert_eq!(
            with_authorization(&town, &[value.as_bytes()]).await.status,
            200
        );
    }
}

async fn only_tokens_of_this_issuer_audience_and_key_that_are_not_expired_count(site: impl Site) {
    let town = site.town(&[]).await;
    let key = |secret: &str| SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let past = ManualClock::default();
    let issuer = |issuer: &str, audience: &str, secret: &str| {
        TokenIssuer::builder(issuer, audience, key(secret))
    };
    let ours = || issuer("portcullis", "portcullis-api", SECRET);
    for (what, builder, status) in [
        ("ours", ours(), 200),
        ("issuer", issuer("other", "portcullis-api", SECRET), 401),
        ("audience", issuer("portcullis", "other", SECRET), 401),
        (
            "key",
            issuer("portcullis", "portcullis-api", &SECRET.replace('a', "b")),
            401,
        ),
        ("expired", ours().clock(past), 401),
        ("kind", ours().token_type("JWT"), 401),
    ] {
        let token = builder.build().unwrap().issue(&town.max.id).unwrap();
        assert_eq!(
            town.call("GET", "/users/me", token.expose()).await.status,
            status,
            "{what}"
        );
    }
}

/// A failed sign-in that says it was forwarded by these proxies.
async fn fail<S>(town: &Town<S>, forwarded: &str, account: u32) -> u16 {
    let mut request = request("POST", "/token", "", None);
    request.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let name = HeaderName::from_static("x-forwarded-for");
    request
        .headers_mut()
        .insert(name, HeaderValue::from_str(forwarded).unwrap());
    *request.body_mut() = Body::from(format!("username=u{account}@example.com&password=wrong"));
    town.send(request).await.status.as_u16()
}

async fn forwarded_addresses_are_believed_only_from_the_configured_number_of_proxies(
    site: impl Site,
) {
    let behind_two = site.town(&[("TRUSTED_PROXY_HOPS", "2")]).await;
    let mut limited = false;
    for account in 0..400 {
        // What the client wrote itself, to the left, changes all the time and doesn't help it.
        let forged = format!(
            "10.0.{}.{}, 203.0.113.7, 192.0.2.1",
            account / 250,
            account % 250
        );
        let status = fail(&behind_two, &forged, account).await;
        assert!(
            account > 99 || status == 401,
            "429 after {account} failures"
        );
        if status == 429 {
            limited = true;
            break;
        }
    }
    assert!(limited, "an address is never limited");
    assert_eq!(fail(&behind_two, "203.0.113.7, 192.0.2.1", 500).await, 429);
    assert_eq!(
        fail(&behind_two, "203.0.113.7:4711, 192.0.2.1", 500).await,
        429
    );
    assert_eq!(fail(&behind_two, "203.0.113.8, 192.0.2.1", 501).await, 401);

    let direct = site.town(&[]).await;
    for account in 0..150 {
        assert_eq!(
            fail(&direct, "203.0.113.7", account).await,
            401,
            "the header was believed"
        );
    }
}
