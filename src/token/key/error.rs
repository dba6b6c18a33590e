//! [`KeyError`]: what is wrong with a key, found when it is loaded and never later.

/// Why a key is not accepted. Met at start-up, by an operator; no variant holds key material.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// An HMAC secret shorter than its hash (RFC 7518 §3.2).
    #[error("the secret is too short: this algorithm needs at least {min_bytes} bytes")]
    SecretTooShort {
        /// How many bytes it must have at the least.
        min_bytes: usize,
    },
    /// An HMAC secret that is a PEM, SSH or JWK key: whoever has the public key could sign with it.
    #[error("the secret looks like a key file: give it as a key of its own algorithm")]
    SecretLooksLikeKey,
    /// A secret where a key pair is wanted, or the reverse.
    #[error("this algorithm takes another kind of key")]
    WrongKind,
    /// A public key where a private one is wanted, or the reverse.
    #[error("a public key stands where a private one is wanted, or the reverse")]
    WrongHalf,
    /// Not a key in the format asked for: PKCS#8 or PKCS#1 PEM for private keys, SPKI or PKCS#1 PEM for public ones,
    /// or a JWK (RFC 7517) with all members of its type.
    #[error("the key is malformed, or in a format that is not supported")]
    Malformed,
    /// An RSA modulus under 2048 or over 8192 bits (RFC 7518 §3.3).
    #[error("rsa keys must have from 2048 to 8192 bits")]
    RsaSize,
    /// An RSA public exponent that is even or under 3.
    #[error("the rsa public exponent must be odd and at least 3")]
    RsaExponent,
    /// A point that is not on the curve, or that generates a small group: anybody could sign for it.
    #[error("the public key is not a sound point of its curve")]
    Point,
    /// The JWK's `alg`, `use` or `key_ops` forbids this use (RFC 7517 §4).
    #[error("the key's own alg, use or key_ops member forbids this use")]
    ForbiddenUse,
    /// Two keys of a set have the same `kid`, or one of several has none (RFC 7517 §4.5).
    #[error("every key of a set must have a kid of its own")]
    DuplicateKid,
    /// A set holds secrets and public keys.
    #[error("secrets and public keys can't be in one set")]
    MixedKeys,
    /// The operating system gave no randomness, or the backend failed.
    #[error("the key could not be made")]
    Unavailable,
}
