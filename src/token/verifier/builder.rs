//! [`TokenVerifierBuilder`]: what can be set, within which bounds.

use super::cache::Cache;
use super::keyring::Keyring;
use super::{Shared, TokenVerifier};
use crate::clock::{Clock, SystemClock};
use crate::token::error::BuildError;
use crate::token::keyset::KeySet;
use crate::token::registered::Leeway;
use crate::token::revocations::Revocations;
use core::time::Duration;
use std::sync::Arc;

/// Puts a [`TokenVerifier`] together.
#[derive(Clone, Debug)]
pub struct TokenVerifierBuilder {
    issuer: String,
    audience: String,
    keys: KeySet,
    token_type: String,
    leeway: Option<Duration>,
    max_lifetime: Duration,
    max_bytes: usize,
    clock: Arc<dyn Clock>,
    cache_bytes: Option<usize>,
    revocations: Option<Arc<dyn Revocations>>,
}

impl TokenVerifierBuilder {
    pub(super) fn new(issuer: String, audience: String, keys: KeySet) -> Self {
        Self {
            issuer,
            audience,
            keys,
            token_type: crate::token::ACCESS_TOKEN_TYPE.into(),
            leeway: None,
            max_lifetime: TokenVerifier::DEFAULT_MAX_LIFETIME,
            max_bytes: TokenVerifier::DEFAULT_MAX_BYTES,
            clock: Arc::new(SystemClock),
            cache_bytes: None,
            revocations: None,
        }
    }

