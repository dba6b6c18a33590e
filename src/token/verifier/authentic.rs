//! Whether a token is its issuer's: all that is checked before anything of its payload is looked at.

use super::cache::{Cache, Remembered, Window};
use super::{Shared, TokenVerifier};
use crate::token::claims::{BorrowedClaims, Claims};
use crate::token::compact::{self, Compact};
use crate::token::error::TokenError;
use core::mem::MaybeUninit;
use core::time::Duration;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A token whose signature holds, and what its claims must be judged with.
pub(super) struct Authentic<'t> {
    pub(super) text: &'t str,
    pub(super) payload: &'t [u8],
    /// The time that counts for all of this token.
    pub(super) now: Duration,
    /// When it is over at the latest: its key may end before it does.
    until: Duration,
    known: Known,
}

/// Whether the cache vouches for a token. As wide as the fields that it stands beside: a narrow one would be moved with
/// its padding, in pieces that the processor has to wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Known {
    No,
    Yes,
}

/// What is known of a token before its claims are read.
pub(super) enum Seen<'t, T> {
    /// Its claims, from the cache.
    Before(T),
    Authentic(Authentic<'t>),
}

/// Payloads up to this size are decoded onto the stack: all that tokens of the default limit can hold.
const STACK_BYTES: usize = TokenVerifier::DEFAULT_MAX_BYTES / 4 * 3;

impl Authentic<'_> {
    /// Decodes the payload, if it can be, for as long as `read` takes.
    pub(super) fn decoded<R>(&self, read: impl FnOnce(Option<&[u8]>) -> R) -> R {
        let mut stack = [const { MaybeUninit::uninit() }; STACK_BYTES];
        let heap;
        let payload = if self.payload.len() <= TokenVerifier::DEFAULT_MAX_BYTES {
            compact::decode(self.payload, &mut stack)
        } else {
            heap = compact::decode_to_vec(self.payload);
            heap.as_deref()
        };
        read(payload)
    }
}

impl Shared {
    /// The token as its issuer's: by the cache's word, or by its signature. Reports it otherwise.
    pub(super) fn authentic<'t>(&self, text: &'t str) -> Result<Authentic<'t>, TokenError> {
        match self.see(text, |_| None)? {
            Seen::Before(authentic) | Seen::Authentic(authentic) => Ok(authentic),
        }
    }

    /// The same, or what is `wanted` of what the cache remembers.
    pub(super) fn see<'t, T>(
        &self,
        text: &'t str,
        wanted: impl Fn(&Remembered) -> Option<T>,
    ) -> Result<Seen<'t, T>, TokenError> {
        if text.len() > self.max_bytes {
            self.report_unsigned(text, &TokenError::TooLong);
            return Err(TokenError::TooLong);
        }
        let Some(hit) = (self.cache.as_ref())
            .and_then(|cache| cache.look(text, || since_1970(self.clock.now()), wanted))
        else {
            return self.verify_signature(text).map(Seen::Authentic);
        };
        match hit.found {
            Some(found) => Ok(Seen::Before(found)),
            None => Ok(Seen::Authentic(Authentic {
                text,
                payload: Compact::split(text)?.payload,
                now: hit.now,
                until: hit.until,
                known: Known::Yes,
            })),
        }
    }

    /// A token of which the caller knows that it is authentic.
    #[cfg(feature = "axum")]
    pub(super) fn seen_good<'t>(&self, text: &'t str) -> Result<Authentic<'t>, TokenError> {
        Ok(Authentic {
            text,
            payload: Compact::split(text)?.payload,
            now: since_1970(self.clock.now()),
            until: Duration::MAX,
            known: Known::Yes,
        })
    }

    fn verify_signature<'t>(&self, text: &'t str) -> Result<Authentic<'t>, TokenError> {
        let signed = self.signed(text);
        if let Err(error) = &signed {
            self.report_unsigned(text, error);
        }
        signed
    }

    fn signed<'t>(&self, text: &'t str) -> Result<Authentic<'t>, TokenError> {
        let header = compact::header(text).ok_or(TokenError::Shape)?;
        let found = match self.keys.recall(header) {
            Some(found) => found,
            None => self.keys.read(Compact::split(text)?.header)?,
        };
        let unsigned = || Compact::fault(text, header.len(), TokenError::Signature);
        // Before the clock is read, which costs more than all that came before.
        let signature_chars = found.entry.key().signature_chars();
        let parts = Compact::cut(text, header.len(), signature_chars).ok_or_else(unsigned)?;
        let now = self.clock.now();
        // One loop, and so one place that checks signatures, into which the check is inlined (28 instructions in `cost`).
        let mut entry = found.entry;
        let mut others = self.keys.keys().alternatives(found.entry);
        while !entry.has_signed(&parts, now) {
            entry = match others.next() {
                Some(other) => other,
                None if found.entry.is_over(now) => return Err(TokenError::UnknownKey),
                None => return Err(unsigned()),
            };
        }
        self.keys.learn(&found, parts.header);
        Ok(Authentic {
            text,
            payload: parts.payload,
            now: since_1970(now),
            until: entry.until().map_or(Duration::MAX, since_1970),
            known: Known::No,
        })
    }

    /// Caches that a token's claims are good, if that was not known.
    pub(super) fn remember_good<E>(&self, token: &Authentic<'_>, claims: &BorrowedClaims<'_, E>) {
        if token.known == Known::No
            && let Some(cache) = &self.cache
            && let Some(room) = Cache::room(token.text, Some(0))
        {
            let window = self.window(token, claims);
            cache.remember(token.text, token.now, window, Arc::new(()), room);
        }
    }

    /// Caches a token with its claims; without them if they may take too much memory.
    pub(super) fn remember_claims<E: Send + Sync + 'static>(
        &self,
        token: &Authentic<'_>,
        claims: BorrowedClaims<'_, E>,
    ) -> Arc<Claims<E>> {
        let room = Cache::room(token.text, claims.owned_bytes());
        let Some((cache, room)) = self.cache.as_ref().zip(room) else {
            self.remember_good(token, &claims);
            return Arc::new(claims.into_claims());
        };
        let window = self.window(token, &claims);
        let claims = Arc::new(claims.into_claims());
        cache.remember(token.text, token.now, window, claims.clone(), room);
        claims
    }

    /// When a token with these claims would be found good again.
    pub(super) fn window<E>(
        &self,
        token: &Authentic<'_>,
        claims: &BorrowedClaims<'_, E>,
    ) -> Window {
        Window {
            from: (claims.not_before.max(claims.issued_at)).saturating_sub(self.leeway.nbf_iat),
            until: (claims.expires_at.saturating_add(self.leeway.exp)).min(token.until),
        }
    }
}

/// A clock before 1970 expires nothing by itself, but every token is then issued in its future.
fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
