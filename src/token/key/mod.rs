//! [`SigningKey`] and [`VerifyingKey`]: prepared once, checked once; the algorithm is part of the key.
//!
//! Loading is where a bad key is refused; from then on it is a parsed object of the backend, which is
//! faster than parsing at each use and can't be reinterpreted as a key of another algorithm.

mod der;
mod error;
mod jwk;
pub(super) mod jwks;
mod load;
mod pem;
mod secret;
#[cfg(test)]
mod vectors;

pub use error::KeyError;

use super::algorithm::Algorithm;
use super::compact;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{constant_time, hmac};
use core::fmt;
use core::mem::MaybeUninit;
use std::sync::Arc;

/// The longest signature there is, in bytes: RSA of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// A key that issues tokens. Its `Debug` shows the algorithm and the `kid` only.
#[derive(Clone)]
pub struct SigningKey {
    signer: Arc<Signer>,
    verifying: VerifyingKey,
}

enum Signer {
    Hmac(Box<hmac::Key>),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// A key that verifies tokens: a public key, or the secret of an HMAC.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    material: Arc<Material>,
}

enum Material {
    Hmac(Box<hmac::Key>),
    Public {
        key: ParsedPublicKey,
        signature_bytes: usize,
        jwk: jwk::Public,
    },
}

impl SigningKey {
    /// Names the key: issued tokens carry the name as `kid`, and verifiers look the key up by it.
    ///
    /// Issuers and verifiers refuse a name that is empty or longer than 255 bytes.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.verifying = self.verifying.with_kid(kid);
        self
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm
    }

    /// The key's name, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.verifying.kid()
    }

    /// The half that verifies, under the same name. Of an HMAC key that is the secret itself.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// How long its signatures are, in bytes.
    pub(super) fn signature_bytes(&self) -> usize {
        self.verifying.signature_bytes()
    }

    /// Appends `.` and the signature over what `token` holds.
    pub(super) fn sign_onto(
        &self,
        token: &mut String,
    ) -> Result<(), aws_lc_rs::error::Unspecified> {
        match &*self.signer {
            Signer::Hmac(key) => append(token, hmac::sign(key, token.as_bytes()).as_ref()),
            Signer::Ec(pair) => {
                let signature = pair.sign(&SystemRandom::new(), token.as_bytes())?;
                append(token, signature.as_ref());
            }
            Signer::Ed25519(pair) => append(token, pair.try_sign(token.as_bytes())?.as_ref()),
            Signer::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    *encoding,
                    &SystemRandom::new(),
                    token.as_bytes(),
                    &mut signature,
                )?;
                append(token, &signature);
            }
        }
        Ok(())
    }
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    compact::encode_onto(signature, token);
}

impl VerifyingKey {
    /// Names the key, as [`SigningKey::with_kid`] does.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into().into());
        self
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's name, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key's SHA-256 thumbprint in base64url (RFC 7638 §3): a good `kid`. `None` for secrets, whose
    /// thumbprint would help to guess them.
    pub fn thumbprint(&self) -> Option<String> {
        self.public().map(jwk::Public::thumbprint)
    }

    /// The public key as a JWK (RFC 7517 §4) with `alg`, `use` and `kid`; `None` for secrets.
    pub fn to_jwk(&self) -> Option<String> {
        self.public()
            .map(|public| public.to_json(self.algorithm, self.kid()))
    }

    fn public(&self) -> Option<&jwk::Public> {
        match &*self.material {
            Material::Hmac(_) => None,
            Material::Public { jwk, .. } => Some(jwk),
        }
    }

    fn signature_bytes(&self) -> usize {
        match &*self.material {
            Material::Hmac(key) => key.algorithm().tag_len(),
            Material::Public {
                signature_bytes, ..
            } => *signature_bytes,
        }
    }

    /// How long this key's signatures are in base64url: forgeries of another length cost nothing.
    pub(super) fn signature_chars(&self) -> usize {
        compact::encoded_len(self.signature_bytes())
    }

    /// Whether `signature`, a base64url segment, is this key's over `input`.
    pub(super) fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.signature_chars() {
            return false;
        }
        let mut buffer = [const { MaybeUninit::uninit() }; MAX_SIGNATURE_BYTES];
        match (&*self.material, compact::decode(signature, &mut buffer)) {
            (Material::Hmac(key), Some(tag)) => {
                let expected = hmac::sign(key, input);
                constant_time::verify_slices_are_equal(expected.as_ref(), tag).is_ok()
            }
            (Material::Public { key, .. }, Some(signature)) => {
                key.verify_sig(input, signature).is_ok()
            }
            (_, None) => false,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.verifying.algorithm)
            .field("kid", &self.verifying.kid)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
