//! josekit, on the system's OpenSSL.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, all};
use josekit::jws::{ES256, EdDSA, HS256, JwsHeader, JwsSigner, JwsVerifier, RS256};
use josekit::jwt::{JwtPayload, JwtPayloadValidator, decode_with_verifier, encode_with_signer};
use std::hint::black_box;
use std::time::SystemTime;

fn keys_of(keys: &Keys) -> (Box<dyn JwsSigner>, Box<dyn JwsVerifier>) {
    let (private, public) = (&keys.private_pem, &keys.public_pem);
    match keys.algorithm {
        Algorithm::Hs256 => (
            Box::new(HS256.signer_from_bytes(keys.secret).expect(GOOD)),
            Box::new(HS256.verifier_from_bytes(keys.secret).expect(GOOD)),
        ),
        Algorithm::Es256 => (
            Box::new(ES256.signer_from_pem(private).expect(GOOD)),
            Box::new(ES256.verifier_from_pem(public).expect(GOOD)),
        ),
        Algorithm::EdDsa => (
            Box::new(EdDSA.signer_from_pem(private).expect(GOOD)),
            Box::new(EdDSA.verifier_from_pem(public).expect(GOOD)),
        ),
        Algorithm::Rs256 => (
            Box::new(RS256.signer_from_pem(private).expect(GOOD)),
            Box::new(RS256.verifier_from_pem(public).expect(GOOD)),
        ),
    }
}

const GOOD: &str = "a good key";

/// Its claims are a map of JSON values, and its validator asks for one fixed time unless one is made for each token.
pub(crate) fn contender(keys: &Keys) -> Contender {
    let (signer, verifier) = keys_of(keys);
    let mut validator = JwtPayloadValidator::new();
    validator.set_issuer(ISSUER);
    validator.set_audience(AUDIENCE);
    let verify = move |token: &str| {
        let Ok((claims, header)) = decode_with_verifier(token, &*verifier) else {
            return false;
        };
        let valid = validator.validate(&claims).is_ok();
        black_box((claims, header));
        valid
    };
    let mut header = JwsHeader::new();
    header.set_token_type("JWT");
    let claims = serde_json::to_value(all()).expect("claims are JSON");
    let claims = claims.as_object().cloned().expect("claims are an object");
    let claims = JwtPayload::from_map(claims).expect("good claims");
    assert!(claims.expires_at() > Some(SystemTime::now()));
    Contender::new("josekit", verify).issuing(move || {
        encode_with_signer(black_box(&claims), &header, &*signer).expect("it issues")
    })
}
