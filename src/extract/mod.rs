//! axum extractors: who sends this request, and may it do this?
//!
//! | argument of a handler | asks the database | refuses |
//! |---|---|---|
//! | [`Verified<E>`] | no | no token, a bad token |
//! | [`Permitted<R>`] | no | the same, and claims that don't meet the [`Requirement`] |
//! | [`CurrentUser<S>`] | one read | the same as `Verified`; account gone or disabled; token older than the last change of password or status |
//!
//! `Option<Verified>` and `Option<CurrentUser<S>>` are `None` for a request without a token, and only for that:
//! a bad token is refused as ever, and a store that is down is 503, never "anonymous".
//!
//! Why a token was refused is reported to the [`observer`](crate::token::TokenVerifierBuilder::observer) of the verifier.
//! The [`Rejection`] has the cause too, also that of a store that is down; no response has it.
//!
//! The state must give a [`TokenVerifier`] and, for `CurrentUser<S>`, an `S`, through
//! [`FromRef`]: forgetting one is a compile error.
//!
//! ```compile_fail
//! # use axum::{Router, routing::get};
//! # use portcullis::extract::Verified;
//! async fn feed(_reader: Verified) {}
//! let app: Router<()> = Router::<()>::new().route("/feed", get(feed)); // `()` holds no verifier
//! ```
//!
//! # Protect a whole router
//!
//! With one line all its routes are refused to callers without a good token, those too whose handlers forget
//! to ask. Paths that don't exist are still 404.
//!
//! The router keeps a clone of the verifier, and with it its keys, for as long as the router lives. A verifier's keys never
//! change: to rotate keys, build a new verifier and a new router, or restart the server with both keys in the
//! [`KeySet`](crate::token::KeySet) for a time of overlap.
//!
//! ```
//! use axum::{Router, middleware::from_extractor_with_state, routing::get};
//! use portcullis::{TokenVerifier, extract::Verified};
//!
//! # fn app(verifier: TokenVerifier) -> Router {
//! Router::new()
//!     .route("/reports", get(async || "for everybody with a token"))
//!     .route_layer(from_extractor_with_state::<Verified, _>(verifier))
//!     .route("/", get(async || "for everybody"))
//! # }
//! ```

mod permitted;
mod rejection;
mod seen;

pub use permitted::{Permitted, Requirement};
pub use rejection::Rejection;

use crate::authenticator::still_there;
use crate::bearer::BearerError;
use crate::store::UserStore;
use crate::token::{Claims, TokenVerifier};
use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use core::fmt;
use http::request::Parts;
use seen::{Bearer, bearer, claims};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A verified token's claims, with the application's own in `E`. No database is asked.
///
/// The claims are shared with whoever else asks during the request, and with the verifier's cache if it has one: the
/// first who asks verifies, the others get what was found. Take them for one's own with `Arc::unwrap_or_clone`.
///
/// A token stays good until it expires, whatever became of its holder meanwhile: where that matters, take
/// [`CurrentUser`].
///
/// ```
/// use axum::Json;
/// use portcullis::extract::Verified;
///
/// async fn whoami(Verified(claims): Verified) -> Json<String> {
///     Json(claims.subject().to_string())
/// }
/// async fn greet(reader: Option<Verified>) -> &'static str {
///     if reader.is_some() { "welcome back" } else { "welcome" }
/// }
/// # use axum::{Router, routing::get};
/// # use portcullis::TokenVerifier;
/// # let _: Router<TokenVerifier> = Router::new().route("/whoami", get(whoami)).route("/", get(greet));
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct Verified<E = ()>(pub Arc<Claims<E>>);

/// The user a verified token names: freshly read from the store, active, of the token's epoch.
///
/// `S` is the application's store, or an `Arc` of it.
///
/// ```
/// use portcullis::extract::CurrentUser;
/// use portcullis::stores::memory::MemoryStore;
///
/// async fn me(CurrentUser(user): CurrentUser<MemoryStore>) -> String {
///     user.email.to_string()
/// }
/// # use axum::{Router, extract::FromRef, routing::get};
/// # use portcullis::TokenVerifier;
/// # #[derive(Clone)]
/// # struct App { users: MemoryStore, tokens: TokenVerifier }
/// # impl FromRef<App> for MemoryStore { fn from_ref(app: &App) -> Self { app.users.clone() } }
/// # impl FromRef<App> for TokenVerifier { fn from_ref(app: &App) -> Self { app.tokens.clone() } }
/// # let _: Router<App> = Router::new().route("/me", get(me));
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct CurrentUser<S: UserStore>(pub S::User);

/// The user the claims name, if it still is the one the token was issued to.
async fn current<S: UserStore>(store: &S, claims: &dyn Bearer) -> Result<S::User, Rejection> {
    Ok(still_there(store, claims.subject(), claims.epoch()).await?)
}

impl<E: DeserializeOwned + Send + Sync + 'static, State: Sync> FromRequestParts<State>
    for Verified<E>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        let claims = claims(parts, &TokenVerifier::from_ref(state))?;
        Ok(Self(claims.ok_or(BearerError::Missing)?))
    }
}

impl<E: DeserializeOwned + Send + Sync + 'static, State: Sync> OptionalFromRequestParts<State>
    for Verified<E>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &State,
    ) -> Result<Option<Self>, Rejection> {
        Ok(claims(parts, &TokenVerifier::from_ref(state))?.map(Self))
    }
}

impl<S: UserStore + FromRef<State>, State: Sync> FromRequestParts<State> for CurrentUser<S>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        let claims = bearer(parts, &TokenVerifier::from_ref(state))?;
        let claims = claims.ok_or(BearerError::Missing)?;
        let user = current(&S::from_ref(state), &*claims).await?;
        Ok(Self(user))
    }
}

impl<S: UserStore + FromRef<State>, State: Sync> OptionalFromRequestParts<State> for CurrentUser<S>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &State,
    ) -> Result<Option<Self>, Rejection> {
        let Some(claims) = bearer(parts, &TokenVerifier::from_ref(state))? else {
            return Ok(None);
        };
        let user = current(&S::from_ref(state), &*claims).await?;
        Ok(Some(Self(user)))
    }
}

impl<E> Clone for Verified<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Shows what [`Claims`] shows: not the application's own.
impl<E> fmt::Debug for Verified<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.0).finish()
    }
}

impl<S: UserStore<User: Clone>> Clone for CurrentUser<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Shows what the application's own type shows.
impl<S: UserStore<User: fmt::Debug>> fmt::Debug for CurrentUser<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.0).finish()
    }
}
