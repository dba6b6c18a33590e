//! [`KeyError`]: what is wrong with a key, found when it is loaded and never later.

/// Why a key is not accepted. Met at start-up, by an operator; no variant holds key material.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// An HMAC secret shorter than its hash (RFC 7518 §3.2).
    #[error(
        "the secret is too short: this algorithm needs at least {min_bytes} bytes; make one with `openssl rand -base64 48`"
    )]
    SecretTooShort {
        /// How many bytes it must have at the least.
        min_bytes: usize,
    },
    /// An HMAC secret that is a PEM, DER, SSH or JWK key, as it is or in base64: whoever has the public key could sign
    /// with it.
    #[error(
        "the secret is a key file: load it as a key of its own algorithm, or make a secret with `openssl rand -base64 48`"
    )]
    SecretLooksLikeKey,
    /// An HMAC secret with fewer than 8 different byte values.
    #[error(
        "the secret has fewer than 8 different byte values: make one with `openssl rand -base64 48`"
    )]
    SecretTooRepetitive,
    /// A key of another type than the algorithm takes, such as an RSA key for ES256, or a secret where a key pair is
    /// wanted.
    #[error(
        "the key is of another type than the algorithm takes: a secret for HS, an EC key for ES, Ed25519 for EdDSA, RSA for RS and PS"
    )]
    WrongKind,
    /// A key of the right type on another curve, such as a P-521 key for ES256.
    #[error(
        "the key is on another curve: this algorithm takes {expected} only; make a key on {expected}"
    )]
    CurveMismatch {
        /// The curve that the algorithm takes.
        expected: &'static str,
    },
    /// A public key where a private one is wanted, or the reverse.
    #[error("a public key stands where a private one is wanted, or the reverse")]
    WrongHalf,
    /// A certificate (or a request for one) instead of a key.
    #[error(
        "this is a certificate: extract its public key with `openssl x509 -pubkey -noout -in FILE`"
    )]
    Certificate,
    /// A private key under a passphrase.
    #[error("the key is encrypted: decrypt it with `openssl pkey -in FILE`")]
    Encrypted,
    /// A key in the format of OpenSSH.
    #[error(
        "the key is in OpenSSH's format: convert it with `ssh-keygen -p -m PKCS8` if private, `ssh-keygen -e -m PKCS8` if public"
    )]
    OpenSsh,
    /// Not a PEM text at all.
    #[error(
        "this is not PEM, which begins with -----BEGIN: convert DER with `openssl pkey -inform DER`, with -pubin if public"
    )]
    NotPem,
    /// A JWK Set where one JWK is wanted.
    #[error("this is a JWK Set: load it with KeySet::from_jwks, or give one of its keys")]
    JwkSet,
    /// A JWK Set without a key that can be used.
    #[error(
        "the JWK Set has no usable key ({left_out} left out): a key needs kid and alg, and use sig if it has a use"
    )]
    NoUsableKey {
        /// How many keys the set has that can't be used.
        left_out: usize,
    },
    /// Of the right form, but not a key: PKCS#8, PKCS#1 or SEC 1 PEM for private keys, SPKI or PKCS#1 PEM for public
    /// ones, or a JWK (RFC 7517) with all members of its type.
    #[error("the key is malformed: check that it was copied whole and with its line breaks")]
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
    #[error(
        "two keys of the set have the same kid, or one has none; only secrets of one algorithm may all have none"
    )]
    DuplicateKid,
    /// A set holds secrets and public keys.
    #[error("secrets and public keys can't be in one set")]
    MixedKeys,
    /// The operating system gave no randomness, or the backend failed.
    #[error("the key could not be made")]
    Unavailable,
}
