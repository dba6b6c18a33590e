//! [`Claims`] and [`BorrowedClaims`]: what a verified token says.

use super::revocations::Presented;
use crate::user::{Identifier, UserId};
use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a verified token says. There is no way to make one but `TokenVerifier`: holding it is the proof.
///
/// `E` holds the application's own claims; `()` if it has none. Its `Debug` leaves them out.
#[derive(Clone)]
pub struct Claims<E = ()> {
    subject: UserId,
    token_id: Option<Box<str>>,
    issued_at: Duration,
    expires_at: Duration,
    epoch: u64,
    extra: E,
}

impl<E> Claims<E> {
    pub(super) fn presented(&self) -> Presented<'_> {
        Presented {
            subject: self.subject.as_str(),
            token_id: self.token_id.as_deref(),
            issued_at: self.issued_at,
            epoch: self.epoch,
        }
    }

    /// Who the token is about: the `sub` claim, 1 to 255 characters.
    pub fn subject(&self) -> &UserId {
        &self.subject
    }

    /// The token's own name: the `jti` claim, 1 to 255 visible characters. Tokens of type `at+jwt` always have one.
    /// Identify tokens by it, never by their text: an ECDSA signature has two spellings.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// When the token was issued: the `iat` claim.
    pub fn issued_at(&self) -> SystemTime {
        time_of(self.issued_at)
    }

    /// From when on the token is refused: the `exp` claim.
    pub fn expires_at(&self) -> SystemTime {
        time_of(self.expires_at)
    }

    /// The account's epoch at issue: the private claim `epoch`. Default: 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The application's own claims.
    pub fn extra(&self) -> &E {
        &self.extra
    }

    /// The application's own claims, to keep.
    pub fn into_extra(self) -> E {
        self.extra
    }
}

impl<E> fmt::Debug for Claims<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("subject", &self.subject)
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

/// What a verified token says, read in place: text without escapes lies in the [`Scratch`] that it was verified
/// with, and nothing is allocated.
///
/// As with [`Claims`], there is no way to make one but `TokenVerifier`.
#[derive(Clone)]
pub struct BorrowedClaims<'b, E = ()> {
    pub(super) subject: Identifier<'b>,
    pub(super) token_id: Option<Cow<'b, str>>,
    pub(super) issued_at: Duration,
    pub(super) expires_at: Duration,
    /// The `nbf` claim; 0 if there is none.
    pub(super) not_before: Duration,
    pub(super) epoch: u64,
    pub(super) extra: E,
    /// The most bytes that `extra` takes beside its own size; `None` if it cannot be bounded.
    pub(super) extra_bytes: Option<usize>,
}

impl<E> BorrowedClaims<'_, E> {
    pub(super) fn presented(&self) -> Presented<'_> {
        Presented {
            subject: self.subject.as_str(),
            token_id: self.token_id.as_deref(),
            issued_at: self.issued_at,
            epoch: self.epoch,
        }
    }

    /// Who the token is about: the `sub` claim, 1 to 255 characters.
    pub fn subject(&self) -> &str {
        self.subject.as_str()
    }

    /// The token's own name: the `jti` claim, if it has one. See [`Claims::token_id`].
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// When the token was issued: the `iat` claim.
    pub fn issued_at(&self) -> SystemTime {
        time_of(self.issued_at)
    }

    /// From when on the token is refused: the `exp` claim.
    pub fn expires_at(&self) -> SystemTime {
        time_of(self.expires_at)
    }

    /// The account's epoch at issue: the private claim `epoch`. Default: 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The application's own claims.
    pub fn extra(&self) -> &E {
        &self.extra
    }

    /// The most bytes that [`into_claims`](Self::into_claims) takes; `None` if it cannot be bounded.
    pub(super) fn owned_bytes(&self) -> Option<usize> {
        // Text that had escapes may keep as much spare capacity.
        let id = self.token_id.as_deref().unwrap_or_default();
        let texts = self.subject.as_str().len().saturating_add(id.len());
        let own = size_of::<Claims<E>>().saturating_add(texts.saturating_mul(2));
        Some(own.saturating_add(self.extra_bytes?))
    }

    /// The same with the registered claims in memory of their own; of the application's own, `E` decides.
    #[inline]
    pub fn into_claims(self) -> Claims<E> {
        Claims {
            subject: self.subject.into(),
            token_id: self.token_id.map(|id| id.into_owned().into_boxed_str()),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            epoch: self.epoch,
            extra: self.extra,
        }
    }
}

impl<E> fmt::Debug for BorrowedClaims<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowedClaims")
            .field("subject", &self.subject)
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

/// Memory for [`verify_borrowed`](super::TokenVerifier::verify_borrowed) to read a token in: keep one a thread or
/// a connection, and it is allocated once.
///
/// It holds the claims of the last token verified with it until the next one or until it is dropped. Its `Debug`
/// does not show them.
#[derive(Default)]
pub struct Scratch {
    pub(super) payload: Vec<u8>,
}

impl Scratch {
    /// An empty one; the first token makes it as large as it needs.
    pub const fn new() -> Self {
        Self {
            payload: Vec::new(),
        }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

pub(super) fn time_of(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}
