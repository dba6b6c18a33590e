//! `GET /users/me`: the caller itself, without knowing its id.

use super::users::Profile;
use crate::guard::Caller;
use axum::Json;
use axum::response::{IntoResponse, Response};

/// Shows the caller.
pub(crate) async fn read(Caller(user): Caller) -> Response {
    Json(Profile::from(&user)).into_response()
}
