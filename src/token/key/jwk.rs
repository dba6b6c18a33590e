//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2): read strictly, written for publication, thumbprints.

use super::{KeyError, SigningKey, VerifyingKey};
use crate::token::algorithm::{Algorithm, Curve, Family};
use crate::token::error::TokenError;
use crate::token::{compact, strict};
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse,
};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The largest document read, in bytes.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

impl SigningKey {
    /// A private key, or a secret, from a JWK.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed, weak, of another algorithm, without its private members, or if its `alg`,
    /// `use` or `key_ops` forbids signing.
    pub fn from_jwk(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        let jwk = parse(json).map_err(|error| explain(json, algorithm, error))?;
        permit(&jwk.common, algorithm, &KeyOperations::Sign)?;
        let private: Private = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        let key = match (&jwk.algorithm, algorithm.family()) {
            (AlgorithmParameters::OctetKey(octets), Family::Hmac(..)) => {
                Self::from_secret(algorithm, &secret(&octets.value)?)?
            }
            (AlgorithmParameters::EllipticCurve(_), Family::Ec(_, signing, curve)) => {
                let point = ec_point(&jwk, curve)?;
                let d = secret(private.d()?)?;
                if d.len() != curve.coordinate_bytes {
                    return Err(KeyError::Malformed);
                }
                let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &d, &point);
                Self::ec(algorithm, pair.map_err(|_| KeyError::Point)?)?
            }
            (AlgorithmParameters::OctetKeyPair(_), Family::Ed25519) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(
                    &secret(private.d()?)?,
                    &okp_point(&jwk)?,
                );
                Self::ed25519(pair.map_err(|_| KeyError::Point)?)?
            }
            (AlgorithmParameters::RSA(rsa), Family::Rsa(..)) => {
                let pair = RsaKeyPair::from_components(&private.rsa(&rsa.n, &rsa.e)?);
                Self::rsa(algorithm, pair.map_err(|_| KeyError::Malformed)?)?
            }
            _ => return Err(explain(json, algorithm, KeyError::WrongKind)),
        };
        Ok(match jwk.common.key_id {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }
}

