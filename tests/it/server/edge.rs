//! What is answered before anybody is asked who it is: methods, hosts, origins, and the headers of every answer.
//!
//! On the memory store alone: no request here gets as far as a store.

use super::http::paths;
use super::{Town, config, request};
use axum::body::Body;
use axum::http::{HeaderValue, Request, Version, header};
use portcullis::stores::memory::MemoryStore;
use std::collections::HashSet;

const ALL_METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO",
];

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
