//! `GET /agent`: whom the server takes the caller for.

use crate::guard::Caller;
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Principal<'a> {
    principal: &'static str,
    id: &'a str,
    tenant_id: Option<&'a str>,
    role: Option<&'a str>,
}

/// Names the calling principal.
pub(crate) async fn principal(Caller(user): Caller) -> Response {
    Json(Principal {
        principal: "user",
        id: user.id.as_str(),
        tenant_id: user.tenant_id.as_ref().map(|tenant| tenant.as_str()),
        role: user.role.as_ref().map(|role| role.as_str()),
    })
    .into_response()
}
