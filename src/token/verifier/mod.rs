//! [`TokenVerifier`]: the one way from a token's text to [`Claims`].

mod builder;
mod keyring;

pub use builder::TokenVerifierBuilder;
pub(super) use builder::{check_kid, check_names};

use super::claims::{BorrowedClaims, Claims, Scratch};
use super::compact::{self, Compact};
use super::error::TokenError;
use super::keyset::KeySet;
use super::registered::{Expected, Registered};
use crate::clock::Clock;
use core::fmt;
use core::mem::MaybeUninit;
use core::time::Duration;
use keyring::Keyring;
use serde::de::{Deserialize, DeserializeOwned};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Verifies tokens of one issuer, for one audience, of one type. Cheap to clone; clones share everything.
///
/// ```
/// use portcullis::token::{Algorithm, VerifyingKey};
/// use portcullis::TokenVerifier;
/// # let secret = [7; 32];
/// let key = VerifyingKey::from_secret(Algorithm::Hs256, &secret)?;
/// let verifier = TokenVerifier::builder("https://auth.example", "https://api.example", key).build()?;
/// assert!(verifier.verify("not a token").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenVerifier {
    shared: Arc<Shared>,
}

struct Shared {
    issuer: Box<str>,
    audience: Box<str>,
    leeway: Duration,
    max_lifetime: Duration,
    max_bytes: usize,
    keys: Keyring,
    clock: Arc<dyn Clock>,
}

/// Payloads up to this size are decoded onto the stack: all that tokens of the default limit can hold.
const STACK_BYTES: usize = TokenVerifier::DEFAULT_MAX_BYTES / 4 * 3;

impl TokenVerifier {
    /// The longest token looked at. Default: 8 KiB, what HTTP servers take as one header field.
    pub const DEFAULT_MAX_BYTES: usize = 8 * 1024;
    /// The longest lifetime accepted, `exp` less `iat`. Default: 24 hours.
    pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
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
    /// [`TokenError`] says precisely what is wrong: log it, don't send it.
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
        let (payload, now) = self.authentic(token)?;
        let mut stack = [const { MaybeUninit::uninit() }; STACK_BYTES];
        let heap;
        let payload = match compact::decoded_len(payload) {
            Some(len) if len <= STACK_BYTES => compact::decode(payload, &mut stack),
            _ => {
                heap = compact::decode_to_vec(payload);
                heap.as_deref()
            }
        };
        let payload = payload.ok_or(TokenError::Payload)?;
        self.read(payload, now).map(BorrowedClaims::into_claims)
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
        let (payload, now) = self.authentic(token)?;
        compact::decode_over(payload, &mut scratch.payload).ok_or(TokenError::Payload)?;
        self.read(&scratch.payload, now)
    }

    /// All that is checked before anything of the payload gets looked at. Answers the payload's segment, and the time
    /// that counts for all of this token.
    fn authentic<'t>(&self, token: &'t str) -> Result<(&'t [u8], SystemTime), TokenError> {
        let shared = &*self.shared;
        if token.len() > shared.max_bytes {
            return Err(TokenError::TooLong);
        }
        let parts = Compact::split(token)?;
        let found = shared.keys.find(parts.header)?;
        let key = found.entry.key();
        // Before the clock is read, which costs more than all that came before.
        if !key.is_as_long(parts.signature) {
            return Err(TokenError::Signature);
        }
        let now = shared.clock.now();
        if found.entry.is_over(now) {
            return Err(TokenError::UnknownKey);
        }
        if !key.verifies(parts.signing_input, parts.signature) {
            return Err(TokenError::Signature);
        }
        shared.keys.learn(&found, parts.header);
        Ok((parts.payload, now))
    }

    fn read<'b, E: Deserialize<'b>>(
        &self,
        payload: &'b [u8],
        now: SystemTime,
    ) -> Result<BorrowedClaims<'b, E>, TokenError> {
        let shared = &*self.shared;
        let json = core::str::from_utf8(payload).map_err(|_| TokenError::Payload)?;
        let expected = Expected {
            issuer: &shared.issuer,
            audience: &shared.audience,
            leeway: shared.leeway,
            max_lifetime: shared.max_lifetime,
            // A clock before 1970 expires nothing by itself, but every token is then issued in its future.
            now: now.duration_since(UNIX_EPOCH).unwrap_or_default(),
        };
        Registered::read(json, &expected)
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
