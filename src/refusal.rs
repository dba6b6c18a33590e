//! [`Refusal`]: every failure a client can meet, as data: one table from cause to response.

use crate::authenticator::{CurrentUserError, HashError, SignInError};
use crate::bearer::{BearerError, Challenge};
use crate::store::Outage;
use crate::token::{IssueError, TokenError};
use core::time::Duration;
use http::{HeaderValue, StatusCode};

/// How long to wait when something of ours is overloaded or down and nobody knows better.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// What to answer instead of what was asked for.
///
/// | cause | status | challenge | code | detail |
/// |---|---|---|---|---|
/// | no bearer token | 401 | bare | - | Not authenticated |
/// | malformed header | 401 | `invalid_token` | `invalid_token` | Could not validate credentials |
/// | any [`TokenError`]; account gone, disabled, or of a newer epoch | 401 | `invalid_token` | `invalid_token` | Could not validate credentials |
/// | requirement not met | 403 | `insufficient_scope` | `insufficient_scope` | Not enough permissions |
/// | wrong credentials, disabled account | 401 | bare | `invalid_grant` | Incorrect username or password |
/// | throttled | 429 + `Retry-After` | - | `slow_down` | Too many failed sign-ins, try again later |
/// | too many sign-ins at once, hashing overloaded | 503 + `Retry-After` | - | `temporarily_unavailable` | Service temporarily unavailable |
/// | a token can't be issued, a password can't be hashed | 500 | - | `server_error` | Internal Server Error |
/// | store or throttle down | 503 + `Retry-After` | - | `temporarily_unavailable` | Service temporarily unavailable |
/// | the same, by [`Outage::BadGateway`] | 502 | - | `temporarily_unavailable` | Upstream unavailable |
/// | the same, by [`Outage::TimedOut`] | 504 | - | `temporarily_unavailable` | Upstream timed out |
///
/// Codes are those of RFC 6750 §3.1, RFC 6749 §5.2 and §4.1.2.1, and RFC 8628 §3.5. The precise cause is for your
/// log (`TokenError`, `Event`), never for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    challenge: Option<Challenge>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    detail: &'static str,
}

impl Refusal {
    /// The request carries no bearer token.
    pub const UNAUTHENTICATED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        Some(Challenge::Bare),
        None,
        None,
        "Not authenticated",
    );

    /// The token, or whom it names, is not good.
    pub const INVALID_TOKEN: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        Some(Challenge::InvalidToken),
        Some("invalid_token"),
        None,
        "Could not validate credentials",
    );

    /// The token is good, but its holder may not do this.
    pub const INSUFFICIENT_SCOPE: Self = Self::new(
        StatusCode::FORBIDDEN,
        Some(Challenge::InsufficientScope),
        Some("insufficient_scope"),
        None,
        "Not enough permissions",
    );

    /// Login and password don't belong together.
    pub const INVALID_CREDENTIALS: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        Some(Challenge::Bare),
        Some("invalid_grant"),
        None,
        "Incorrect username or password",
    );

    /// Something behind the server can't be asked, or there is more work than can be done.
    pub const UNAVAILABLE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        None,
        Some("temporarily_unavailable"),
        Some(RETRY_SOON),
        "Service temporarily unavailable",
    );

    /// What a store is asked of could not be reached, or gave no usable answer.
    pub const BAD_GATEWAY: Self = Self::new(
        StatusCode::BAD_GATEWAY,
        None,
        Some("temporarily_unavailable"),
        None,
        "Upstream unavailable",
    );

    /// What a store is asked of did not answer in time.
    pub const GATEWAY_TIMEOUT: Self = Self::new(
        StatusCode::GATEWAY_TIMEOUT,
        None,
        Some("temporarily_unavailable"),
        None,
        "Upstream timed out",
    );

    /// Something of ours failed that waiting does not mend.
    pub const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        Some("server_error"),
        None,
        "Internal Server Error",
    );

    /// Too many failures; try again after `retry_after`.
    pub const fn throttled(retry_after: Duration) -> Self {
        let detail = "Too many failed sign-ins, try again later";
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            None,
            Some("slow_down"),
            Some(retry_after),
            detail,
        )
    }

    /// What a store's or a throttle's error is answered with: by the first [`Outage`] among its sources, else 503.
    pub fn store(error: &(dyn core::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            match error.downcast_ref() {
                Some(Outage::BadGateway) => return Self::BAD_GATEWAY,
                Some(Outage::TimedOut) => return Self::GATEWAY_TIMEOUT,
                Some(_) => break,
                None => cause = error.source(),
            }
        }
        Self::UNAVAILABLE
    }

    const fn new(
        status: StatusCode,
        challenge: Option<Challenge>,
        code: Option<&'static str>,
        retry_after: Option<Duration>,
        detail: &'static str,
    ) -> Self {
        Self {
            status,
            challenge,
            code,
            retry_after,
            detail,
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The `WWW-Authenticate` challenge, if the response has one.
    pub fn challenge(&self) -> Option<Challenge> {
        self.challenge
    }

    /// The error code of RFC 6750 or RFC 6749, if there is one.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// How long to wait before the next try, if waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The `Retry-After` header: whole seconds, rounded up so that nobody comes back too early.
    pub fn retry_after_value(&self) -> Option<HeaderValue> {
        self.retry_after.map(|wait| {
            let rounded_up = wait
                .as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0));
            HeaderValue::from(rounded_up.max(1))
        })
    }

    /// What the client is told, in one sentence without a secret in it.
    pub fn detail(&self) -> &'static str {
        self.detail
    }
}

impl From<&BearerError> for Refusal {
    fn from(error: &BearerError) -> Self {
        match error {
            BearerError::Missing => Self::UNAUTHENTICATED,
            BearerError::Malformed => Self::INVALID_TOKEN,
        }
    }
}

/// All causes look the same from outside: a client can't tell a bad signature from an expired token.
impl From<&TokenError> for Refusal {
    fn from(_: &TokenError) -> Self {
        Self::INVALID_TOKEN
    }
}

impl From<&SignInError> for Refusal {
    fn from(error: &SignInError) -> Self {
        match error {
            SignInError::InvalidCredentials | SignInError::Disabled => Self::INVALID_CREDENTIALS,
            SignInError::Throttled { retry_after } => Self::throttled(*retry_after),
            SignInError::Busy => Self::UNAVAILABLE,
            SignInError::Unavailable(error) => Self::store(&**error),
        }
    }
}

impl From<&CurrentUserError> for Refusal {
    fn from(error: &CurrentUserError) -> Self {
        match error {
            CurrentUserError::Ended => Self::INVALID_TOKEN,
            CurrentUserError::Unavailable(error) => Self::store(&**error),
        }
    }
}

/// A password over the size limit should have met `PasswordPolicy` before.
impl From<&HashError> for Refusal {
    fn from(error: &HashError) -> Self {
        match error {
            HashError::Overloaded(_) => Self::UNAVAILABLE,
            HashError::Failed(_) => Self::INTERNAL,
        }
    }
}

impl From<&IssueError> for Refusal {
    fn from(_: &IssueError) -> Self {
        Self::INTERNAL
    }
}

/// Each error converts by value too, for `?` and `map_err(Refusal::from)`.
macro_rules! by_value {
    ($($error:ty),*) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::from(&error)
            }
        }
    )*};
}

by_value!(
    BearerError,
    CurrentUserError,
    HashError,
    IssueError,
    SignInError,
    TokenError
);
