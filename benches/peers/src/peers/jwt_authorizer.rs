//! jwt-authorizer, on jsonwebtoken 9 and ring: what its axum layer does with a token. It only verifies.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, All, ISSUER};
use futures_util::FutureExt as _;
use jwt_authorizer::{Authorizer, JwtAuthorizer, Validation};
use std::hint::black_box;

pub(crate) fn contender(keys: &Keys) -> Contender {
    let pem = &*keys.public_pem;
    let builder: JwtAuthorizer<All> = match keys.algorithm {
        Algorithm::Hs256 => JwtAuthorizer::from_secret(keys.secret),
        Algorithm::Es256 => JwtAuthorizer::from_ec_pem_text(pem),
        Algorithm::EdDsa => JwtAuthorizer::from_ed_pem_text(pem),
        Algorithm::Rs256 => JwtAuthorizer::from_rsa_pem_text(pem),
    };
    let validation = Validation::new()
        .iss(&[ISSUER])
        .aud(&[AUDIENCE])
        .nbf(true)
        .leeway(0);
    let authorizer: Authorizer<All> = builder
        .validation(validation)
        .build()
        .now_or_never()
        .expect("a key at hand is not waited for")
        .expect("a good key");
    Contender::new("jwt-authorizer", move |token| {
        let claims = authorizer.check_auth(token).now_or_never();
        black_box(claims.expect("a key at hand is not waited for")).is_ok()
    })
}
