//! Whether a token is its issuer's: all that is checked before anything of its payload is looked at.

use super::cache::{Cache, Remembered, Window};
use super::{Shared, TokenVerifier};
use crate::token::claims::{BorrowedClaims, Claims};
use crate::token::compact::{self, Compact};
use crate::token::error::TokenError;
use crate::token::keyset::Entry;
use crate::token::strict::Measured;
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
    /// Decodes the payload for as long as `read` takes.
    pub(super) fn decoded<R>(
        &self,
        verifier: &Shared,
        read: impl FnOnce(&[u8]) -> Result<R, TokenError>,
    ) -> Result<R, TokenError> {
        let mut stack = [const { MaybeUninit::uninit() }; STACK_BYTES];
        let heap;
        let payload = match compact::decoded_len(self.payload) {
            Some(len) if len <= STACK_BYTES => compact::decode(self.payload, &mut stack),
            _ => {
                heap = compact::decode_to_vec(self.payload);
                heap.as_deref()
            }
        };
        let undecodable = || compact::undecodable(self.payload);
        read(payload.ok_or_else(|| verifier.refused_signed(self.text, undecodable()))?)
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
            return Err(self.refused_unsigned(text, TokenError::TooLong));
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
        let refused = |error| self.refused_unsigned(text, error);
        let header = compact::header(text).ok_or_else(|| refused(TokenError::Shape))?;
        let found = match self.keys.recall(header) {
            Some(found) => found,
            None => Compact::split(text)
                .and_then(|parts| self.keys.read(parts.header))
                .map_err(refused)?,
        };
        let key = found.entry.key();
        let unsigned = || refused(Compact::fault(text, TokenError::Signature));
        // Before the clock is read, which costs more than all that came before.
        let parts = Compact::cut(text, header.len(), key.signature_chars()).ok_or_else(unsigned)?;
        let now = self.clock.now();
        let has_signed = |entry: &Entry| {
            !entry.is_over(now) && entry.key().verifies(parts.signing_input, parts.signature)
        };
        let mut entry = found.entry;
        if !has_signed(entry) {
            entry = (self.keys.keys().alternatives(entry))
                .find(|other| has_signed(other))
                .ok_or_else(|| {
                    if entry.is_over(now) {
                        refused(TokenError::UnknownKey)
                    } else {
                        unsigned()
                    }
                })?;
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
        claims: Measured<BorrowedClaims<'_, E>>,
    ) -> Arc<Claims<E>> {
        let bytes = claims
            .bytes
            .map(|bytes| claims.value.owned_bytes().saturating_add(bytes));
        let Some((cache, room)) = self.cache.as_ref().zip(Cache::room(token.text, bytes)) else {
            self.remember_good(token, &claims.value);
            return Arc::new(claims.value.into_claims());
        };
        let window = self.window(token, &claims.value);
        let claims = Arc::new(claims.value.into_claims());
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
