//! jwt-compact, on `RustCrypto`. It leaves `iss` and `aud` to the application.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, SUBJECT, TOKEN_ID, own};
use chrono::{Duration, Utc};
use jwt_compact::alg::{
    Ed25519, Es256, Hs256, Hs256Key, Rsa, SigningKey, StrongAlg, StrongKey, VerifyingKey,
};
use jwt_compact::prelude::*;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::Arc;

/// All claims that the library does not know itself.
#[derive(Debug, Serialize, Deserialize)]
struct Rest {
    sub: String,
    iss: String,
    aud: String,
    jti: String,
    role: String,
    email: String,
}

fn rest() -> Rest {
    let own = own();
    Rest {
        sub: SUBJECT.into(),
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        jti: TOKEN_ID.into(),
        role: own.role,
        email: own.email,
    }
}

fn on<A>(algorithm: A, signing: A::SigningKey, verifying: A::VerifyingKey) -> Contender
where
    A: jwt_compact::Algorithm + Send + Sync + 'static,
    A::SigningKey: 'static,
    A::VerifyingKey: Send + Sync + 'static,
{
    let algorithm = Arc::new(algorithm);
    let options = TimeOptions::from_leeway(Duration::zero());
    let verifier = Arc::clone(&algorithm);
    let verify = move |token: &str| {
        let Ok(untrusted) = UntrustedToken::new(token) else {
            return false;
        };
        let validator = verifier.validator::<Rest>(&verifying);
        let Ok(token) = validator.validate(&untrusted) else {
            return false;
        };
        let claims = token.claims();
        let valid = claims.validate_expiration(&options).is_ok()
            && claims.validate_maturity(&options).is_ok()
            && claims.custom.iss == ISSUER
            && claims.custom.aud == AUDIENCE;
        black_box(token);
        valid
    };
    let header = Header::empty().with_token_type("JWT");
    let claims = Claims::new(rest())
        .set_duration_and_issuance(&options, Duration::hours(12))
        .set_not_before(Utc::now());
    Contender::new("jwt-compact", verify).issuing(move || {
        let token = algorithm.token(&header, black_box(&claims), &signing);
        token.expect("it issues")
    })
}

pub(crate) fn contender(keys: &Keys) -> Contender {
    let (private, public) = (&*keys.private_bytes, &*keys.public_bytes);
    match keys.algorithm {
        Algorithm::Hs256 => {
            let key = || Hs256Key::new(keys.secret);
            on(Hs256, key(), key())
        }
        Algorithm::Es256 => on(
            Es256,
            SigningKey::<Es256>::from_slice(private).expect(GOOD),
            VerifyingKey::<Es256>::from_slice(public).expect(GOOD),
        ),
        Algorithm::EdDsa => on(
            Ed25519,
            SigningKey::<Ed25519>::from_slice(private).expect(GOOD),
            VerifyingKey::<Ed25519>::from_slice(public).expect(GOOD),
        ),
        Algorithm::Rs256 => {
            let private = RsaPrivateKey::from_pkcs8_der(&keys.private_der).expect(GOOD);
            let private = StrongKey::try_from(private).expect(GOOD);
            let public = private.to_public_key();
            on(StrongAlg(Rsa::rs256()), private, public)
        }
    }
}

const GOOD: &str = "a good key";
