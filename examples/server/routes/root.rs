//! `GET /`: the greeting clients of the original use to see whether somebody is there.

use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

/// Greets.
pub(crate) async fn welcome<S>(State(state): State<AppState<S>>) -> Response {
    Json(serde_json::json!({ "message": state.welcome })).into_response()
}
