//! `/docs`: Swagger UI, in which one can sign in and try each route. All of it comes from this server.

use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::sync::LazyLock;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use tower::ServiceExt as _;

/// The page runs scripts from here only, and talks to nobody else; nobody frames it to borrow its user's clicks.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Starts Swagger UI. It forgets the token with the page, and never asks a foreign validator.
const START: &str = r##""use strict";
SwaggerUIBundle({
  url: new URL("openapi.json", new URL(document.currentScript.dataset.root, location.href)).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"##;

/// The page.
pub(crate) async fn page(OriginalUri(uri): OriginalUri) -> Response {
    // Relative, so that it works behind a prefix too; `/docs/` is one step deeper than `/docs`.
    let root = if uri.path().ends_with('/') {
        "../"
    } else {
        "./"
    };
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>portcullis example server</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root}docs/swagger-ui-bundle.js"></script>
<script src="{root}docs/start.js" data-root="{root}"></script>
</body>
</html>
"#
    );
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    let referrer = HeaderValue::from_static("no-referrer");
    (
        [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::REFERRER_POLICY, referrer),
        ],
        Html(html),
    )
        .into_response()
}

/// The script that starts it: a file of its own, since the policy allows none in the page.
pub(crate) async fn start() -> Response {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        START,
    )
        .into_response()
}

/// Swagger UI's style sheet.
pub(crate) async fn style() -> Response {
    asset("/docs/swagger-ui.css").await
}

/// Swagger UI itself.
pub(crate) async fn script() -> Response {
    asset("/docs/swagger-ui-bundle.js").await
}

/// One of the crate's files. Its own page is not used: it writes the request's address into a script.
async fn asset(path: &'static str) -> Response {
    static FILES: LazyLock<axum::Router> = LazyLock::new(|| {
        swagger_ui_dist::generate_routes(ApiDefinition {
            uri_prefix: "/docs",
            api_definition: OpenApiSource::Uri(""),
            title: None,
        })
    });
    let Ok(request) = Request::get(path).body(axum::body::Body::empty()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(mut response) = FILES.clone().oneshot(request).await;
    // The files change with the program only; a day is short enough for that.
    response.headers_mut().insert(
        HeaderName::from_static("cache-control"),
        HeaderValue::from_static("public, max-age=86400"),
    );
    response
}
