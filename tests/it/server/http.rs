//! What holds for all routes: who is let in, which methods there are, which headers every answer has.

use super::{Answer, PASSWORD, SECRET, Town, config, request};
use crate::app::{self, PUBLIC};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Version, header};
use core::time::Duration;
use portcullis::TokenIssuer;
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::ManualClock;
use portcullis::token::{Algorithm, SigningKey};
use std::collections::HashSet;

const ALL_METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO",
];

/// Every path as a client writes it, and the methods it has.
fn paths() -> Vec<(String, String, Vec<&'static str>)> {
    app::map::<MemoryStore>()
        .into_iter()
        .flat_map(|route| {
            let path = route
                .path
                .replace("{user_id}", "00000000-0000-4000-8000-000000000000");
            let mut forms = vec![path.clone()];
            if path != "/" {
                forms.push(format!("{path}/"));
            }
            forms
                .into_iter()
                .map(move |form| (route.path.to_owned(), form, route.methods.clone()))
        })
        .collect()
}

async fn with_authorization(town: &Town, values: &[&[u8]]) -> Answer {
    let mut request = request("GET", "/users", "", None);
    for value in values {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(header::AUTHORIZATION, value);
    }
    town.send(request).await
}

#[tokio::test]
async fn every_route_is_401_without_a_token_unless_it_is_on_the_public_list() {
    let town = Town::new().await;
    let mut protected = HashSet::new();
    for (route, path, methods) in paths() {
        for method in methods {
            // A body that can't be read: it must not be looked at before the token is.
            let answer = town.json(method, &path, "", "{").await;
            if PUBLIC.contains(&route.as_str()) {
                assert_ne!(answer.status, 401, "{method} {path}");
            } else {
                assert_eq!(answer.status, 401, "{method} {path}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                let _new = protected.insert(route.clone());
            }
        }
    }
    assert_eq!(protected.len(), 4, "{protected:?}");
}

#[tokio::test]
async fn other_methods_are_405_with_a_complete_allow_before_any_token_is_asked_for() {
    let town = Town::new().await;
    for (_, path, methods) in paths() {
        for method in ALL_METHODS {
            if methods.contains(&method) {
                continue;
            }
            let answer = town.call(method, &path, "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(
                answer.header("allow"),
                Some(methods.join(", ").as_str()),
                "{method} {path}"
            );
            if method != "HEAD" {
                assert_eq!(answer.text, r#"{"detail":"Method Not Allowed"}"#);
            }
        }
    }
    let allow = async |path| {
        town.call("PUT", path, "")
            .await
            .header("allow")
            .map(str::to_owned)
    };
    assert_eq!(allow("/users").await.as_deref(), Some("GET, HEAD, POST"));
    assert_eq!(
        allow("/users/x").await.as_deref(),
        Some("GET, HEAD, PATCH, DELETE")
    );
    assert_eq!(allow("/users/me").await.as_deref(), Some("GET, HEAD"));
    assert_eq!(allow("/token").await.as_deref(), Some("POST"));
    assert_eq!(
        town.call("GET", "/token", "").await.header("cache-control"),
        Some("no-store")
    );
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let town = Town::new().await;
    let token = town.token(&town.anna).await;
    for (_, path, methods) in paths() {
        if methods.contains(&"GET") {
            let get = town.call("GET", &path, &token).await;
            let head = town.call("HEAD", &path, &token).await;
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(head.text, "", "{path}");
        }
    }
}

#[tokio::test]
async fn no_token_and_a_bad_token_have_their_two_texts_and_challenges() {
    let town = Town::new().await;
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

#[tokio::test]
async fn only_tokens_of_this_issuer_audience_and_key_that_are_not_expired_count() {
    let town = Town::new().await;
    let key = |secret: &str| SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let past = ManualClock::default();
    let minute = Duration::from_secs(60);
    let hour = Duration::from_secs(3600);
    let issuer = |issuer: &str, audience: &str, secret: &str, lifetime: Duration| {
        TokenIssuer::builder(issuer, audience, key(secret)).lifetime(lifetime)
    };
    let ours = || issuer("portcullis", "portcullis-api", SECRET, minute);
    for (what, builder, status) in [
        ("ours", ours(), 200),
        (
            "issuer",
            issuer("other", "portcullis-api", SECRET, minute),
            401,
        ),
        (
            "audience",
            issuer("portcullis", "other", SECRET, minute),
            401,
        ),
        (
            "key",
            issuer(
                "portcullis",
                "portcullis-api",
                &SECRET.replace('a', "b"),
                minute,
            ),
            401,
        ),
        (
            "lifetime",
            issuer("portcullis", "portcullis-api", SECRET, hour),
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

#[tokio::test]
async fn every_answer_has_our_request_id_and_nosniff_and_no_banner() {
    let town = Town::new().await;
    let mut ids = HashSet::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("PUT", "/users"),
        ("GET", "/users"),
        ("POST", "/token"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/users%2F"),
        ("HEAD", "/"),
    ] {
        let mut request = request(method, path, "", None);
        request
            .headers_mut()
            .insert("x-request-id", HeaderValue::from_static("mine"));
        let answer = town.send(request).await;
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert!(answer.header("server").is_none());
        assert!(answer.header("cache-control").is_some());
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() >= 16 && id != "mine");
        assert!(ids.insert(id), "an id came twice");
    }
}

#[tokio::test]
async fn the_root_settings_and_health_answer_anybody() {
    let town = Town::new().await;
    let root = town.call("GET", "/?x=1", "").await;
    assert_eq!(
        root.text,
        r#"{"message":"Welcome to the Agentic Employment Infrastructure Backend"}"#
    );
    let settings = town.call("GET", "/settings", "").await.json();
    assert_eq!(
        settings,
        serde_json::json!({
            "access_token_expires_in": 1800,
            "grant_types": ["password"],
            "password": {"min_length": 15, "max_length": 1024},
            "roles": ["admin", "member"],
        })
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(town.call("GET", path, "").await.text, r#"{"status":"ok"}"#);
    }
    let greeting = config(&[("WELCOME_MESSAGE", "hello")]);
    let town = Town::with(MemoryStore::new(), &greeting).await;
    assert_eq!(
        town.call("GET", "/", "").await.text,
        r#"{"message":"hello"}"#
    );
}

#[tokio::test]
async fn one_host_is_needed_except_in_http_1_0() {
    let town = Town::new().await;
    let ask = async |hosts: &[&str], version: Version| {
        let mut request = Request::get("/")
            .version(version)
            .body(Body::empty())
            .unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        town.send(request).await.status.as_u16()
    };
    assert_eq!(ask(&[], Version::HTTP_11).await, 400);
    assert_eq!(ask(&["a", "b"], Version::HTTP_11).await, 400);
    assert_eq!(ask(&["a"], Version::HTTP_11).await, 200);
    assert_eq!(ask(&[], Version::HTTP_10).await, 200);
}

#[tokio::test]
async fn cors_is_off_unless_configured_and_then_for_exact_origins_only() {
    let preflight = |origin: &str| {
        Request::builder()
            .method("OPTIONS")
            .uri("/users")
            .header(header::HOST, "test")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(
                header::ACCESS_CONTROL_REQUEST_HEADERS,
                "authorization,content-type",
            )
            .body(Body::empty())
            .unwrap()
    };
    let get = |origin: &str| {
        let mut request = request("GET", "/", "", None);
        request
            .headers_mut()
            .insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        request
    };
    let ours = "https://app.example.com";
    let off = Town::new().await;
    assert_eq!(off.send(preflight(ours)).await.status, 405);
    assert!(
        off.send(get(ours))
            .await
            .header("access-control-allow-origin")
            .is_none()
    );

    let config = config(&[(
        "CORS_ORIGINS",
        "https://app.example.com, http://localhost:3000",
    )]);
    let on = Town::with(MemoryStore::new(), &config).await;
    let answer = on.send(preflight(ours)).await;
    assert!(answer.status.is_success(), "a preflight has no token");
    assert_eq!(answer.header("access-control-allow-origin"), Some(ours));
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .unwrap()
            .contains("authorization")
    );
    assert!(answer.header("access-control-allow-credentials").is_none());
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(
        on.send(get("http://localhost:3000"))
            .await
            .header("access-control-allow-origin"),
        Some("http://localhost:3000")
    );
    for foreign in [
        "null",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://sub.app.example.com",
        "https://APP.example.com",
        "*",
    ] {
        for request in [preflight(foreign), get(foreign)] {
            let answer = on.send(request).await;
            assert!(
                answer.header("access-control-allow-origin").is_none(),
                "{foreign}"
            );
        }
    }
}

#[tokio::test]
async fn forwarded_addresses_are_believed_only_from_the_configured_number_of_proxies() {
    let fail = async |town: &Town, forwarded: &str, account: u32| {
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
    };
    let behind_two = Town::with(MemoryStore::new(), &config(&[("TRUSTED_PROXY_HOPS", "2")])).await;
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

    let direct = Town::new().await;
    for account in 0..150 {
        assert_eq!(
            fail(&direct, "203.0.113.7", account).await,
            401,
            "the header was believed"
        );
    }
}

#[tokio::test]
async fn no_answer_holds_a_hash_or_names_its_column() {
    let town = Town::new().await;
    let token = town.token(&town.anna).await;
    for (_, path, methods) in paths() {
        for method in methods.into_iter().filter(|method| *method != "DELETE") {
            let body = format!(r#"{{"email":"n@example.com","password":"{PASSWORD}"}}"#);
            let answer = town.json(method, &path, &token, &body).await;
            for word in ["$argon2", "password_hash", "canary"] {
                assert!(!answer.text.contains(word), "{method} {path}: {word}");
            }
        }
    }
}
