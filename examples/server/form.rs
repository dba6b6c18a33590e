//! Reads a form, urlencoded or multipart, into its fields: in order, with repetitions, nothing interpreted.

use crate::body::{UNREADABLE, content_type};
use crate::error::ApiError;
use axum::body::Bytes;
use axum::http::HeaderMap;
use core::fmt;
use http_body_util::{BodyDataStream, Full};

/// One field as it was sent.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What a field holds.
#[derive(PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    /// A file upload. Its content is dropped: no field here is a file.
    File,
}

/// Names and texts are the client's, and one of them is a password.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").finish_non_exhaustive()
    }
}

/// Which kind of form a request says its body is.
#[derive(Debug)]
pub(crate) enum Kind {
    UrlEncoded,
    Multipart(String),
}

/// Reads the kind of form from the content type; `None` if it names no form.
pub(crate) fn kind(headers: &HeaderMap) -> Result<Option<Kind>, ApiError> {
    let content_type = content_type(headers)?;
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Some(Kind::UrlEncoded))
    } else if media.eq_ignore_ascii_case("multipart/form-data") {
        multer::parse_boundary(content_type)
            .map(|boundary| Some(Kind::Multipart(boundary)))
            .map_err(|_| ApiError::BadRequest("Missing boundary in multipart."))
    } else {
        Ok(None)
    }
}

/// Takes the fields out of a body that was read within its limit.
pub(crate) async fn fields(kind: Kind, body: Bytes) -> Result<Vec<Field>, ApiError> {
    match kind {
        Kind::UrlEncoded => Ok(form_urlencoded::parse(&body)
            .map(|(name, value)| Field {
                name: name.into_owned(),
                value: Value::Text(value.into_owned()),
            })
            .collect()),
        Kind::Multipart(boundary) => multipart(boundary, body)
            .await
            // Its errors quote the input.
            .map_err(|_| ApiError::BadRequest(UNREADABLE)),
    }
}

async fn multipart(boundary: String, body: Bytes) -> Result<Vec<Field>, multer::Error> {
    let stream = BodyDataStream::new(Full::new(body));
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let value = if part.file_name().is_some() {
            Value::File
        } else {
            Value::Text(part.text().await?)
        };
        fields.push(Field { name, value });
    }
    Ok(fields)
}
