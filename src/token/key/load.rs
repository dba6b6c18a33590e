//! Keys from secrets, from PEM and from nothing; every check a key must pass stands here or in `jwk`.

use super::jwk::Public;
use super::{KeyError, Material, Signer, SigningKey, VerifyingKey};
use crate::token::algorithm::{Algorithm, Curve, Family};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ED25519, EcdsaKeyPair, EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RsaKeyPair, RsaParameters,
};
use aws_lc_rs::{hmac, rand, rsa};
use jsonwebtoken::{DecodingKey, EncodingKey};
use std::sync::Arc;
use zeroize::Zeroizing;

impl SigningKey {
    /// An HMAC key from secret bytes, taken as they are.
    ///
    /// # Errors
    /// [`KeyError`] if the algorithm takes no secret, or the secret is too short or looks like a key file.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let key = hmac_key(algorithm, secret)?;
        let verifying = VerifyingKey::of(algorithm, Material::Hmac(Box::new(key.clone())));
        Ok(Self {
            signer: Arc::new(Signer::Hmac(Box::new(key))),
            verifying,
        })
    }

    /// A private key from PEM: PKCS#8 (`PRIVATE KEY`), or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed, encrypted, public, weak, or a key of another algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        expect_label(pem, "PRIVATE KEY", "PUBLIC KEY")?;
        match algorithm.family() {
            Family::Hmac(..) => Err(KeyError::WrongKind),
            Family::Ec(_, signing, _) => {
                let der = EncodingKey::from_ec_pem(pem).map_err(|_| KeyError::Malformed)?;
                let pair = EcdsaKeyPair::from_pkcs8(signing, der.as_bytes())
                    .map_err(|_| KeyError::Malformed)?;
                Self::ec(algorithm, pair)
            }
            Family::Ed25519 => {
                let der = EncodingKey::from_ed_pem(pem).map_err(|_| KeyError::Malformed)?;
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.as_bytes())
                    .map_err(|_| KeyError::Malformed)?;
                Self::ed25519(pair)
            }
            Family::Rsa(..) => {
                let der = EncodingKey::from_rsa_pem(pem).map_err(|_| KeyError::Malformed)?;
                let pair = RsaKeyPair::from_der(der.as_bytes())
                    .map_err(|rejected| rsa_error(&rejected))?;
                Self::rsa(algorithm, pair)
            }
        }
    }

    /// A new random key that lives in this process only: for tests, demonstrations and short-lived issuers.
    ///
    /// RSA keys get 3072 bits, which takes a second or so.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`] if there is no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let unavailable = |_| KeyError::Unavailable;
        match algorithm.family() {
            Family::Hmac(_, min_bytes) => {
                let mut secret = Zeroizing::new(vec![0; min_bytes]);
                rand::fill(&mut secret).map_err(unavailable)?;
                Self::from_secret(algorithm, &secret)
            }
            Family::Ec(_, signing, _) => Self::ec(
                algorithm,
                EcdsaKeyPair::generate(signing).map_err(unavailable)?,
            ),
            Family::Ed25519 => Self::ed25519(Ed25519KeyPair::generate().map_err(unavailable)?),
            Family::Rsa(..) => Self::rsa(
                algorithm,
                RsaKeyPair::generate(KeySize::Rsa3072).map_err(unavailable)?,
            ),
        }
    }

    pub(super) fn ec(algorithm: Algorithm, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::from_public_bytes(algorithm, pair.public_key().as_ref())?;
        Ok(Self {
            signer: Arc::new(Signer::Ec(pair)),
            verifying,
        })
    }

    pub(super) fn ed25519(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let verifying =
            VerifyingKey::from_public_bytes(Algorithm::EdDsa, pair.public_key().as_ref())?;
        Ok(Self {
            signer: Arc::new(Signer::Ed25519(pair)),
            verifying,
        })
    }

    pub(super) fn rsa(algorithm: Algorithm, pair: RsaKeyPair) -> Result<Self, KeyError> {
        let Family::Rsa(_, encoding) = algorithm.family() else {
            return Err(KeyError::WrongKind);
        };
        let verifying = VerifyingKey::from_public_bytes(algorithm, pair.public_key().as_ref())?;
        Ok(Self {
            signer: Arc::new(Signer::Rsa(pair, encoding)),
            verifying,
        })
    }
}

