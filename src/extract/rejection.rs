//! [`Rejection`]: a [`Refusal`] as an axum response.

use crate::authenticator::{HashError, SignInError};
use crate::refusal::Refusal;
use crate::token::{IssueError, TokenError};
use axum_core::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};

/// A [`Refusal`] as a response: `{"detail": ...}` with its status, challenge and `Retry-After`.
///
/// It is data until the last moment, so an application that answers errors in another form takes the
/// [`Refusal`] out of it and builds its own response.
///
/// The errors of signing in, hashing and issuing become one with `?`:
///
/// ```
/// use portcullis::stores::memory::MemoryStore;
/// use portcullis::{Authenticator, Credentials, TokenIssuer, extract::Rejection};
///
/// async fn token(
///     authenticator: &Authenticator<MemoryStore>,
///     issuer: &TokenIssuer,
///     credentials: Credentials,
/// ) -> Result<String, Rejection> {
///     let signed_in = authenticator.sign_in(credentials).await?;
///     Ok(issuer.issue(&signed_in)?.expose().to_owned())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is its one field, to be taken out"
)]
pub struct Rejection(pub Refusal);

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

macro_rules! refused {
    ($($error:ty),*) => {$(
        impl From<$error> for Rejection {
            fn from(error: $error) -> Self {
                Self(Refusal::from(&error))
            }
        }
    )*};
}

refused!(SignInError, HashError, IssueError, TokenError);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        // `Value` writes the text as JSON, whatever stands in it.
        let detail = serde_json::Value::from(refusal.detail());
        let body = format!(r#"{{"detail":{detail}}}"#);
        let content_type = [(CONTENT_TYPE, "application/json")];
        let mut response = (refusal.status(), content_type, body).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = refusal.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge.to_header_value());
        }
        if let Some(seconds) = refusal.retry_after_value() {
            headers.insert(RETRY_AFTER, seconds);
        }
        response
    }
}
