//! [`TokenVerifier`]: the one way from a token's text to [`Claims`].

mod authentic;
mod builder;
mod cache;
mod keyring;
mod refusals;

pub use builder::TokenVerifierBuilder;
pub(super) use builder::{check_kid, check_names};

use super::claims::{BorrowedClaims, Claims, Scratch};
use super::compact;
use super::error::TokenError;
use super::keyset::KeySet;
use super::refused::TokenObserver;
use super::registered::{Expected, Leeway, Registered};
use super::revocations::{Presented, Revocations};
use crate::clock::Clock;
use authentic::{Authentic, Seen};
use cache::Cache;
use core::fmt;
use core::time::Duration;
use keyring::Keyring;
use serde::de::{Deserialize, DeserializeOwned};
use std::sync::Arc;

/// Verifies tokens of one issuer, for one audience, of one type. Cheap to clone; clones share everything.
///
/// ```
/// use portcullis::token::{Algorithm, VerifyingKey};
/// use portcullis::TokenVerifier;
/// # let secret = b"32 bytes that nobody else can know";
/// let key = VerifyingKey::from_secret(Algorithm::Hs256, secret)?;
/// let verifier = TokenVerifier::builder("https://auth.example", "https://api.example", key).build()?;
/// assert!(verifier.verify("not a token").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenVerifier {
    shared: Arc<Shared>,
}

struct Shared {
    #[cfg(feature = "axum")]
    id: u64,
    issuer: Box<str>,
    audience: Box<str>,
    leeway: Leeway,
    requires_id: bool,
    max_lifetime: Duration,
    max_bytes: usize,
    keys: Keyring,
    clock: Arc<dyn Clock>,
    cache: Option<Cache>,
    revocations: Option<Arc<dyn Revocations>>,
    observer: Option<Arc<dyn TokenObserver>>,
}

impl TokenVerifier {
    /// The longest token looked at. Default: 8 KiB, what HTTP servers take as one header field.
    pub const DEFAULT_MAX_BYTES: usize = 8 * 1024;
    /// The longest lifetime accepted, `exp` less `iat`. Default: 24 hours.
    pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
    /// The longest lifetime that can be set as accepted: ten years of 366 days. Supabase's legacy API keys live for ten
    /// years.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);
    /// The leeway for `nbf` and `iat` unless another is set: 5 seconds. `exp` has none.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
    /// The most leeway that can be set: 5 minutes.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(5 * 60);

    /// Starts with what every verifier must know: whose tokens, for whom, and the key or keys.
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: impl Into<KeySet>,
    ) -> TokenVerifierBuilder {
        TokenVerifierBuilder::new(issuer.into(), audience.into(), keys.into())
    }

    /// Verifies a token that has no claims but the registered ones that matter here; others are read strictly and
    /// forgotten.
    ///
    /// # Errors
    /// [`TokenError`] says precisely what is wrong: log it, don't send it. An
    /// [`observer`](TokenVerifierBuilder::observer) has it logged in one place.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.verify_with(token)
    }

    /// Verifies a token and reads the application's own claims into `E`.
    ///
    /// `E` sees every claim but `iss`, `sub`, `aud`, `exp`, `nbf`, `iat`, `jti` and `epoch`, which [`Claims`] has.
    ///
    /// ```
    /// use portcullis::token::{Algorithm, SigningKey};
    /// use portcullis::{TokenIssuer, TokenVerifier, UserId};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Own { role: String }
    ///
    /// let key = SigningKey::generate(Algorithm::EdDsa)?;
    /// let verifier = TokenVerifier::builder("issuer", "audience", key.verifying_key()).build()?;
    /// let issuer = TokenIssuer::builder("issuer", "audience", key).build()?;
    /// let token = issuer.issue_with(&UserId::new("42")?, &Own { role: "admin".into() })?;
    /// let claims = verifier.verify_with::<Own>(token.expose())?;
    /// assert_eq!((claims.subject().as_str(), &*claims.extra().role), ("42", "admin"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify`](Self::verify); [`TokenError::OwnClaims`] if they don't fit `E`.
    pub fn verify_with<E: DeserializeOwned>(&self, token: &str) -> Result<Claims<E>, TokenError> {
        let shared = &*self.shared;
        let signed = shared.authentic(token)?;
        signed.decoded(|payload| {
            shared.claims(&signed, payload, |claims| {
                shared.remember_good(&signed, &claims);
                claims.into_claims()
            })
        })
    }

    /// Verifies a token as [`verify_with`](Self::verify_with) does, for callers that share its claims. With a
    /// [`cache`](TokenVerifierBuilder::cache) this is the fast way: for a token seen before it neither computes a
    /// signature nor reads claims. Claims that may take too much memory are not cached: each call reads them again.
    ///
    /// ```
    /// # use portcullis::token::{Algorithm, SigningKey};
    /// # use portcullis::{TokenIssuer, TokenVerifier, UserId};
    /// # use std::sync::Arc;
    /// # let key = SigningKey::generate(Algorithm::EdDsa)?;
    /// # let issuer = TokenIssuer::builder("issuer", "audience", key.clone()).build()?;
    /// let verifier = TokenVerifier::builder("issuer", "audience", key.verifying_key())
    ///     .cache(16 * 1024 * 1024)
    ///     .build()?;
    /// # let token = issuer.issue(&UserId::new("42")?)?;
    /// let claims = verifier.verify_shared::<()>(token.expose())?;
    /// let again = verifier.verify_shared::<()>(token.expose())?;
    /// assert!(Arc::ptr_eq(&claims, &again));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify_with`](Self::verify_with).
    pub fn verify_shared<E: DeserializeOwned + Send + Sync + 'static>(
        &self,
        token: &str,
    ) -> Result<Arc<Claims<E>>, TokenError> {
        let shared = &*self.shared;
        match shared.see(token, |claims| Arc::clone(claims).downcast().ok())? {
            Seen::Before(claims) => {
                let claims: Arc<Claims<E>> = claims;
                shared
                    .admit(|| claims.presented())
                    .inspect_err(|error| shared.report_signed(token, error))?;
                Ok(claims)
            }
            Seen::Authentic(signed) => shared.read_shared(&signed),
        }
    }

    /// Verifies a token and reads its claims where they lie, in the caller's `scratch`: for those who verify so much that
    /// allocations count. `E` may borrow, too.
    ///
    /// ```
    /// use portcullis::token::{Algorithm, Scratch, SigningKey};
    /// use portcullis::{TokenIssuer, TokenVerifier, UserId};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Own<'a> { role: &'a str }
    ///
    /// # let key = SigningKey::generate(Algorithm::EdDsa)?;
    /// # let verifier = TokenVerifier::builder("issuer", "audience", key.verifying_key()).build()?;
    /// # let issuer = TokenIssuer::builder("issuer", "audience", key).build()?;
    /// # let token = issuer.issue_with(&UserId::new("42")?, &Own { role: "admin" })?;
    /// let mut scratch = Scratch::new(); // keep it for the next token
    /// let claims = verifier.verify_borrowed::<Own>(token.expose(), &mut scratch)?;
    /// assert_eq!((claims.subject(), claims.extra().role), ("42", "admin"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A `&str` in `E` takes only text that the token spells without escapes; where it may have some (`"` or `\` in it,
    /// or an issuer that writes `\u00e4`), take a `Cow<str>` under `#[serde(borrow)]`.
    ///
    /// # Errors
    /// As [`verify_with`](Self::verify_with).
    pub fn verify_borrowed<'b, E: Deserialize<'b>>(
        &self,
        token: &str,
        scratch: &'b mut Scratch,
    ) -> Result<BorrowedClaims<'b, E>, TokenError> {
        let shared = &*self.shared;
        let signed = shared.authentic(token)?;
        let payload = compact::decode_over(signed.payload, &mut scratch.payload);
        shared.claims(&signed, payload, |claims| {
            shared.remember_good(&signed, &claims);
            claims
        })
    }
}