impl VerifyingKey {
    /// An HMAC key from secret bytes, taken as they are.
    ///
    /// # Errors
    /// As [`SigningKey::from_secret`].
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::of(
            algorithm,
            Material::Hmac(Box::new(hmac_key(algorithm, secret)?)),
        ))
    }

    /// A public key from PEM: SPKI (`PUBLIC KEY`), or PKCS#1 (`RSA PUBLIC KEY`). No certificates.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed, private, weak, or a key of another algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        expect_label(pem, "PUBLIC KEY", "PRIVATE KEY")?;
        let key = match algorithm.family() {
            Family::Hmac(..) => return Err(KeyError::WrongKind),
            Family::Ec(..) => DecodingKey::from_ec_pem(pem),
            Family::Ed25519 => DecodingKey::from_ed_pem(pem),
            Family::Rsa(..) => DecodingKey::from_rsa_pem(pem),
        };
        let key = key.map_err(|_| KeyError::Malformed)?;
        Self::from_public_bytes(
            algorithm,
            key.try_get_as_bytes().map_err(|_| KeyError::Malformed)?,
        )
    }

    /// A public key from what is left when the wrapping is off: an EC point, 32 bytes of Ed25519, PKCS#1 of RSA.
    fn from_public_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        match algorithm.family() {
            Family::Hmac(..) => Err(KeyError::WrongKind),
            Family::Ec(verification, _, curve) => Self::ec(algorithm, verification, curve, bytes),
            Family::Ed25519 => Self::ed25519(bytes),
            Family::Rsa(parameters, _) => {
                let key = rsa::PublicKey::from_der(bytes).map_err(|_| KeyError::Malformed)?;
                Self::rsa(algorithm, parameters, &PublicKeyComponents::from(&key))
            }
        }
    }

    /// An EC key from an uncompressed point (SEC 1 §2.3.3). The backend refuses points off the curve; ours have
    /// no small subgroups.
    pub(super) fn ec(
        algorithm: Algorithm,
        verification: &'static EcdsaVerificationAlgorithm,
        curve: Curve,
        point: &[u8],
    ) -> Result<Self, KeyError> {
        let width = curve.coordinate_bytes;
        let (x, y) = match point.split_first() {
            Some((4, coordinates)) if coordinates.len() == width.saturating_mul(2) => {
                coordinates.split_at(width)
            }
            _ => return Err(KeyError::Malformed),
        };
        let key = ParsedPublicKey::new(verification, point).map_err(|_| KeyError::Point)?;
        let material = Material::Public {
            key,
            signature_bytes: width.saturating_mul(2),
            jwk: Public::ec(curve, x, y),
        };
        Ok(Self::of(algorithm, material))
    }

    /// An Ed25519 key. The backend takes any 32 bytes: a point of small order makes one signature good for every
    /// message, so the point is looked at here (RFC 8032 §5.1.3 for the decoding, §8.8 of its errata for order).
    pub(super) fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        use curve25519_dalek::edwards::CompressedEdwardsY;
        let compressed = CompressedEdwardsY::from_slice(bytes).map_err(|_| KeyError::Malformed)?;
        let point = compressed.decompress().ok_or(KeyError::Point)?;
        if point.is_small_order() || point.compress() != compressed {
            return Err(KeyError::Point);
        }
        let key = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| KeyError::Malformed)?;
        let material = Material::Public {
            key,
            signature_bytes: 64,
            jwk: Public::okp(bytes),
        };
        Ok(Self::of(Algorithm::EdDsa, material))
    }

    pub(super) fn rsa(
        algorithm: Algorithm,
        parameters: &'static RsaParameters,
        components: &PublicKeyComponents<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let (n, e) = (components.n.as_slice(), components.e.as_slice());
        if !(256..=1024).contains(&n.len())
            || (n.len() == 256 && n.first().is_none_or(|byte| *byte < 0x80))
        {
            return Err(KeyError::RsaSize);
        }
        // Odd, at least 3, and as short as any in use: a huge exponent makes verifying slow.
        let is_odd = e.last().is_some_and(|byte| byte & 1 == 1);
        if !is_odd || e == [1] || e.len() > 4 || e.first() == Some(&0) {
            return Err(KeyError::RsaExponent);
        }
        let key = components
            .to_parsed_public_key(parameters)
            .map_err(|_| KeyError::Malformed)?;
        let material = Material::Public {
            key,
            signature_bytes: n.len(),
            jwk: Public::rsa(n, e),
        };
        Ok(Self::of(algorithm, material))
    }

    fn of(algorithm: Algorithm, material: Material) -> Self {
        Self {
            algorithm,
            kid: None,
            material: Arc::new(material),
        }
    }
}

fn hmac_key(algorithm: Algorithm, secret: &[u8]) -> Result<hmac::Key, KeyError> {
    let Family::Hmac(hash, min_bytes) = algorithm.family() else {
        return Err(KeyError::WrongKind);
    };
    if looks_like_key(secret) {
        return Err(KeyError::SecretLooksLikeKey);
    }
    if secret.len() < min_bytes {
        return Err(KeyError::SecretTooShort { min_bytes });
    }
    Ok(hmac::Key::new(hash, secret))
}

/// The backend says in words only that a key is of a size it does not take.
fn rsa_error(rejected: &KeyRejected) -> KeyError {
    match rejected.to_string().as_str() {
        "TooSmall" | "TooLarge" => KeyError::RsaSize,
        _ => KeyError::Malformed,
    }
}

/// PEM, SSH and JWK texts: public keys used as secrets by mistake are the oldest confusion of this field
/// (CVE-2016-5431, CVE-2022-29217; with white space before the PEM: CVE-2026-34950).
fn looks_like_key(secret: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(secret, needle).is_some();
    let text = secret.trim_ascii_start();
    has(b"-----BEGIN ")
        || [&b"ssh-"[..], b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        || (text.starts_with(b"{") && has(b"\"kty\""))
}

/// Looks at the PEM label, so that the commonest mistakes get an error of their own.
fn expect_label(pem: &[u8], wanted: &str, other_half: &str) -> Result<(), KeyError> {
    let text = core::str::from_utf8(pem).map_err(|_| KeyError::Malformed)?;
    let label = text
        .split("-----BEGIN ")
        .nth(1)
        .and_then(|rest| rest.split("-----").next());
    match label {
        Some(label) if label == wanted || label.strip_prefix("RSA ") == Some(wanted) => Ok(()),
        Some(label) if label.ends_with(other_half) => Err(KeyError::WrongHalf),
        _ => Err(KeyError::Malformed),
    }
}
