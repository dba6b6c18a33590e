//! [`Algorithm`]: the signature algorithms of RFC 7518 §3.1 and RFC 8037 that are supported.

use aws_lc_rs::{hmac, signature};

/// How a token is signed. Part of a key, never taken from a token.
///
/// Prefer [`EdDsa`](Self::EdDsa) or [`Es256`](Self::Es256) where verifiers must not be able to issue, and
/// [`Hs256`](Self::Hs256) where issuer and verifier are one program. RSA is here for what exists: use keys of
/// 3072 bits, since 2048 gives 112 bits of security.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256; secrets of at least 32 bytes.
    Hs256,
    /// HMAC with SHA-384; secrets of at least 48 bytes.
    Hs384,
    /// HMAC with SHA-512; secrets of at least 64 bytes.
    Hs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
}

/// What kind of key an algorithm works with, and what the backend needs to use it.
pub(super) enum Family {
    Hmac(hmac::Algorithm, usize),
    Ec(
        &'static signature::EcdsaVerificationAlgorithm,
        &'static signature::EcdsaSigningAlgorithm,
        Curve,
    ),
    Ed25519,
    Rsa(
        &'static signature::RsaParameters,
        &'static dyn signature::RsaEncoding,
    ),
}

/// A curve of NIST, with the width of its coordinates.
#[derive(Clone, Copy)]
pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) coordinate_bytes: usize,
}

const P256: Curve = Curve {
    name: "P-256",
    coordinate_bytes: 32,
};
const P384: Curve = Curve {
    name: "P-384",
    coordinate_bytes: 48,
};

impl Algorithm {
    /// The name in a token's header (RFC 7518 §3.1), compared exactly, case included.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// Whether signing and verifying take the same secret.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    pub(super) fn family(self) -> Family {
        use signature as s;
        match self {
            // RFC 7518 §3.2: a secret has at least as many bits as the hash.
            Self::Hs256 => Family::Hmac(hmac::HMAC_SHA256, 32),
            Self::Hs384 => Family::Hmac(hmac::HMAC_SHA384, 48),
            Self::Hs512 => Family::Hmac(hmac::HMAC_SHA512, 64),
            Self::Es256 => Family::Ec(
                &s::ECDSA_P256_SHA256_FIXED,
                &s::ECDSA_P256_SHA256_FIXED_SIGNING,
                P256,
            ),
            Self::Es384 => Family::Ec(
                &s::ECDSA_P384_SHA384_FIXED,
                &s::ECDSA_P384_SHA384_FIXED_SIGNING,
                P384,
            ),
            Self::EdDsa => Family::Ed25519,
            Self::Rs256 => Family::Rsa(&s::RSA_PKCS1_2048_8192_SHA256, &s::RSA_PKCS1_SHA256),
            Self::Rs384 => Family::Rsa(&s::RSA_PKCS1_2048_8192_SHA384, &s::RSA_PKCS1_SHA384),
            Self::Rs512 => Family::Rsa(&s::RSA_PKCS1_2048_8192_SHA512, &s::RSA_PKCS1_SHA512),
            Self::Ps256 => Family::Rsa(&s::RSA_PSS_2048_8192_SHA256, &s::RSA_PSS_SHA256),
            Self::Ps384 => Family::Rsa(&s::RSA_PSS_2048_8192_SHA384, &s::RSA_PSS_SHA384),
            Self::Ps512 => Family::Rsa(&s::RSA_PSS_2048_8192_SHA512, &s::RSA_PSS_SHA512),
        }
    }
}

impl core::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
