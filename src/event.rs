//! The audit feed: what happened at sign-in, as data. Bridge it to your log with an [`Observer`].

use crate::user::UserId;
use core::fmt::Debug;
use std::net::IpAddr;

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
    /// A sign-in, or who a caller is, could not be decided: store, throttle or hashing was unavailable.
    Unavailable {
        /// Where the attempt came from, if the application said.
        source: Option<IpAddr>,
        /// What went wrong.
        error: &'a (dyn core::error::Error + 'static),
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

/// Receives [`Event`]s. It is called on the sign-in path: hand the work on if it is slow.
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
