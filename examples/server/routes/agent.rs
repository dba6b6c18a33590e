//! `GET /agent`: whom the server takes the caller for.

use crate::guard::Caller;
use axum::Json;
use axum::response::{IntoResponse, Response};
use portcullis::user::{Role, TenantId};
use serde::Serialize;

#[derive(Serialize)]
struct Answer<'a> {
    principal: &'static str,
    id: &'a str,
    tenant_id: Option<&'a TenantId>,
    role: Option<&'a Role>,
}

/// Names the calling principal.
pub(crate) async fn principal(Caller(user): Caller) -> Response {
    Json(Answer {
        principal: "user",
        id: user.id.as_str(),
        tenant_id: user.tenant_id.as_ref(),
        role: user.role.as_ref(),
    })
    .into_response()
}
