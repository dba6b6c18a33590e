//! [`ApiError`]: every way a route can refuse, and the one shape it has on the wire: `{"detail": ...}`.

use crate::log;
use crate::metrics::metrics;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis::authenticator::HashError;
use portcullis::directory::DirectoryError;
use portcullis::{ErrorChain, Refusal};
use serde::Serialize;
use std::borrow::Cow;

/// What to answer instead of what was asked for. No variant holds a word of the request.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The library's own table: 401, 403, 429, 503.
    Refused(Refusal),
    /// 404: no such path.
    NoSuchRoute,
    /// 405, with the methods the path has.
    WrongMethod(HeaderValue),
    /// 404: no such user, or one of another tenant, which must look the same.
    NoSuchUser,
    /// 409: the address is taken; by whom is not said.
    EmailTaken,
    /// 409: without this user nobody could administer the tenant.
    LastAdmin,
    /// 403: the caller is known, but did not prove it again.
    WrongCurrentPassword,
    /// 400: not even the outer form can be read.
    BadRequest(&'static str),
    /// 408: the body did not arrive in time.
    TooSlow,
    /// 413: the body is over the route's limit.
    TooLarge,
    /// 422: readable, but not what the route takes.
    Invalid(Vec<Problem>),
    /// 500: our fault; the log says more.
    Internal,
}

/// One entry of a 422, as `FastAPI`'s clients know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Place>,
    msg: Cow<'static, str>,
    /// `FastAPI` puts the offending value here, passwords too. Here it is `null` or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<serde_json::Value>,
}

/// A step on the way to the offending value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Place {
    Name(&'static str),
    Offset(usize),
}

impl Problem {
    pub(crate) fn new(
        kind: &'static str,
        loc: impl IntoIterator<Item = Place>,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            loc: loc.into_iter().collect(),
            msg: msg.into(),
            input: None,
            ctx: None,
        }
    }

    /// A problem with one field of the body.
    pub(crate) fn field(
        kind: &'static str,
        name: &'static str,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(kind, [Place::Name("body"), Place::Name(name)], msg)
    }

    /// A field that has to be there and is not.
    pub(crate) fn missing(name: &'static str) -> Self {
        Self {
            input: Some(()),
            ..Self::field("missing", name, "Field required")
        }
    }

    /// The whole body is missing.
    pub(crate) fn no_body() -> Self {
        Self {
            input: Some(()),
            ..Self::new("missing", [Place::Name("body")], "Field required")
        }
    }

    /// A problem with the body as a whole.
    pub(crate) fn body(msg: &'static str) -> Self {
        Self::new("value_error", [Place::Name("body")], msg)
    }

    /// A field that is not text.
    pub(crate) fn not_text(name: &'static str) -> Self {
        Self::field("string_type", name, "Input should be a valid string")
    }

    #[must_use]
    pub(crate) fn context(mut self, ctx: serde_json::Value) -> Self {
        self.ctx = Some(ctx);
        self
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail {
    Text(&'static str),
    Problems(Vec<Problem>),
}

#[derive(Serialize)]
struct ErrorBody {
    detail: Detail,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
}

impl ApiError {
    /// The same refusal as RFC 6749 §5.2 wants it of a token endpoint: with `error` and `error_description`.
    pub(crate) fn at_token_endpoint(self) -> Response {
        let error = match &self {
            Self::Refused(refusal) => refusal.code(),
            Self::Invalid(problems) if problems.iter().any(Problem::is_unknown_grant) => {
                Some("unsupported_grant_type")
            }
            Self::Internal => None,
            _ => Some("invalid_request"),
        };
        self.respond(error)
    }

    fn respond(self, error: Option<&'static str>) -> Response {
        metrics().refusal(self.code());
        let (status, text) = self.status_and_text();
        let mut response = (
            status,
            Json(ErrorBody {
                error,
                error_description: error.map(|_| text),
                detail: match &self {
                    Self::Invalid(problems) => Detail::Problems(problems.clone()),
                    _ => Detail::Text(text),
                },
            }),
        )
            .into_response();
        let headers = response.headers_mut();
        match self {
            Self::Refused(refusal) => {
                if let Some(challenge) = refusal.challenge() {
                    headers.insert(header::WWW_AUTHENTICATE, challenge.to_header_value());
                }
                if let Some(wait) = refusal.retry_after_value() {
                    headers.insert(header::RETRY_AFTER, wait);
                }
            }
            Self::WrongMethod(allow) => {
                headers.insert(header::ALLOW, allow);
            }
            // What is left of such a body is not worth reading: the connection ends.
            Self::TooSlow | Self::TooLarge => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }

    /// A word for metrics.
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().unwrap_or("unauthenticated"),
            Self::NoSuchRoute => "no_such_route",
            Self::WrongMethod(_) => "wrong_method",
            Self::NoSuchUser => "no_such_user",
            Self::EmailTaken => "email_taken",
            Self::LastAdmin => "last_admin",
            Self::WrongCurrentPassword => "wrong_current_password",
            Self::BadRequest(_) => "bad_request",
            Self::TooSlow => "too_slow",
            Self::TooLarge => "too_large",
            Self::Invalid(_) => "invalid",
            Self::Internal => "internal",
        }
    }

    fn status_and_text(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(refusal) => (refusal.status(), refusal.detail()),
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "Not Found"),
            Self::WrongMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
            Self::NoSuchUser => (StatusCode::NOT_FOUND, "User not found"),
            Self::EmailTaken => (
                StatusCode::CONFLICT,
                "A user with this email already exists",
            ),
            Self::LastAdmin => (StatusCode::CONFLICT, "The tenant needs at least one admin"),
            Self::WrongCurrentPassword => (StatusCode::FORBIDDEN, "Current password is incorrect"),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, text),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request body too large"),
            Self::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "The request is not valid; detail says where",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }
}

impl Problem {
    /// The grant type the form asks for is not offered.
    pub(crate) fn unknown_grant() -> Self {
        Self::field(
            UNKNOWN_GRANT,
            "grant_type",
            "String should match pattern '^password$'",
        )
        .context(serde_json::json!({ "pattern": "^password$" }))
    }

    fn is_unknown_grant(&self) -> bool {
        self.kind == UNKNOWN_GRANT
    }
}

const UNKNOWN_GRANT: &str = "string_pattern_mismatch";

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.respond(None)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        let chain = ErrorChain::new(&error).to_string();
        tracing::error!(
            code = "hash",
            error = chain,
            "a password could not be hashed"
        );
        Self::Refused(Refusal::from(&error))
    }
}

/// A store that can't be asked is never "not found" and never "fine": 502, 503 or 504.
impl<E: core::error::Error + 'static> From<DirectoryError<E>> for ApiError {
    fn from(error: DirectoryError<E>) -> Self {
        match error {
            DirectoryError::Duplicate => Self::EmailTaken,
            DirectoryError::NotFound => Self::NoSuchUser,
            DirectoryError::LastOfRole => Self::LastAdmin,
            DirectoryError::Store(error) => store_down(&error),
            _ => Self::Internal,
        }
    }
}

/// The answer when the store can't be asked; the log gets the reason, the client does not.
pub(crate) fn store_down(error: &(impl core::error::Error + 'static)) -> ApiError {
    log::store_down(error);
    ApiError::Refused(Refusal::store(error))
}