/// For extractors, which ask more than once a request.
#[cfg(feature = "axum")]
impl TokenVerifier {
    /// Tells verifiers apart; clones are one.
    pub(crate) fn id(&self) -> u64 {
        self.shared.id
    }

    /// Reads the claims of a token that this verifier has found good a moment ago, into another type. The signature is not
    /// looked at again; everything else is.
    pub(crate) fn read_again<E: DeserializeOwned>(
        &self,
        token: &str,
    ) -> Result<Arc<Claims<E>>, TokenError> {
        let shared = &*self.shared;
        let signed = shared.seen_good(token)?;
        signed.decoded(|payload| {
            let keep = |claims: BorrowedClaims<'_, E>| Arc::new(claims.into_claims());
            shared.claims(&signed, payload, keep)
        })
    }
}

impl Shared {
    /// Reads and caches claims. Apart from [`TokenVerifier::verify_shared`], whose every hit would otherwise make
    /// room for the payload on the stack (5 instructions in `cost`).
    #[inline(never)]
    fn read_shared<E: DeserializeOwned + Send + Sync + 'static>(
        &self,
        token: &Authentic<'_>,
    ) -> Result<Arc<Claims<E>>, TokenError> {
        token.decoded(|payload| {
            self.claims(token, payload, |claims| self.remember_claims(token, claims))
        })
    }

    /// What is to be kept of the claims of an authentic token, if its payload can be decoded, they are good and the
    /// application has not revoked it. Reports it otherwise.
    #[inline]
    fn claims<'b, E: Deserialize<'b>, K>(
        &self,
        token: &Authentic<'_>,
        payload: Option<&'b [u8]>,
        keep: impl FnOnce(BorrowedClaims<'b, E>) -> K,
    ) -> Result<K, TokenError> {
        let kept = payload
            .ok_or_else(|| compact::undecodable(token.payload))
            .and_then(|payload| self.judge(token, payload, keep));
        if let Err(error) = &kept {
            self.report_signed(token.text, error);
        }
        kept
    }

    fn judge<'b, E: Deserialize<'b>, K>(
        &self,
        token: &Authentic<'_>,
        payload: &'b [u8],
        keep: impl FnOnce(BorrowedClaims<'b, E>) -> K,
    ) -> Result<K, TokenError> {
        let json = core::str::from_utf8(payload).map_err(|_| TokenError::Payload)?;
        let expected = Expected {
            issuer: &self.issuer,
            audience: &self.audience,
            leeway: self.leeway,
            requires_id: self.requires_id,
            max_lifetime: self.max_lifetime,
            now: token.now,
        };
        Registered::read(json, &expected, |claims| {
            self.admit(|| claims.presented())?;
            Ok(keep(claims))
        })
    }

    /// The application has the last word. Only then `token` is put together (12 instructions of a cache hit in `cost`).
    fn admit<'t>(&self, token: impl FnOnce() -> Presented<'t>) -> Result<(), TokenError> {
        match &self.revocations {
            Some(revocations) if revocations.is_revoked(&token()) => Err(TokenError::Revoked),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuer", &self.shared.issuer)
            .field("audience", &self.shared.audience)
            .field("keys", self.shared.keys.keys())
            .finish_non_exhaustive()
    }
}
