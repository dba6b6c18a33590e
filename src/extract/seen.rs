//! [`Seen`]: what the first extractor of a request found out about its token, for those that follow.

use super::Rejection;
use crate::bearer::{BearerError, authorization, text_behind_scheme};
use crate::token::{Claims, TokenError, TokenVerifier};
use crate::user::UserId;
use core::any::Any;
use http::Extensions;
use http::header::HeaderValue;
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What was found of a token, kept in the request's extensions.
///
/// It counts only for the verifier that found so and for the very header it found so for: routers may have verifiers of
/// several audiences, and middleware may change a header between two extractors.
#[derive(Clone)]
struct Seen {
    verifier: u64,
    authorization: HeaderValue,
    /// Or why it was refused, whatever the claims are read into: so it is verified and reported once.
    found: Result<Arc<dyn Bearer>, TokenError>,
}

/// The claims of a token, whatever else the application read of them.
pub(super) trait Bearer: Any + Send + Sync {
    fn subject(&self) -> &UserId;
    fn epoch(&self) -> u64;
}

impl<E: Send + Sync + 'static> Bearer for Claims<E> {
    fn subject(&self) -> &UserId {
        Self::subject(self)
    }

    fn epoch(&self) -> u64 {
        Self::epoch(self)
    }
}

/// The claims of the request's token; `None` if it carries none.
pub(super) fn claims<E: DeserializeOwned + Send + Sync + 'static>(
    parts: &mut Parts,
    verifier: &TokenVerifier,
) -> Result<Option<Arc<Claims<E>>>, Rejection> {
    let Some(authorization) = sent(authorization(&parts.headers))? else {
        return Ok(None);
    };
    let before = seen(&parts.extensions, verifier, authorization);
    if let Some(found) = before {
        let claims: Arc<dyn Any + Send + Sync> = found.clone()?;
        if let Ok(claims) = claims.downcast() {
            return Ok(Some(claims));
        }
    }
    let Some(token) = sent(text_behind_scheme(authorization))? else {
        return Ok(None);
    };
    let claims: Result<Arc<Claims<E>>, TokenError> = if before.is_some() {
        verifier.read_again(token)
    } else {
        verifier.verify_shared(token)
    };
    let found: Result<Arc<dyn Bearer>, TokenError> = match &claims {
        Ok(claims) => Ok(claims.clone()),
        // Into another type they may be read.
        Err(TokenError::OwnClaims) => return Err(TokenError::OwnClaims.into()),
        Err(error) => Err(*error),
    };
    let seen = Seen {
        verifier: verifier.id(),
        // Not a copy of the token: a header's clones share its bytes.
        authorization: authorization.clone(),
        found,
    };
    parts.extensions.insert(seen);
    Ok(Some(claims?))
}

/// Whom the request's token is about; `None` if it carries none.
pub(super) fn bearer(
    parts: &mut Parts,
    verifier: &TokenVerifier,
) -> Result<Option<Arc<dyn Bearer>>, Rejection> {
    let Some(authorization) = sent(authorization(&parts.headers))? else {
        return Ok(None);
    };
    if let Some(found) = seen(&parts.extensions, verifier, authorization) {
        return Ok(Some(found.clone()?));
    }
    match claims::<()>(parts, verifier)? {
        Some(claims) => Ok(Some(claims)),
        None => Ok(None),
    }
}

/// What a request carries, unless it carries nothing that is for us.
fn sent<T>(found: Result<T, BearerError>) -> Result<Option<T>, Rejection> {
    match found {
        Err(BearerError::Missing) => Ok(None),
        found => Ok(Some(found?)),
    }
}

fn seen<'p>(
    extensions: &'p Extensions,
    verifier: &TokenVerifier,
    authorization: &HeaderValue,
) -> Option<&'p Result<Arc<dyn Bearer>, TokenError>> {
    let seen: &Seen = extensions.get()?;
    (seen.verifier == verifier.id() && seen.authorization == authorization).then_some(&seen.found)
}
