//! What holds for all routes: that they are guarded, which methods there are, which headers every answer has.

use super::{PASSWORD, Town, config, request};
use crate::app::{self, PUBLIC};
use axum::body::Body;
use axum::http::{HeaderValue, Request, Version, header};
use portcullis::stores::memory::MemoryStore;
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
