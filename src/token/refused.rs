//! [`TokenObserver`]: hears of every token that a verifier refuses, and why.

use super::TokenError;
use core::fmt::Debug;

/// Receives each token that a verifier refuses, once, with the precise reason that the client is not told.
///
/// Set it with [`TokenVerifierBuilder::observer`](super::TokenVerifierBuilder::observer). Every
/// [`Observer`](crate::event::Observer) is one, and receives `Event::TokenRefused`.
///
/// It is called on the request's path, and strangers can cause as many calls as they send requests: count them per
/// [`code`](TokenError::code) and minute instead of writing a line for each.
pub trait TokenObserver: Debug + Send + Sync {
    /// Takes note of a refused token.
    fn token_refused(&self, token: &RefusedToken<'_>);
}

/// A token that was refused. It holds neither the token's text nor its signature.
#[derive(Clone, Copy, Debug)]
pub struct RefusedToken<'a> {
    pub(super) error: TokenError,
    pub(super) key_id: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) token_id: Option<&'a str>,
}

impl RefusedToken<'_> {
    /// Why, precisely.
    pub fn error(&self) -> TokenError {
        self.error
    }

    /// The `kid` of the token's header, if it could be read: 1 to 255 characters without controls.
    ///
    /// Unless the signature held, anybody can have written it. It tells which of your keys, or which key that you do
    /// not have, the token was made for.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id
    }

    /// The `sub` claim, if the signature held and the claim could be read: 1 to 255 characters without controls.
    pub fn subject(&self) -> Option<&str> {
        self.subject
    }

    /// The `jti` claim, under the same conditions.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id
    }
}
