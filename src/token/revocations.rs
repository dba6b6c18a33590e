//! [`Revocations`]: tokens that the application ends before they expire.

use core::fmt::Debug;
use core::time::Duration;
use std::time::SystemTime;

/// Says which tokens are refused though they are good. Asked at every verification, behind all other checks, and also for
/// tokens that a cache knows: so what it says counts from the next request on.
///
/// It must answer from memory, at once: no lock that is held for long, no database. Without one, no token is revoked.
///
/// ```
/// use portcullis::token::{Presented, Revocations};
/// use std::collections::HashSet;
/// use std::sync::RwLock;
///
/// /// The names of tokens that were handed back.
/// #[derive(Debug, Default)]
/// struct SignedOut(RwLock<HashSet<String>>);
///
/// impl Revocations for SignedOut {
///     fn is_revoked(&self, token: &Presented<'_>) -> bool {
///         let Ok(names) = self.0.read() else { return true };
///         // A token without a name could not be told from others.
///         token.token_id().is_none_or(|name| names.contains(name))
///     }
/// }
/// ```
pub trait Revocations: Debug + Send + Sync {
    /// Whether this token is refused. If it can't tell, the safe answer is yes.
    fn is_revoked(&self, token: &Presented<'_>) -> bool;
}

/// What a token says that is about to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub(super) subject: &'a str,
    pub(super) token_id: Option<&'a str>,
    pub(super) issued_at: Duration,
    pub(super) epoch: u64,
}

impl Presented<'_> {
    /// Who the token is about: the `sub` claim.
    pub fn subject(&self) -> &str {
        self.subject
    }

    /// The token's own name: the `jti` claim, if it has one.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id
    }

    /// When the token was issued: the `iat` claim. "All before now" is a comparison with it.
    pub fn issued_at(&self) -> SystemTime {
        super::claims::time_of(self.issued_at)
    }

    /// The account's epoch at issue.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}
