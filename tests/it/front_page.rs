//! What the README and the front page show is what was compiled and run.

use crate::quick_start;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use std::net::SocketAddr;
use tower::ServiceExt as _;

#[test]
fn the_readme_shows_the_quick_start_as_it_is() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(include_str!("../../examples/quick_start.rs")));
}

#[tokio::test]
async fn the_quick_start_goes_from_a_password_to_a_handler() {
    let app = quick_start::app(b"32 bytes that nobody else can know")
        .await
        .unwrap()
        .layer(MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711))));
    let form = |password: &str| {
        Request::post("/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!(
                "username=Anna%40Example.com&password={password}"
            )))
            .unwrap()
    };
    let refused = app.clone().oneshot(form("wrong")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()[header::WWW_AUTHENTICATE], "Bearer");

    let answer = app
        .clone()
        .oneshot(form("correct+horse+battery+staple"))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let token = answer.into_body().collect().await.unwrap().to_bytes();
    let token = core::str::from_utf8(&token).unwrap();

    let me = |value: String| {
        Request::get("/me")
            .header(header::AUTHORIZATION, value)
            .body(Body::empty())
            .unwrap()
    };
    let answer = app
        .clone()
        .oneshot(me(format!("Bearer {token}")))
        .await
        .unwrap();
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "hello anna@example.com"
    );
    assert_eq!(
        app.clone()
            .oneshot(me(format!("Bearer {token}x")))
            .await
            .unwrap()
            .status(),
        StatusCode::UNAUTHORIZED
    );
    assert!(quick_start::app(b"short").await.is_err());
}
