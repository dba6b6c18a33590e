//! `GET /openapi.json`: the routes as a document, with the operation ids and schema names that clients of the original
//! were generated from.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document, kept as a file so that it can be read and compared as one.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

/// Gives the document.
pub(crate) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
