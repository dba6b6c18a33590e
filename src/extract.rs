//! (stub) axum extractors

use crate::refusal::Refusal;
use crate::store::UserStore;
use crate::token::{Claims, TokenVerifier};
use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

/// A verified token's claims. No database is asked. (stub)
#[derive(Clone, Debug)]
pub struct Verified<E = ()>(pub Claims<E>);

/// The user a verified token names, freshly read from the store, active and of the token's epoch. (stub)
#[derive(Clone, Debug)]
pub struct CurrentUser<S: UserStore>(pub S::User);

/// A [`Refusal`] as an axum response: `{"detail": ...}` with status, challenge and `Retry-After`. (stub)
#[derive(Clone, Copy, Debug)]
pub struct Rejection(pub Refusal);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        todo!()
    }
}

impl<St: Sync, E: serde::de::DeserializeOwned> FromRequestParts<St> for Verified<E>
where
    TokenVerifier: FromRef<St>,
{
    type Rejection = Rejection;
    async fn from_request_parts(_parts: &mut Parts, _state: &St) -> Result<Self, Rejection> {
        todo!()
    }
}

impl<St: Sync, S: UserStore + FromRef<St>> FromRequestParts<St> for CurrentUser<S>
where
    TokenVerifier: FromRef<St>,
{
    type Rejection = Rejection;
    async fn from_request_parts(_parts: &mut Parts, _state: &St) -> Result<Self, Rejection> {
        todo!()
    }
}
