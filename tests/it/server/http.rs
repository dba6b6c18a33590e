//! What holds for all routes, on each store: that they are guarded, and which shape answers have. `edge.rs` has
//! what is answered before a store is asked.

use super::site::{Site, on_each_store};
use super::{ABSENT, NEW_PASSWORD, PASSWORD, request};
use crate::app::{self, PUBLIC};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use portcullis::stores::memory::MemoryStore;
use std::collections::HashSet;

on_each_store![
    every_route_is_401_without_a_token_unless_it_is_on_the_public_list,
    head_is_get_without_a_body,
    the_root_settings_and_health_answer_anybody,
    no_answer_holds_a_hash_or_names_its_column,
    each_refusal_is_json_with_a_detail,
    a_slash_at_the_end_changes_nothing,
];

/// Every path as a client writes it, and the methods it has.
pub(super) fn paths() -> Vec<(String, String, Vec<&'static str>)> {
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

async fn every_route_is_401_without_a_token_unless_it_is_on_the_public_list(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn head_is_get_without_a_body(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn the_root_settings_and_health_answer_anybody(site: impl Site) {
    let town = site.town(&[]).await;
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
    let town = site.town(&[("WELCOME_MESSAGE", "hello")]).await;
    assert_eq!(
        town.call("GET", "/", "").await.text,
        r#"{"message":"hello"}"#
    );
}

async fn no_answer_holds_a_hash_or_names_its_column(site: impl Site) {
    let town = site.town(&[]).await;
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

async fn each_refusal_is_json_with_a_detail(site: impl Site) {
    let town = site.town(&[]).await;
    let admin = town.token(&town.anna).await;
    let member = town.token(&town.max).await;
    let own = format!("/users/{}", town.anna.id);
    let absent = format!("/users/{ABSENT}");
    let taken = format!(r#"{{"email":"max@example.com","password":"{NEW_PASSWORD}"}}"#);
    let large = "x".repeat(64 * 1024 + 1);
    let deep = "[".repeat(1000);
    for (method, path, token, body, status) in [
        ("POST", "/users", &admin, deep.as_str(), 400),
        ("GET", "/users", &String::new(), "", 401),
        ("POST", "/token", &admin, "", 422),
        ("GET", "/users", &member, "", 403),
        ("GET", "/nowhere", &admin, "", 404),
        ("GET", &absent, &admin, "", 404),
        ("PUT", "/users", &admin, "", 405),
        ("POST", "/users", &admin, &taken, 409),
        ("DELETE", &own, &admin, "", 409),
        ("POST", "/users", &admin, &large, 413),
        ("POST", "/users", &admin, "{", 422),
        ("GET", "/users/x", &admin, "", 422),
    ] {
        let answer = town.json(method, path, token, body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{method} {path}"
        );
        let detail = &answer.json()["detail"];
        assert!(detail.is_string() || detail.is_array(), "{}", answer.text);
    }
}

async fn a_slash_at_the_end_changes_nothing(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let max = format!("/users/{}", town.max.id);
    for path in [
        "/users",
        "/users/me",
        &max,
        "/agent",
        "/settings",
        "/readyz",
    ] {
        let plain = town.call("GET", path, &token).await;
        let slashed = town.call("GET", &format!("{path}/?x=1"), &token).await;
        assert_eq!(slashed.status, 200, "{path}");
        assert_eq!(slashed.text, plain.text, "{path}");
        assert!(slashed.header("location").is_none());
    }
    let mut form = request("POST", "/token/", "", None);
    let urlencoded = HeaderValue::from_static("application/x-www-form-urlencoded");
    form.headers_mut().insert(header::CONTENT_TYPE, urlencoded);
    *form.body_mut() = Body::from(format!("username=anna@example.com&password={PASSWORD}"));
    assert_eq!(town.send(form).await.status, 200);
}
