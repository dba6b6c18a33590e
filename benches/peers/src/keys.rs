//! One key of each algorithm, in the encodings that libraries read.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64_simd::STANDARD;
use core::fmt;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Es256,
    EdDsa,
    Rs256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 4] = [Self::Hs256, Self::Es256, Self::EdDsa, Self::Rs256];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The prepared keys of aws-lc-rs: what everybody is compared with.
pub(crate) enum Raw {
    Hmac(Box<hmac::Key>),
    Ecdsa(EcdsaKeyPair, ParsedPublicKey),
    Ed25519(Ed25519KeyPair, ParsedPublicKey),
    Rsa(RsaKeyPair, ParsedPublicKey),
}

impl Raw {
    /// Signs, and hands the signature on where it lies.
    pub(crate) fn sign<R>(&self, input: &[u8], take: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Hmac(key) => take(hmac::sign(key, input).as_ref()),
            Self::Ecdsa(pair, _) => {
                let signature = pair.sign(&SystemRandom::new(), input);
                take(signature.expect("ECDSA signs").as_ref())
            }
            Self::Ed25519(pair, _) => take(pair.sign(input).as_ref()),
            Self::Rsa(pair, _) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                    .expect("RSA signs");
                take(&signature)
            }
        }
    }

    pub(crate) fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, input, signature).is_ok(),
            Self::Ecdsa(_, key) | Self::Ed25519(_, key) | Self::Rsa(_, key) => {
                key.verify_sig(input, signature).is_ok()
            }
        }
    }
}

/// A key as every library may want it. Of a secret there is `secret`, of a key pair all the rest.
pub(crate) struct Keys {
    pub(crate) algorithm: Algorithm,
    pub(crate) raw: Arc<Raw>,
    pub(crate) secret: &'static str,
    /// PKCS #8, version 1.
    pub(crate) private_der: Vec<u8>,
    pub(crate) private_pem: String,
    /// The bare private number or seed; empty for RSA.
    pub(crate) private_bytes: Vec<u8>,
    /// `SubjectPublicKeyInfo`.
    pub(crate) public_pem: String,
    /// The bare public key: a point, or PKCS #1 for RSA.
    pub(crate) public_bytes: Vec<u8>,
}

/// 32 characters, so that every language can have it as text.
const SECRET: &str = "an-hmac-secret-of-32-characters!";

impl Keys {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => Self {
                algorithm,
                raw: Arc::new(Raw::Hmac(Box::new(hmac::Key::new(
                    hmac::HMAC_SHA256,
                    SECRET.as_bytes(),
                )))),
                secret: SECRET,
                private_der: Vec::new(),
                private_pem: String::new(),
                private_bytes: Vec::new(),
                public_pem: String::new(),
                public_bytes: Vec::new(),
            },
            Algorithm::Es256 => Self::es256(),
            Algorithm::EdDsa => Self::eddsa(),
            Algorithm::Rs256 => Self::rs256(),
        }
    }

    fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(MADE);
        let public = pair.public_key().clone();
        let private = pair.private_key().as_be_bytes().expect(WRITTEN);
        Self {
            private_bytes: private.as_ref().to_vec(),
            ..Self::pair(
                Algorithm::Es256,
                pair.to_pkcs8v1().expect(WRITTEN).as_ref(),
                AsDer::as_der(&public).expect(WRITTEN).as_ref(),
                public.as_ref(),
                Raw::Ecdsa(
                    pair,
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public).expect(MADE),
                ),
            )
        }
    }

    fn eddsa() -> Self {
        let pair = Ed25519KeyPair::generate().expect(MADE);
        let public = pair.public_key().clone();
        let seed = pair.seed().expect(WRITTEN).as_be_bytes().expect(WRITTEN);
        Self {
            private_bytes: seed.as_ref().to_vec(),
            ..Self::pair(
                Algorithm::EdDsa,
                pair.to_pkcs8v1().expect(WRITTEN).as_ref(),
                public.as_der().expect(WRITTEN).as_ref(),
                public.as_ref(),
                Raw::Ed25519(pair, ParsedPublicKey::new(&ED25519, &public).expect(MADE)),
            )
        }
    }

    fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect(MADE);
        let public = pair.public_key().clone();
        Self::pair(
            Algorithm::Rs256,
            pair.as_der().expect(WRITTEN).as_ref(),
            public.as_der().expect(WRITTEN).as_ref(),
            public.as_ref(),
            Raw::Rsa(
                pair,
                ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public).expect(MADE),
            ),
        )
    }

    fn pair(
        algorithm: Algorithm,
        private_der: &[u8],
        public_der: &[u8],
        public: &[u8],
        raw: Raw,
    ) -> Self {
        Self {
            algorithm,
            raw: Arc::new(raw),
            secret: "",
            private_der: private_der.to_vec(),
            private_pem: pem("PRIVATE KEY", private_der),
            private_bytes: Vec::new(),
            public_pem: pem("PUBLIC KEY", public_der),
            public_bytes: public.to_vec(),
        }
    }
}

const MADE: &str = "a key can be made";
const WRITTEN: &str = "a key can be written";

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        STANDARD.encode_append(line, &mut text);
        text.push('\n');
    }
    text + "-----END " + label + "-----\n"
}
