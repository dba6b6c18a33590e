//! [`TokenVerifier`]: the one way from a token's text to [`Claims`].

use super::claims::{Claims, Expected, Registered};
use super::compact::{self, Compact};
use super::error::{BuildError, TokenError};
use super::header::{self, Header};
use super::key::VerifyingKey;
use super::keyset::KeySet;
use super::strict::Breach;
use crate::clock::{Clock, SystemClock};
use core::fmt;
use core::time::Duration;
use serde::de::DeserializeOwned;
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
    token_type: Box<str>,
    leeway: Duration,
    max_lifetime: Duration,
    max_bytes: usize,
    keys: KeySet,
    /// For each key the header our issuer writes, in base64url. A token's header of the same bytes says the same,
    /// so it need not be decoded; any other header is read.
    known_headers: Vec<String>,
    clock: Arc<dyn Clock>,
}

/// Payloads up to this size are decoded onto the stack.
const STACK_BYTES: usize = 1024;

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
        TokenVerifierBuilder {
            issuer: issuer.into(),
            audience: audience.into(),
            keys: keys.into(),
            token_type: super::ACCESS_TOKEN_TYPE.into(),
            leeway: Duration::ZERO,
            max_lifetime: Self::DEFAULT_MAX_LIFETIME,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            clock: Arc::new(SystemClock),
        }
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
        if token.len() > self.shared.max_bytes {
            return Err(TokenError::TooLong);
        }
        let parts = Compact::split(token)?;
        let now = self.shared.clock.now();
        let key = self.key_for(parts.header, now)?;
        if !key.verifies(parts.signing_input, parts.signature) {
            return Err(TokenError::Signature);
        }
        // Only here does anything of the payload get looked at.
        let mut stack = [0_u8; STACK_BYTES];
        let heap;
        let payload = match compact::decoded_len(parts.payload) {
            Some(len) if len <= STACK_BYTES => compact::decode(parts.payload, &mut stack),
            _ => {
                heap = compact::decode_to_vec(parts.payload);
                heap.as_deref()
            }
        };
        self.read(payload.ok_or(TokenError::Payload)?, now)
    }

    fn key_for(&self, segment: &[u8], now: SystemTime) -> Result<&VerifyingKey, TokenError> {
        let shared = &*self.shared;
        if let Some(index) = shared
            .known_headers
            .iter()
            .position(|known| known.as_bytes() == segment)
        {
            return shared.keys.at(index, now).ok_or(TokenError::UnknownKey);
        }
        Header::read(segment, |header| {
            let typ = header.typ.as_deref().ok_or(TokenError::Type)?;
            if !header::is_type(typ, &shared.token_type) {
                return Err(TokenError::Type);
            }
            let key = shared.keys.find(header, now)?;
            // The key decides; the header may only agree (RFC 8725 §3.1).
            if header.alg.as_deref() != Some(key.algorithm().name()) {
                return Err(TokenError::Algorithm);
            }
            Ok(key)
        })
    }

    fn read<E: DeserializeOwned>(
        &self,
        payload: &[u8],
        now: SystemTime,
    ) -> Result<Claims<E>, TokenError> {
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
        Registered::read(json, &expected, &Breach::default())
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuer", &self.shared.issuer)
            .field("audience", &self.shared.audience)
            .field("keys", &self.shared.keys)
            .finish_non_exhaustive()
    }
}

/// Puts a [`TokenVerifier`] together.
#[derive(Clone, Debug)]
pub struct TokenVerifierBuilder {
    issuer: String,
    audience: String,
    keys: KeySet,
    token_type: String,
    leeway: Duration,
    max_lifetime: Duration,
    max_bytes: usize,
    clock: Arc<dyn Clock>,
}

impl TokenVerifierBuilder {
    /// Expects another `typ`, without `application/`. Default: `at+jwt` (RFC 9068 §2.1).
    ///
    /// Many issuers write `JWT` on all their tokens. Accepting it means that an ID token of the same issuer and
    /// audience passes as an access token (RFC 8725 §2.8), so give each its own audience.
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = token_type.into();
        self
    }

    /// Forgives clocks that differ, for `exp`, `nbf` and `iat`; at most 5 minutes. Default: none.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Refuses tokens that live longer, `exp` less `iat`. Default: 24 hours.
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
        if self.leeway > TokenVerifier::MAX_LEEWAY {
            return Err(BuildError::Leeway {
                max_seconds: TokenVerifier::MAX_LEEWAY.as_secs(),
            });
        }
        if self.max_lifetime.is_zero() {
            return Err(BuildError::Lifetime {
                max_seconds: u64::MAX,
            });
        }
        if !(256..=1024 * 1024).contains(&self.max_bytes) {
            return Err(BuildError::MaxBytes);
        }
        let known_headers = self
            .keys
            .keys()
            .map(|key| header::encode(key.algorithm().name(), &self.token_type, key.kid()))
            .collect();
        Ok(TokenVerifier {
            shared: Arc::new(Shared {
                issuer: self.issuer.into(),
                audience: self.audience.into(),
                token_type: self.token_type.into(),
                leeway: self.leeway,
                max_lifetime: self.max_lifetime,
                max_bytes: self.max_bytes,
                keys: self.keys,
                known_headers,
                clock: self.clock,
            }),
        })
    }
}

/// What issuer and verifier both ask of their names.
pub(super) fn check_names(
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
pub(super) fn check_kid(kid: Option<&str>) -> Result<(), BuildError> {
    match kid {
        Some(kid) if kid.is_empty() || kid.len() > 255 => Err(BuildError::Kid),
        _ => Ok(()),
    }
}
