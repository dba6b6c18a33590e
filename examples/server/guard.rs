//! Authentication of every route that is not public, before anything of the body is read.

use crate::error::ApiError;
use crate::state::AppState;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use portcullis::Refusal;
use portcullis::directory::UserDirectory;
use portcullis::extract::{Rejection, Verified};
use portcullis::user::User;

/// Who asks: a user whose token was verified and whose account was read, active, for this very request.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) User);

/// Lets only requests with a good token through, and leaves the [`Caller`] for the handler.
///
/// The user is read again each time, so that a change of role, disabling or deletion works on the next request and
/// not only when the token expires.
pub(crate) async fn authenticate<S: UserDirectory>(
    State(state): State<AppState<S>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Verified(claims) = Verified::<()>::from_request_parts(&mut parts, &state)
        .await
        .map_err(|Rejection(refusal)| refusal)?;
    // By the authenticator and not by `CurrentUser`: its observer logs why a store can't be asked.
    let user = state
        .authenticator
        .current_user(&claims)
        .await
        .map_err(|error| Refusal::from(&error))?;
    tracing::Span::current().record("caller", user.id.as_str());
    parts.extensions.insert(Caller(user));
    Ok(next.run(Request::from_parts(parts, body)).await)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// A handler that wants a caller on a route that authenticates nobody is our mistake, and it fails closed.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a route needs a caller but is not guarded");
            ApiError::Internal
        })
    }
}