    /// Expects another `typ`, without `application/`. Default: `at+jwt` (RFC 9068 §2.1), whose tokens must have a `jti`
    /// (§2.2); tokens of other types may leave it out.
    ///
    /// Many issuers write `JWT` on all their tokens. Accepting it means that an ID token of the same issuer and
    /// audience passes as an access token (RFC 8725 §2.8), so give each its own audience.
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = token_type.into();
        self
    }

    /// Allows for clocks that differ, by at most 5 minutes. Default: 5 seconds for `nbf` and `iat`, none for `exp`.
    ///
    /// Without the default, a token of a server whose clock is a few milliseconds ahead would be refused when it is
    /// used at once. For `exp` such a difference only changes a token's life by as much.
    ///
    /// A leeway set here replaces the default for all three claims: with `leeway(d)` a token is accepted while
    /// `now < exp + d`, `nbf <= now + d` and `iat <= now + d`. `leeway(Duration::ZERO)` allows no difference at all.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Refuses tokens that live longer, `exp` less `iat`; at most ten years. Default: 24 hours.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Refuses longer tokens before anything of them is decoded; 256 bytes to 1 MiB. Default: 8 KiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Takes the time from elsewhere. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Caches verified tokens in at most `max_bytes`, at least 16 KiB: a repeated token then costs a look-up, not a
    /// signature check. Default: no cache.
    ///
    /// Worth it with asymmetric keys, whose signatures take 10 to 50 microseconds. Each hardware thread, up to 16,
    /// has a cache of its own in its share of the memory. A token of 0.5 KiB with two short private claims takes about
    /// 1 KiB. Allow 4 KiB for each token and thread, so that hardly any is evicted early: 16 MiB then serve 2,000
    /// tokens on two threads.
    ///
    /// With secrets (HS256 and its like) verifying anew takes less than a microsecond, and a cache helps only if few
    /// tokens come again and again.
    ///
    /// Nothing is checked less: time, the key's overlap and [`revocations`](Self::revocations) count at every hit, and
    /// a hit is the same text to the last byte. What it does cost: bearer tokens stay in the memory of the process until
    /// they are evicted, or the verifier is dropped, and are wiped then.
    ///
    /// # What the bound covers
    /// The token's text, the claims that [`verify_shared`](TokenVerifier::verify_shared) returned, and the cache's own
    /// tables. The memory of claims is bounded from above while they are read, whatever their type: the size of each
    /// value's Rust type and one allocation for it, the bytes of text, and the room that a growing collection
    /// reserves (11 items for the first, as a B-tree does). `[{},{},{}]` may take a hundred times its length.
    ///
    /// Two kinds of claims are not cached: those that may take more than 16 KiB together with their token, and those
    /// that serde reads through a buffer (`flatten`, `untagged`, internally tagged enums, and hand-written types that
    /// call `deserialize_any` on an array or object). The token still verifies. The cache keeps that its signature is
    /// good, and each call reads the claims again.
    ///
    /// Not covered is what a type allocates that no value stands for: defaults of missing members, conversions
    /// (`#[serde(from = "…")]`) and other code of its own, a box within a box. Claims that callers still hold after
    /// their eviction are not the cache's.
    #[must_use]
    pub fn cache(mut self, max_bytes: usize) -> Self {
        self.cache_bytes = Some(max_bytes);
        self
    }

    /// Refuses tokens that the application has revoked. Default: none is.
    #[must_use]
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.revocations = Some(Arc::new(revocations));
        self
    }

    /// Makes the verifier.
    ///
    /// # Errors
    /// [`BuildError`] says which setting can't be.
    pub fn build(self) -> Result<TokenVerifier, BuildError> {
        check_names(&self.issuer, &self.audience, &self.token_type)?;
        if self.keys.is_empty() {
            return Err(BuildError::NoKey);
        }
        self.keys.keys().try_for_each(|key| check_kid(key.kid()))?;
        if self.leeway.unwrap_or_default() > TokenVerifier::MAX_LEEWAY {
            return Err(BuildError::Leeway {
                max_seconds: TokenVerifier::MAX_LEEWAY.as_secs(),
            });
        }
        if self.max_lifetime.is_zero() || self.max_lifetime > TokenVerifier::MAX_LIFETIME {
            return Err(BuildError::Lifetime {
                max_seconds: TokenVerifier::MAX_LIFETIME.as_secs(),
            });
        }
        if !(256..=1024 * 1024).contains(&self.max_bytes) {
            return Err(BuildError::MaxBytes);
        }
        if self
            .cache_bytes
            .is_some_and(|bytes| bytes < Cache::MIN_BYTES)
        {
            return Err(BuildError::CacheBytes {
                min_bytes: Cache::MIN_BYTES,
            });
        }
        Ok(TokenVerifier {
            shared: Arc::new(Shared {
                #[cfg(feature = "axum")]
                id: next_id(),
                issuer: self.issuer.into(),
                audience: self.audience.into(),
                leeway: Leeway {
                    exp: self.leeway.unwrap_or_default(),
                    nbf_iat: (self.leeway).unwrap_or(TokenVerifier::DEFAULT_LEEWAY),
                },
                requires_id: (self.token_type)
                    .eq_ignore_ascii_case(crate::token::ACCESS_TOKEN_TYPE),
                max_lifetime: self.max_lifetime,
                max_bytes: self.max_bytes,
                keys: Keyring::new(self.keys, self.token_type.into()),
                clock: self.clock,
                cache: self.cache_bytes.map(Cache::new),
                revocations: self.revocations,
            }),
        })
    }
}

#[cfg(feature = "axum")]
fn next_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What issuer and verifier both ask of their names.
pub(in crate::token) fn check_names(
    issuer: &str,
    audience: &str,
    token_type: &str,
) -> Result<(), BuildError> {
    let is_name = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    let is_subtype = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
    };
    match (is_name(issuer), is_name(audience), is_subtype(token_type)) {
        (true, true, true) => Ok(()),
        (false, ..) => Err(BuildError::Issuer),
        (_, false, _) => Err(BuildError::Audience),
        _ => Err(BuildError::Type),
    }
}

/// A name that would make headers too long to be read back is refused where keys are put to use.
pub(in crate::token) fn check_kid(kid: Option<&str>) -> Result<(), BuildError> {
    match kid {
        Some(kid) if kid.is_empty() || kid.len() > 255 => Err(BuildError::Kid),
        _ => Ok(()),
    }
}
