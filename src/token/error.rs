//! What can be wrong with a token, a configuration, or the issuing of a token.

/// Why a token is refused: one variant a cause, for logs and tests.
///
/// Clients are told none of it: `Refusal` makes one answer of all variants.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than the verifier's limit; nothing of it was decoded.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts separated by two dots (RFC 7515 §3.1).
    #[error("the token is not a compact jws")]
    Shape,
    /// The header is not strict base64url of one JSON object without duplicates, or has more than 32 member names.
    #[error("the token's header is malformed")]
    Header,
    /// The header asks for something that is not supported: `crit`, `b64`, `jwk`, `jku`, `x5u`, `x5c`, `x5t`,
    /// `x5t#S256`, `zip`, `enc` or `cty`.
    #[error("the token's header has a parameter that is not accepted")]
    HeaderParameter,
    /// The header's `alg` is not the key's.
    #[error("the token's algorithm is not the key's")]
    Algorithm,
    /// The header's `typ` is not the expected one (RFC 8725 §3.11).
    #[error("the token is of another type")]
    Type,
    /// No key has the header's `kid`, or the key's time is over.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature is not strict base64url, of another length, or wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// The payload is not one JSON object in strict base64url and UTF-8, without duplicates and too deep nesting.
    #[error("the token's payload is malformed")]
    Payload,
    /// A registered claim is of the wrong type, or not of its grammar.
    #[error("a registered claim of the token is malformed")]
    Claim(&'static str),
    /// A claim that is required is missing.
    #[error("a required claim of the token is missing")]
    MissingClaim(&'static str),
    /// `exp` is now or in the past (RFC 7519 §4.1.4).
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future by more than the leeway.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future by more than the leeway.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is too long after `iat`, or before it, or beyond what a `SystemTime` can hold.
    #[error("the token's lifetime is out of bounds")]
    Lifetime,
    /// `iss` is another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud` does not hold our audience.
    #[error("the token is for another audience")]
    Audience,
    /// The application's `Revocations` say that it is revoked.
    #[error("the token is revoked")]
    Revoked,
    /// The application's own claims are missing or of the wrong type.
    #[error("the token's own claims are not as expected")]
    OwnClaims,
}

/// A verifier or issuer can't be built like this. Found at start-up.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is empty or holds a control character.
    #[error("the issuer must not be empty or hold control characters")]
    Issuer,
    /// The audience is empty or holds a control character.
    #[error("the audience must not be empty or hold control characters")]
    Audience,
    /// The token type is empty or not of the media type grammar.
    #[error("the token type must be a media subtype, such as at+jwt")]
    Type,
    /// The lifetime is not within bounds.
    #[error("the lifetime must be from 1 second to {max_seconds} seconds")]
    Lifetime {
        /// The longest that is accepted.
        max_seconds: u64,
    },
    /// The leeway is over the limit.
    #[error("the leeway must be at most {max_seconds} seconds")]
    Leeway {
        /// The longest that is accepted.
        max_seconds: u64,
    },
    /// The size limit leaves no room for a token.
    #[error("the size limit must be from 256 bytes to 1 mebibyte")]
    MaxBytes,
    /// The cache is too small to hold a token.
    #[error("a cache must have at least {min_bytes} bytes")]
    CacheBytes {
        /// The least that makes sense.
        min_bytes: usize,
    },
    /// A key's name is empty or longer than 255 bytes.
    #[error("a kid must have 1 to 255 bytes")]
    Kid,
    /// The key set holds no key.
    #[error("there is no key to verify with")]
    NoKey,
}

/// A token could not be issued. Nothing the caller can act on but its own claims.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be issued: {cause}")]
pub struct IssueError {
    cause: &'static str,
    #[source]
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

impl IssueError {
    pub(super) fn new(cause: &'static str) -> Self {
        Self {
            cause,
            source: None,
        }
    }

    pub(super) fn because(
        cause: &'static str,
        source: impl core::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            cause,
            source: Some(Box::new(source)),
        }
    }
}
