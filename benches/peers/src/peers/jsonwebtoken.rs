//! jsonwebtoken 11, on aws-lc-rs, told to check what portcullis checks.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, All, ISSUER, all};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use std::hint::black_box;

fn named(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
    }
}

pub(crate) fn decoding_key(keys: &Keys) -> DecodingKey {
    let pem = keys.public_pem.as_bytes();
    match keys.algorithm {
        Algorithm::Hs256 => Ok(DecodingKey::from_secret(keys.secret.as_bytes())),
        Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
    }
    .expect("a good key")
}

fn encoding_key(keys: &Keys) -> EncodingKey {
    let pem = keys.private_pem.as_bytes();
    match keys.algorithm {
        Algorithm::Hs256 => Ok(EncodingKey::from_secret(keys.secret.as_bytes())),
        Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
        Algorithm::EdDsa => EncodingKey::from_ed_pem(pem),
        Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
    }
    .expect("a good key")
}

pub(crate) fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(named(algorithm));
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    validation
}

pub(crate) fn contender(keys: &Keys) -> Contender {
    let (key, validation) = (decoding_key(keys), validation(keys.algorithm));
    let verify = move |token: &str| {
        let claims = jsonwebtoken::decode::<All>(token, &key, &validation);
        black_box(claims).is_ok()
    };
    let (key, header, claims) = (
        encoding_key(keys),
        Header::new(named(keys.algorithm)),
        all(),
    );
    Contender::new("jsonwebtoken", verify).issuing(move || {
        jsonwebtoken::encode(&header, black_box(&claims), &key).expect("it issues")
    })
}
