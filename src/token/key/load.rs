//! Keys from secrets, from PEM and from nothing; every check a key must pass stands here or in `jwk`.

use super::jwk::Public;
use super::{KeyError, Material, Signer, SigningKey, VerifyingKey, pem, secret};
use crate::token::algorithm::{Algorithm, Curve, Family};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ED25519, EcdsaKeyPair, EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RsaKeyPair, RsaParameters,
};
use aws_lc_rs::{hmac, rand, rsa};
use jsonwebtoken::DecodingKey;
use std::sync::Arc;
use zeroize::Zeroizing;

impl SigningKey {
    /// An HMAC key from secret bytes, taken as they are. Make them with `openssl rand -base64 48`.
    ///
    /// Refused are secrets that others know or could guess: PEM, DER, JWK and SSH keys, also in base64, and bytes with
    /// fewer than 8 different values. What cannot be recognised are the 32 bytes of a bare Ed25519 key: half of all random
    /// strings of 32 bytes are one. A [`KeySet`](crate::token::KeySet) therefore holds either secrets or public keys.
    ///
    /// # Errors
    /// [`KeyError`] if the algorithm takes no secret, or the secret is too short, a key file, or too repetitive.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let key = hmac_key(algorithm, secret)?;
        let verifying = VerifyingKey::of(algorithm, Material::Hmac(Box::new(key.clone())));
        Ok(Self {
            signer: Arc::new(Signer::Hmac(Box::new(key))),
            verifying,
        })
    }

    /// A private key from PEM: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    ///
    /// The first such block counts. Blocks of other labels are passed over.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed, encrypted, public, weak, or a key of another algorithm.
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let block = pem::private(pem, algorithm)?;
        let label = block.tag().to_owned();
        let der = Zeroizing::new(block.into_contents());
        match algorithm.family() {
            Family::Hmac(..) => Err(KeyError::WrongKind),
            Family::Ec(_, signing, _) => {
                let pair = match &*label {
                    "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(signing, &der),
                    _ => EcdsaKeyPair::from_pkcs8(signing, &der),
                };
                Self::ec(algorithm, pair.map_err(|_| KeyError::Malformed)?)
            }
            Family::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                    .map_err(|_| KeyError::Malformed)?;
                Self::ed25519(pair)
            }
            Family::Rsa(..) => {
                let pair = match &*label {
                    "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
                    _ => RsaKeyPair::from_pkcs8(&der),
                };
                Self::rsa(algorithm, pair.map_err(|rejected| rsa_error(&rejected))?)
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
        let pem = ::pem::encode(&pem::public(pem, algorithm)?);
        let key = match algorithm.family() {
            Family::Hmac(..) => return Err(KeyError::WrongKind),
            Family::Ec(..) => DecodingKey::from_ec_pem(pem.as_bytes()),
            Family::Ed25519 => DecodingKey::from_ed_pem(pem.as_bytes()),
            Family::Rsa(..) => DecodingKey::from_rsa_pem(pem.as_bytes()),
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
    secret::check(secret, min_bytes)?;
    Ok(hmac::Key::new(hash, secret))
}

/// The backend says in words only that a key is of a size it does not take.
fn rsa_error(rejected: &KeyRejected) -> KeyError {
    match rejected.to_string().as_str() {
        "TooSmall" | "TooLarge" => KeyError::RsaSize,
        _ => KeyError::Malformed,
    }
}
