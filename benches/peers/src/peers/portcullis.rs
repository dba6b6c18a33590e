//! portcullis.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, LIFETIME, Own, SUBJECT, own};
use portcullis::token::{self, SigningKey, VerifyingKey};
use portcullis::{Claims, TokenIssuer, TokenVerifier, UserId};
use std::hint::black_box;

pub(crate) const OURS: &str = "portcullis";

fn signing_key(keys: &Keys) -> SigningKey {
    let secret = |algorithm| SigningKey::from_secret(algorithm, keys.secret.as_bytes());
    let pem = |algorithm| SigningKey::from_pem(algorithm, keys.private_pem.as_bytes());
    match keys.algorithm {
        Algorithm::Hs256 => secret(token::Algorithm::Hs256),
        Algorithm::Es256 => pem(token::Algorithm::Es256),
        Algorithm::EdDsa => pem(token::Algorithm::EdDsa),
        Algorithm::Rs256 => pem(token::Algorithm::Rs256),
    }
    .expect("a good key")
}

pub(crate) fn verifying_key(keys: &Keys) -> VerifyingKey {
    signing_key(keys).verifying_key()
}

/// Owned claims first; then every other way to verify.
pub(crate) fn contenders(keys: &Keys) -> Vec<Contender> {
    let key = signing_key(keys);
    let verifier = TokenVerifier::builder(ISSUER, AUDIENCE, key.verifying_key())
        .token_type("JWT")
        .build()
        .expect("a good verifier");
    let issuer = TokenIssuer::builder(ISSUER, AUDIENCE, key)
        .token_type("JWT")
        .lifetime(LIFETIME)
        .build()
        .expect("a good issuer");
    let (subject, own) = (UserId::new(SUBJECT).expect("an id"), own());
    let verify = move |token: &str| {
        let claims: Result<Claims<Own>, _> = verifier.verify_with(token);
        black_box(claims).is_ok()
    };
    let issue = move || {
        let token = issuer.issue_with(black_box(&subject), &own);
        token.expect("it issues").expose().to_owned()
    };
    vec![
        Contender::new(OURS, verify).issuing(issue),
        // PLACE for "portcullis, borrowed": `verify_borrowed` with a kept `Scratch`.
        // PLACE for "portcullis, cached": `verify_shared` of a verifier built with `cache`.
    ]
}
