//! The server under a path: its routes, and all that names one.

use crate::app;
use crate::server::site::{Memory, Site as _};
use crate::server::{NEW_PASSWORD, PASSWORD, Town, form, request};
use axum::http::HeaderValue;
use portcullis::stores::memory::MemoryStore;
use serde_json::json;

async fn town() -> Town {
    Memory.town(&[("BASE_PATH", "/apps/auth")]).await
}

async fn token(town: &Town) -> String {
    let mut sign_in = form(&format!("username=anna@example.com&password={PASSWORD}"));
    *sign_in.uri_mut() = "/apps/auth/token".parse().unwrap();
    let answer = town.send(sign_in).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_is_under_the_path_and_none_is_elsewhere() {
    let town = town().await;
    let token = token(&town).await;
    for route in app::map::<MemoryStore>() {
        let path = route.path.replace("{user_id}", town.max.id.as_str());
        if !route.methods.contains(&"GET") {
            continue;
        }
        for slash in ["", "/"] {
            let inside = format!("/apps/auth{}{slash}", path.trim_end_matches('/'));
            assert_eq!(
                town.call("GET", &inside, &token).await.status,
                200,
                "{inside}"
            );
        }
        // Guarded as at the root.
        let anybody = town
            .call("GET", &format!("/apps/auth{path}"), "")
            .await
            .status;
        let expected = if app::PUBLIC.contains(&route.path) {
            200
        } else {
            401
        };
        assert_eq!(anybody, expected, "{path}");
        for outside in [
            path.clone(),
            format!("/apps{path}"),
            format!("/apps/other{path}"),
        ] {
            assert_eq!(
                town.call("GET", &outside, &token).await.status,
                404,
                "{outside}"
            );
        }
    }
}

#[tokio::test]
async fn a_new_users_location_can_be_followed() {
    let town = town().await;
    let token = token(&town).await;
    let body = json!({"email": "new@example.com", "password": NEW_PASSWORD}).to_string();
    let created = town.json("POST", "/apps/auth/users", &token, &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let location = created.header("location").unwrap();
    assert!(location.starts_with("/apps/auth/users/"), "{location}");
    let user = town.call("GET", location, &token).await;
    assert_eq!(user.json()["email"], "new@example.com");
}

#[tokio::test]
async fn the_document_and_its_page_name_the_path() {
    let town = town().await;
    let document = town.call("GET", "/apps/auth/openapi.json", "").await.json();
    assert_eq!(document["servers"], json!([{"url": "/apps/auth"}]));
    let scheme = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"];
    assert_eq!(scheme["flows"]["password"]["tokenUrl"], "/apps/auth/token");
    // Nothing else is another document.
    let mut plain = Town::new()
        .await
        .call("GET", "/openapi.json", "")
        .await
        .json();
    plain["servers"] = document["servers"].clone();
    plain["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"]["tokenUrl"] =
        "/apps/auth/token".into();
    assert_eq!(document, plain);
    // The page names its files relative to itself.
    for (page, up) in [("/apps/auth/docs", "./"), ("/apps/auth/docs/", "../")] {
        let page = town.call("GET", page, "").await;
        assert!(
            page.text.contains(&format!("{up}docs/start.js")),
            "{}",
            page.text
        );
    }
}

#[tokio::test]
async fn a_doubled_slash_does_not_leave_the_path() {
    let town = town().await;
    for path in [
        "/apps/auth//users",
        "//apps/auth/users",
        "/apps/auth/%2fusers",
        "/apps/authusers",
    ] {
        let mut asked = request("GET", path, "", None);
        let _none = asked
            .headers_mut()
            .insert("x-forwarded-prefix", HeaderValue::from_static("/x"));
        assert_eq!(town.send(asked).await.status, 404, "{path}");
    }
}
