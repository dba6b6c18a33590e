//! jwt-simple: RSA on `BoringSSL` (feature `boringssl`) or on Rust alone, the rest on Rust.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, LIFETIME, Own, SUBJECT, TOKEN_ID, own};
use jwt_simple::prelude::*;
use std::collections::HashSet;
use std::hint::black_box;

const NAME: &str = if cfg!(feature = "boringssl") {
    "jwt-simple"
} else {
    "jwt-simple (pure-rust)"
};

fn options() -> VerificationOptions {
    VerificationOptions {
        allowed_issuers: Some(HashSet::from_strings(&[ISSUER])),
        allowed_audiences: Some(HashSet::from_strings(&[AUDIENCE])),
        time_tolerance: Some(Duration::from_secs(0)),
        ..VerificationOptions::default()
    }
}

fn claims() -> JWTClaims<Own> {
    Claims::with_custom_claims(own(), Duration::from_secs(LIFETIME.as_secs()))
        .with_issuer(ISSUER)
        .with_audience(AUDIENCE)
        .with_subject(SUBJECT)
        .with_jwt_id(TOKEN_ID)
}

/// Its calls take options and claims by value, so each call makes a copy.
fn on(
    verify: impl Fn(&str, VerificationOptions) -> bool + Send + Sync + 'static,
    issue: impl Fn(JWTClaims<Own>) -> Result<String, jwt_simple::Error> + 'static,
) -> Contender {
    let (options, claims) = (options(), claims());
    Contender::new(NAME, move |token| verify(token, options.clone()))
        .issuing(move || issue(black_box(&claims).clone()).expect("it issues"))
}

pub(crate) fn contender(keys: &Keys) -> Contender {
    match keys.algorithm {
        Algorithm::Hs256 => {
            let key = HS256Key::from_bytes(keys.secret.as_bytes());
            let issuing = key.clone();
            on(
                move |token, options| {
                    black_box(key.verify_token::<Own>(token, Some(options))).is_ok()
                },
                move |claims| issuing.authenticate(claims),
            )
        }
        Algorithm::Es256 => {
            let pair = ES256KeyPair::from_bytes(&keys.private_bytes).expect(GOOD);
            let public = ES256PublicKey::from_pem(&keys.public_pem).expect(GOOD);
            on(
                move |token, options| {
                    black_box(public.verify_token::<Own>(token, Some(options))).is_ok()
                },
                move |claims| pair.sign(claims),
            )
        }
        Algorithm::EdDsa => {
            let both = [&*keys.private_bytes, &*keys.public_bytes].concat();
            let pair = Ed25519KeyPair::from_bytes(&both).expect(GOOD);
            let public = Ed25519PublicKey::from_pem(&keys.public_pem).expect(GOOD);
            on(
                move |token, options| {
                    black_box(public.verify_token::<Own>(token, Some(options))).is_ok()
                },
                move |claims| pair.sign(claims),
            )
        }
        Algorithm::Rs256 => {
            let pair = RS256KeyPair::from_pem(&keys.private_pem).expect(GOOD);
            let public = RS256PublicKey::from_pem(&keys.public_pem).expect(GOOD);
            on(
                move |token, options| {
                    black_box(public.verify_token::<Own>(token, Some(options))).is_ok()
                },
                move |claims| pair.sign(claims),
            )
        }
    }
}

const GOOD: &str = "a good key";
