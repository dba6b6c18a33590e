//! [`Rejection`]: a [`Refusal`] as an axum response.

use crate::authenticator::{CurrentUserError, HashError, SignInError};
use crate::bearer::BearerError;
use crate::refusal::Refusal;
use crate::token::{IssueError, TokenError};
use axum_core::response::{IntoResponse, Response};
use core::error::Error;
use core::fmt;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use std::sync::Arc;

/// A [`Refusal`] as a response: `{"detail": ...}` with its status, challenge and `Retry-After`.
///
/// It is data until the last moment, so an application that answers errors in another form takes the
/// [`refusal`](Self::refusal) out of it and builds its own response. The [`cause`](Self::cause) is for the log: neither
/// the response nor `Debug` has it.
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
///
/// An extractor that logs why a request was refused:
///
/// ```
/// use portcullis::extract::{Rejection, Verified};
/// use portcullis::token::TokenError;
///
/// async fn whoami(verified: Result<Verified, Rejection>) -> Result<String, Rejection> {
///     let Verified(claims) = verified.inspect_err(|rejection| {
///         if let Some(error) = rejection.cause().and_then(|cause| cause.downcast_ref::<TokenError>()) {
///             eprintln!("token refused: {}", error.code());
///         }
///     })?;
///     Ok(claims.subject().to_string())
/// }
/// # use axum::{Router, routing::get};
/// # let _: Router<portcullis::TokenVerifier> = Router::new().route("/whoami", get(whoami));
/// ```
#[derive(Clone)]
pub struct Rejection {
    refusal: Refusal,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Rejection {
    /// What the client is told.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// Why, precisely: for your log, never for the client. `None` if there is no more to say than the refusal does.
    ///
    /// It is one of [`TokenError`], [`BearerError`], [`CurrentUserError`], [`SignInError`], [`HashError`] and
    /// [`IssueError`], and has its own causes as its [`source`](Error::source).
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            cause: None,
        }
    }
}

macro_rules! refused {
    ($($error:ty),*) => {$(
        impl From<$error> for Rejection {
            fn from(error: $error) -> Self {
                Self {
                    refusal: Refusal::from(&error),
                    cause: Some(Arc::new(error)),
                }
            }
        }
    )*};
}

refused!(
    BearerError,
    CurrentUserError,
    HashError,
    IssueError,
    SignInError,
    TokenError
);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let refusal = self.refusal;
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

/// Without the cause: what an application's store says of itself may not be fit to be shown.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}
