//! Reads request bodies: never more than the route allows, never longer than it has patience.

use crate::error::ApiError;
use crate::transport::BodyOverdue;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, header};
use core::time::Duration;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// The largest body any route takes, in bytes.
pub(crate) const LARGEST: usize = 64 * 1024;

/// The text `FastAPI` has for bodies it can't make sense of.
pub(crate) const UNREADABLE: &str = "There was an error parsing the body";

/// Reads a body of at most `limit` bytes.
///
/// A body that says it is longer is refused before a byte of it is read; one that doesn't say (chunked) as soon as
/// it crosses the limit. `patience` is for the whole body, so that a byte a second does not hold a place for hours.
pub(crate) async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ApiError::TooLarge);
    }
    let whole = tokio::time::timeout(patience, Limited::new(body, limit).collect())
        .await
        .map_err(|_| ApiError::TooSlow)?;
    match whole {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge),
        Err(error)
            if (error.source())
                .is_some_and(<dyn core::error::Error + 'static>::is::<BodyOverdue>) =>
        {
            Err(ApiError::TooSlow)
        }
        // The client broke off, or its chunks are malformed.
        Err(_) => Err(ApiError::BadRequest(UNREADABLE)),
    }
}

/// The content type of a body; empty if there is none or it is no text.
///
/// Of two, different readers take different ones (RFC 9110 §5.3, §8.3), so they are refused, also on one line, where a
/// proxy may have joined them.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let first = values.next();
    let content_type = first
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // Every second part is within quotation marks, where a comma is a comma.
    let is_list = content_type
        .split('"')
        .step_by(2)
        .any(|part| part.contains(','));
    if is_list || values.next().is_some() {
        return Err(ApiError::BadRequest(
            "At most one Content-Type header is allowed",
        ));
    }
    Ok(content_type)
}
