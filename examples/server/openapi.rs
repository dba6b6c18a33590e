//! `GET /openapi.json`: the routes as a document, with the operation ids and schema names that clients of the original
//! were generated from.

use crate::state::AppState;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use portcullis::directory::UserDirectory;
use std::borrow::Cow;

/// The document, kept as a file so that it can be read and compared as one.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

/// Gives the document.
pub(crate) async fn document<S: UserDirectory>(State(state): State<AppState<S>>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, under(&state.base_path)).into_response()
}

/// The document for routes that are under a path. It must need no escaping, which the configuration sees to.
fn under(base_path: &str) -> Cow<'static, str> {
    if base_path.is_empty() {
        return DOCUMENT.into();
    }
    let servers = format!(r#"{{"servers": [{{"url": "{base_path}"}}],"#);
    // Swagger UI takes a relative address for one beside its own page.
    let token_url = format!(r#""tokenUrl": "{base_path}/token""#);
    DOCUMENT
        .replacen('{', &servers, 1)
        .replace(r#""tokenUrl": "token""#, &token_url)
        .into()
}
