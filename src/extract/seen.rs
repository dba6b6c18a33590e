//! [`Seen`]: what the first extractor of a request found out about its token, for those that follow.

use crate::bearer::{BearerError, BearerToken};
use crate::refusal::Refusal;
use crate::token::{Claims, TokenVerifier};
use crate::user::UserId;
use core::any::Any;
use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A token that was found good, kept in the request's extensions.
///
/// It counts only for the verifier that found so and for the very header it found so for: routers may have verifiers of
/// several audiences, and middleware may change a header between two extractors.
#[derive(Clone)]
struct Seen {
    verifier: u64,
    authorization: HeaderValue,
    claims: Arc<dyn Bearer>,
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
) -> Result<Option<Arc<Claims<E>>>, Refusal> {
    let before = seen(parts, verifier).map(|seen| Arc::clone(&seen.claims));
    let known = before.is_some();
    if let Some(claims) = before {
        let claims: Arc<dyn Any + Send + Sync> = claims;
        if let Ok(claims) = claims.downcast() {
            return Ok(Some(claims));
        }
    }
    let Some(token) = token(parts)? else {
        return Ok(None);
    };
    let claims = if known {
        verifier.read_again(token.as_str())
    } else {
        verifier.verify_shared(token.as_str())
    };
    let claims: Arc<Claims<E>> = claims.map_err(|error| Refusal::from(&error))?;
    remember(parts, verifier, claims.clone());
    Ok(Some(claims))
}

/// Whom the request's token is about; `None` if it carries none.
pub(super) fn bearer(
    parts: &mut Parts,
    verifier: &TokenVerifier,
) -> Result<Option<Arc<dyn Bearer>>, Refusal> {
    if let Some(seen) = seen(parts, verifier) {
        return Ok(Some(seen.claims.clone()));
    }
    match claims::<()>(parts, verifier)? {
        Some(claims) => Ok(Some(claims)),
        None => Ok(None),
    }
}

fn token(parts: &Parts) -> Result<Option<BearerToken<'_>>, Refusal> {
    match BearerToken::from_headers(&parts.headers) {
        Err(BearerError::Missing) => Ok(None),
        sent => Ok(Some(sent?)),
    }
}

/// The request's one header, if there is one.
fn authorization(parts: &Parts) -> Option<&HeaderValue> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    values.next().filter(|_| values.next().is_none())
}

fn seen<'p>(parts: &'p Parts, verifier: &TokenVerifier) -> Option<&'p Seen> {
    let seen: &Seen = parts.extensions.get()?;
    let same = seen.verifier == verifier.id() && authorization(parts) == Some(&seen.authorization);
    same.then_some(seen)
}

fn remember(parts: &mut Parts, verifier: &TokenVerifier, claims: Arc<dyn Bearer>) {
    // Not a copy of the token: a header's clones share its bytes.
    if let Some(authorization) = authorization(parts).cloned() {
        parts.extensions.insert(Seen {
            verifier: verifier.id(),
            authorization,
            claims,
        });
    }
}
