//! What an answer means: rows, a refusal of the database, or trouble on the way. Nothing of an error's text is kept.

use super::client::unreachable;
use super::error::{Code, Kind, SupabaseError};
use http::StatusCode;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The largest answer read, in bytes: a page of a thousand rows is a tenth of it.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Codes for "not now": of PostgREST no database, or a schema that is still being read; of PostgreSQL too many
/// connections, or a statement that took too long.
const NOT_NOW: [&str; 6] = [
    "PGRST000", "PGRST001", "PGRST002", "PGRST500", "53300", "57014",
];

/// An answer that is one.
pub(super) struct Answer {
    body: Vec<u8>,
    /// How many rows there are in all, if that was asked for.
    pub(super) total: Option<u64>,
    host: Arc<str>,
}

impl Answer {
    /// Reads the body as what it should be.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, SupabaseError> {
        // The error would quote the body.
        serde_json::from_slice(&self.body).map_err(|_| self.misbehaved("another shape"))
    }

    /// The answer is not what was asked for.
    pub(super) fn misbehaved(&self, what: &'static str) -> SupabaseError {
        SupabaseError::new(Kind::Misbehaved(StatusCode::OK, what)).at(&self.host)
    }
}

/// What PostgREST says of an error. Its message may quote rows and is not looked at.
#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// Reads an answer to its end, or to where it is too long.
pub(super) async fn read(
    mut response: reqwest::Response,
    host: &Arc<str>,
) -> Result<Answer, SupabaseError> {
    let status = response.status();
    let is_json = is_json(response.headers());
    let total = total(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(SupabaseError::new(Kind::Misbehaved(status, "too long")));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return if is_json {
            Ok(Answer {
                body,
                total,
                host: Arc::clone(host),
            })
        } else {
            Err(SupabaseError::new(Kind::Misbehaved(status, "no JSON")))
        };
    }
    let problem = is_json
        .then(|| serde_json::from_slice::<Problem>(&body).ok())
        .flatten();
    Err(SupabaseError::new(failure(
        status,
        problem.and_then(|problem| Code::new(&problem.code)),
    )))
}

/// By the code where there is one: statuses differ between versions (42501 is 401 here and 403 there).
fn failure(status: StatusCode, code: Option<Code>) -> Kind {
    match (status, code) {
        (_, Some(code)) if code.as_str().starts_with("PGRST30") => Kind::KeyRejected(status),
        (_, Some(code)) if NOT_NOW.contains(&code.as_str()) => Kind::Unavailable(status),
        // 504 is the gateway's, or PGRST003: no connection of the pool came free.
        (
            StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS,
            _,
        ) => Kind::Unavailable(status),
        (_, Some(code)) if status.is_client_error() || status.is_server_error() => {
            Kind::Database(code)
        }
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => Kind::KeyRejected(status),
        _ if status.is_redirection() => Kind::Misbehaved(status, "a redirect"),
        _ => Kind::Misbehaved(status, "no error of PostgREST's"),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let media = value.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("application/json")
        })
}

/// The number after the slash of `Content-Range: 0-9/1500` (RFC 9110 §14.4).
fn total(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    #[test]
    fn each_failure_becomes_the_status_that_says_whose_trouble_it_is() {
        for (status, code, ours) in [
            (401, None, 502),
            (401, Some("PGRST301"), 502),
            (403, Some("42501"), 502),
            (401, Some("42501"), 502),
            (404, Some("PGRST202"), 502),
            (409, Some("23505"), 502),
            (301, None, 502),
            (404, None, 502),
            (500, None, 502),
            (502, None, 502),
            (500, Some("PGRST500"), 503),
            (503, None, 503),
            (503, Some("PGRST002"), 503),
            (503, Some("PGRST000"), 503),
            (503, Some("53300"), 503),
            (500, Some("57014"), 503),
            (429, None, 503),
            (504, Some("PGRST003"), 504),
            (504, None, 504),
            (500, Some("XX000"), 502),
        ] {
            let code = code.and_then(Code::new);
            let status = StatusCode::from_u16(status).unwrap();
            let error = SupabaseError::new(failure(status, code));
            assert_eq!(Refusal::store(&error).status(), ours, "{error}");
        }
    }

    #[test]
    fn a_code_that_could_be_a_text_is_none() {
        for text in [
            "",
            "abc",
            "hunter2",
            "23505 ",
            "CANARY-CANARY",
            "ÄÄÄ",
            "PGRST30123",
        ] {
            assert!(Code::new(text).is_none(), "{text}");
        }
        assert_eq!(Code::new("PGRST301").unwrap().as_str(), "PGRST301");
    }
}
