//! `GET /settings`: what a sign-in page has to know beforehand. Nothing here is secret.

use crate::policy::ROLES;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Settings {
    /// Seconds.
    access_token_expires_in: u64,
    grant_types: [&'static str; 1],
    password: PasswordLength,
    roles: [&'static str; 2],
}

/// In code points.
#[derive(Serialize)]
struct PasswordLength {
    min_length: usize,
    max_length: usize,
}

/// Tells the public facts.
pub(crate) async fn read<S>(State(state): State<AppState<S>>) -> Response {
    Json(Settings {
        access_token_expires_in: state.issuer.lifetime().as_secs(),
        grant_types: ["password"],
        password: PasswordLength {
            min_length: state.password_policy.min_length(),
            max_length: state.password_policy.max_length(),
        },
        roles: ROLES,
    })
    .into_response()
}
