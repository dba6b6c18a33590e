//! `GET /healthz` and `GET /readyz`: for load balancers and supervisors.

use crate::error::ApiError;
use crate::log;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use core::time::Duration;
use portcullis::Refusal;
use portcullis::directory::UserDirectory;

/// How long the store may take to answer. Probes usually give up after a second or two themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whatever the store's trouble is, it is we who are not ready.
const NOT_READY: ApiError = ApiError::Refused(Refusal::UNAVAILABLE);

/// The process answers. Says nothing of the store: restarting us would not repair that.
pub(crate) async fn alive() -> Response {
    Json(serde_json::json!({ "status": "ok" })).into_response()
}

/// The store answers too, so that requests can be sent here.
pub(crate) async fn ready<S: UserDirectory>(
    State(state): State<AppState<S>>,
) -> Result<Response, ApiError> {
    match tokio::time::timeout(PATIENCE, state.users.ping()).await {
        Ok(Ok(())) => Ok(alive().await),
        Ok(Err(error)) => {
            log::store_down(&error);
            Err(NOT_READY)
        }
        Err(_) => {
            tracing::error!(code = "store_timeout", within = ?PATIENCE, "the store did not answer in time");
            Err(NOT_READY)
        }
    }
}
