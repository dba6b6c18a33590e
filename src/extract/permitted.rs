//! [`Permitted`]: claims that meet a [`Requirement`], decided without the database.

use super::Rejection;
use super::seen::claims;
use crate::bearer::BearerError;
use crate::refusal::Refusal;
use crate::token::{Claims, TokenVerifier};
use axum_core::extract::{FromRef, FromRequestParts};
use core::fmt;
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a token's claims must say for a request to be let through. Decided without the database.
///
/// ```
/// use portcullis::Claims;
/// use portcullis::extract::{Permitted, Requirement};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Staff { role: Option<String> }
///
/// struct Admin;
/// impl Requirement for Admin {
///     type Extra = Staff;
///     fn is_met(claims: &Claims<Staff>) -> bool {
///         claims.extra().role.as_deref() == Some("admin")
///     }
/// }
///
/// async fn audit(Permitted(claims): Permitted<Admin>) -> String {
///     format!("shown to {}", claims.subject())
/// }
/// # use axum::{Router, routing::get};
/// # use portcullis::TokenVerifier;
/// # let _: Router<TokenVerifier> = Router::new().route("/audit", get(audit));
/// ```
///
/// # Security
/// The claims are as old as the token: somebody whose role was taken away keeps it here until the token
/// expires. Where that is too long, ask the user that [`CurrentUser`](super::CurrentUser) gives.
pub trait Requirement {
    /// The claims it reads beside the registered ones, as `TokenIssuer::issue_with` writes them.
    ///
    /// A token whose claims are no such type is a bad token (401), not one that lacks a permission (403): make each claim that some
    /// tokens do not have an `Option`.
    type Extra: DeserializeOwned + Send + Sync + 'static;

    /// Decides.
    fn is_met(claims: &Claims<Self::Extra>) -> bool;
}

/// A verified token's claims, which meet the requirement `R`. No database is asked.
///
/// Refused are, beside what [`Verified`](super::Verified) refuses, claims that don't meet it: 403 `insufficient_scope`.
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct Permitted<R: Requirement>(pub Arc<Claims<R::Extra>>);

impl<R: Requirement, State: Sync> FromRequestParts<State> for Permitted<R>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        let claims = claims(parts, &TokenVerifier::from_ref(state))?;
        let claims = claims.ok_or(BearerError::Missing)?;
        if !R::is_met(&claims) {
            return Err(Refusal::INSUFFICIENT_SCOPE.into());
        }
        Ok(Self(claims))
    }
}

/// Shows what [`Claims`] shows: not the application's own.
impl<R: Requirement> fmt::Debug for Permitted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permitted").field(&self.0).finish()
    }
}
