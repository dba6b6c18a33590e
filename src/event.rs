//! The audit feed: what happened at sign-in and to tokens, as data. Bridge it to your log with an [`Observer`].

use crate::token::{RefusedToken, TokenObserver};
use crate::user::UserId;
use core::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

/// Something an operator wants to know of.
///
/// No event holds a password, a hash, a token or the text a person typed as its login: people type
/// passwords into login fields.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A password was right and the account active.
    SignedIn {
        /// Whose.
        id: &'a UserId,
        /// Where the attempt came from, if the application said.
        source: Option<IpAddr>,
    },
    /// A sign-in was refused.
    Refused {
        /// The account it was aimed at, if there is one.
        id: Option<&'a UserId>,
        /// Where the attempt came from, if the application said.
        source: Option<IpAddr>,
        /// Why, precisely. The person is told less.
        reason: RefusedBecause,
    },
    /// A stored hash had outdated parameters and was replaced after a good sign-in.
    Rehashed {
        /// Whose.
        id: &'a UserId,
    },
    /// A stored hash is outdated but could not be replaced. The sign-in went on.
    RehashFailed {
        /// Whose.
        id: &'a UserId,
        /// What went wrong.
        error: &'a (dyn core::error::Error + 'static),
    },
    /// A sign-in, or who a caller is, could not be decided: store, throttle or hashing was unavailable. Log the error here or where
    /// `sign_in` returns it, not both.
    ///
    /// Callers are reported by [`Authenticator::current_user`](crate::Authenticator::current_user). The extractor `CurrentUser` has no
    /// observer: its `Rejection` has the cause.
    Unavailable {
        /// Where the attempt came from, if the application said.
        source: Option<IpAddr>,
        /// What went wrong.
        error: &'a (dyn core::error::Error + 'static),
    },
    /// A verifier refused a token. Sent if the observer is set on the verifier's builder too.
    ///
    /// Strangers cause as many of these as they send requests: aggregate them per
    /// [`code`](crate::token::TokenError::code) before they are written to a log.
    TokenRefused {
        /// Why, and what is known of the token.
        token: &'a RefusedToken<'a>,
    },
}

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedBecause {
    /// There is no such account.
    UnknownLogin,
    /// The account has no password.
    NoPassword,
    /// The stored hash is of a kind or size that is not accepted. An operator should look at it.
    UnusableHash,
    /// The password is wrong.
    WrongPassword,
    /// The password is right, but the account is disabled.
    Disabled,
    /// Too many failures of late.
    Throttled,
    /// More sign-ins at once than this process takes, from this client or in all. The password was not looked at.
    Busy,
}

/// Receives [`Event`]s. It is called on the request's path: hand the work on if it is slow.
///
/// One observer serves an [`Authenticator`](crate::Authenticator) and a [`TokenVerifier`](crate::TokenVerifier), in an
/// [`Arc`] or as clones.
pub trait Observer: Debug + Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: Event<'_>);
}

/// Takes note of nothing: the default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _event: Event<'_>) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, event: Event<'_>) {
        (**self).observe(event);
    }
}

impl<O: Observer + ?Sized> TokenObserver for O {
    fn token_refused(&self, token: &RefusedToken<'_>) {
        self.observe(Event::TokenRefused { token });
    }
}
