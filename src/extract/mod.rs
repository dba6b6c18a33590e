//! axum extractors: who sends this request, and may it do this?
//!
//! | argument of a handler | asks the database | refuses |
//! |---|---|---|
//! | [`Verified<E>`] | no | no token, a bad token |
//! | [`Permitted<R>`] | no | the same, and claims that don't meet the [`Requirement`] |
//! | [`CurrentUser<S>`] | one read | the same as `Verified`; account gone or disabled; token older than the last change of password or status |
//!
//! `Option<Verified>` and `Option<CurrentUser<S>>` are `None` for a request without a token, and only for that:
//! a bad token is refused as ever, and a store that is down is 503, never "anonymous". Why it is down is not told here;
//! to have it logged, take `Verified` and ask [`Authenticator::current_user`](crate::Authenticator::current_user).
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

pub use permitted::{Permitted, Requirement};
pub use rejection::Rejection;

use crate::authenticator::current_user;
use crate::bearer::{BearerError, BearerToken};
use crate::refusal::Refusal;
use crate::store::UserStore;
use crate::token::{Claims, TokenVerifier};
use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use core::fmt;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// A verified token's claims, with the application's own in `E`. No database is asked.
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
#[derive(Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct Verified<E = ()>(pub Claims<E>);

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

/// The claims of the request's token; `None` if it carries none.
fn claims<E: DeserializeOwned, State>(
    parts: &Parts,
    state: &State,
) -> Result<Option<Claims<E>>, Refusal>
where
    TokenVerifier: FromRef<State>,
{
    let token = match BearerToken::from_headers(&parts.headers) {
        Err(BearerError::Missing) => return Ok(None),
        sent => sent?,
    };
    match TokenVerifier::from_ref(state).verify_with(token.as_str()) {
        Ok(claims) => Ok(Some(claims)),
        Err(error) => Err(Refusal::from(&error)),
    }
}

/// The user the claims name, as [`current_user`] finds it.
async fn current<S: UserStore>(store: &S, claims: &Claims) -> Result<S::User, Refusal> {
    let found = current_user(store, claims).await;
    found.map_err(|error| Refusal::from(&error))
}

impl<E: DeserializeOwned, State: Sync> FromRequestParts<State> for Verified<E>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        let claims = claims(parts, state)?.ok_or(Refusal::UNAUTHENTICATED)?;
        Ok(Self(claims))
    }
}

impl<E: DeserializeOwned, State: Sync> OptionalFromRequestParts<State> for Verified<E>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &State,
    ) -> Result<Option<Self>, Rejection> {
        Ok(claims(parts, state)?.map(Self))
    }
}

impl<S: UserStore + FromRef<State>, State: Sync> FromRequestParts<State> for CurrentUser<S>
where
    TokenVerifier: FromRef<State>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Rejection> {
        let claims = claims(parts, state)?.ok_or(Refusal::UNAUTHENTICATED)?;
        let user = current(&S::from_ref(state), &claims).await?;
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
        let Some(claims) = claims(parts, state)? else {
            return Ok(None);
        };
        let user = current(&S::from_ref(state), &claims).await?;
        Ok(Some(Self(user)))
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