impl VerifyingKey {
    /// A public key, or a secret, from a JWK. Private members of a key pair are refused: they don't belong where
    /// tokens are only verified.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed, weak, private, of another algorithm, or if its `alg`, `use` or `key_ops`
    /// forbids verifying.
    pub fn from_jwk(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        let jwk = parse(json).map_err(|error| explain(json, algorithm, error))?;
        permit(&jwk.common, algorithm, &KeyOperations::Verify)?;
        let private: Private = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
        if private.d.is_some() {
            return Err(KeyError::WrongHalf);
        }
        let key = match (&jwk.algorithm, algorithm.family()) {
            (AlgorithmParameters::OctetKey(octets), Family::Hmac(..)) => {
                Self::from_secret(algorithm, &secret(&octets.value)?)?
            }
            (AlgorithmParameters::EllipticCurve(_), Family::Ec(verification, _, curve)) => {
                Self::ec(algorithm, verification, curve, &ec_point(&jwk, curve)?)?
            }
            (AlgorithmParameters::OctetKeyPair(_), Family::Ed25519) => {
                Self::ed25519(&okp_point(&jwk)?)?
            }
            (AlgorithmParameters::RSA(rsa), Family::Rsa(parameters, _)) => {
                let components = PublicKeyComponents {
                    n: public(&rsa.n)?,
                    e: public(&rsa.e)?,
                };
                Self::rsa(algorithm, parameters, &components)?
            }
            _ => return Err(explain(json, algorithm, KeyError::WrongKind)),
        };
        Ok(match jwk.common.key_id {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }
}

pub(super) fn parse(json: &str) -> Result<Jwk, KeyError> {
    check_strictly(json)?;
    serde_json::from_str(json).map_err(|_| KeyError::Malformed)
}

/// What a document is that is no key of the algorithm, beyond `error`.
fn explain(json: &str, algorithm: Algorithm, error: KeyError) -> KeyError {
    #[derive(Deserialize)]
    struct Members {
        keys: Option<serde::de::IgnoredAny>,
        kty: Option<String>,
        crv: Option<String>,
    }
    let members = check_strictly(json)
        .ok()
        .map(|()| serde_json::from_str(json));
    let Some(Ok(Members { keys, kty, crv })) = members else {
        return error;
    };
    match (kty.as_deref(), crv, algorithm.family()) {
        (None, ..) if keys.is_some() => KeyError::JwkSet,
        (Some("EC"), Some(crv), Family::Ec(_, _, curve)) if crv != curve.name => {
            KeyError::CurveMismatch {
                expected: curve.name,
            }
        }
        (Some("OKP"), Some(crv), Family::Ed25519) if crv != "Ed25519" => KeyError::CurveMismatch {
            expected: "Ed25519",
        },
        // Of the algorithm's own type, so it lacks a member.
        (Some("EC"), _, Family::Ec(..))
        | (Some("OKP"), _, Family::Ed25519)
        | (Some("RSA"), _, Family::Rsa(..))
        | (Some("oct"), _, Family::Hmac(..)) => KeyError::Malformed,
        _ => error,
    }
}

/// One object, no member twice: two programs must not read two different keys out of one document.
pub(super) fn check_strictly(json: &str) -> Result<(), KeyError> {
    if json.len() > MAX_DOCUMENT_BYTES {
        return Err(KeyError::Malformed);
    }
    strict::object::<(), _>(json, &mut strict::Untapped, TokenError::Payload)
        .map(drop)
        .map_err(|_| KeyError::Malformed)
}

/// RFC 7517 §4.2-4.4: what a key says it is for binds its user.
fn permit(
    common: &CommonParameters,
    algorithm: Algorithm,
    operation: &KeyOperations,
) -> Result<(), KeyError> {
    let alg_allows = common
        .key_algorithm
        .is_none_or(|named| named.to_string() == algorithm.name());
    let use_allows = common
        .public_key_use
        .as_ref()
        .is_none_or(|named| *named == PublicKeyUse::Signature);
    let ops_allow = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(operation));
    if alg_allows && use_allows && ops_allow {
        Ok(())
    } else {
        Err(KeyError::ForbiddenUse)
    }
}

fn public(text: &str) -> Result<Vec<u8>, KeyError> {
    compact::decode_to_vec(text.as_bytes()).ok_or(KeyError::Malformed)
}

fn secret(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    public(text).map(Zeroizing::new)
}

/// An uncompressed point from `x` and `y`, each of exactly the curve's width (RFC 7518 §6.2.1.2).
fn ec_point(jwk: &Jwk, curve: Curve) -> Result<Vec<u8>, KeyError> {
    let AlgorithmParameters::EllipticCurve(ec) = &jwk.algorithm else {
        return Err(KeyError::WrongKind);
    };
    let named = match ec.curve {
        EllipticCurve::P256 => "P-256",
        EllipticCurve::P384 => "P-384",
        _ => "",
    };
    let expected = curve.name;
    if named != expected {
        return Err(KeyError::CurveMismatch { expected });
    }
    let (x, y) = (public(&ec.x)?, public(&ec.y)?);
    if x.len() != curve.coordinate_bytes || y.len() != curve.coordinate_bytes {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

fn okp_point(jwk: &Jwk) -> Result<Vec<u8>, KeyError> {
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            public(&okp.x)
        }
        _ => Err(KeyError::WrongKind),
    }
}

/// The private members (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2). All of an RSA key's, so that none is guessed.
#[derive(Deserialize)]
struct Private {
    d: Option<Zeroizing<String>>,
    p: Option<Zeroizing<String>>,
    q: Option<Zeroizing<String>>,
    dp: Option<Zeroizing<String>>,
    dq: Option<Zeroizing<String>>,
    qi: Option<Zeroizing<String>>,
}

impl Private {
    fn d(&self) -> Result<&str, KeyError> {
        self.d
            .as_ref()
            .map(|d| d.as_str())
            .ok_or(KeyError::WrongHalf)
    }

    fn rsa(
        &self,
        n: &str,
        e: &str,
    ) -> Result<KeyPairComponents<Vec<u8>, Zeroizing<Vec<u8>>>, KeyError> {
        let member =
            |text: &Option<Zeroizing<String>>| secret(text.as_ref().ok_or(KeyError::WrongHalf)?);
        Ok(KeyPairComponents {
            public_key: PublicKeyComponents {
                n: public(n)?,
                e: public(e)?,
            },
            d: secret(self.d()?)?,
            p: member(&self.p)?,
            q: member(&self.q)?,
            dP: member(&self.dp)?,
            dQ: member(&self.dq)?,
            qInv: member(&self.qi)?,
        })
    }
}

/// The required members of a public key, as JSON in the order RFC 7638 §3.2 wants.
pub(super) struct Public(String);

impl Public {
    pub(super) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Self {
        let (name, x, y) = (curve.name, compact::encode(x), compact::encode(y));
        Self(format!(r#""crv":"{name}","kty":"EC","x":"{x}","y":"{y}""#))
    }

    pub(super) fn okp(x: &[u8]) -> Self {
        Self(format!(
            r#""crv":"Ed25519","kty":"OKP","x":"{}""#,
            compact::encode(x)
        ))
    }

    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self(format!(
            r#""e":"{}","kty":"RSA","n":"{}""#,
            compact::encode(e),
            compact::encode(n)
        ))
    }

    pub(super) fn thumbprint(&self) -> String {
        let json = format!("{{{}}}", self.0);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json.as_bytes());
        compact::encode(digest.as_ref())
    }

    pub(super) fn to_json(&self, algorithm: Algorithm, kid: Option<&str>) -> String {
        let kid = kid
            .map(|kid| format!(r#","kid":{}"#, serde_json::Value::from(kid)))
            .unwrap_or_default();
        format!(r#"{{{},"alg":"{algorithm}","use":"sig"{kid}}}"#, self.0)
    }
}
