//! biscuit, on ring. It knows no `EdDSA`.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, LIFETIME, Own, SUBJECT, TOKEN_ID, now, own};
use biscuit::jwa::SignatureAlgorithm;
use biscuit::jws::{Header, RegisteredHeader, Secret};
use biscuit::{
    ClaimPresenceOptions, ClaimsSet, Empty, JWT, Presence, RegisteredClaims, SingleOrMultiple,
    Timestamp, Validation, ValidationOptions,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use std::hint::black_box;
use std::sync::Arc;

fn options() -> ValidationOptions {
    ValidationOptions {
        claim_presence_options: ClaimPresenceOptions {
            expiry: Presence::Required,
            issuer: Presence::Required,
            audience: Presence::Required,
            subject: Presence::Required,
            ..ClaimPresenceOptions::default()
        },
        issuer: Validation::Validate(ISSUER.into()),
        audience: Validation::Validate(AUDIENCE.into()),
        ..ValidationOptions::default()
    }
}

fn claims() -> ClaimsSet<Own> {
    let now = i64::try_from(now().as_secs()).expect("a year we live to see");
    let later = now + i64::try_from(LIFETIME.as_secs()).expect("half a day");
    ClaimsSet {
        registered: RegisteredClaims {
            issuer: Some(ISSUER.into()),
            subject: Some(SUBJECT.into()),
            audience: Some(SingleOrMultiple::Single(AUDIENCE.into())),
            expiry: Some(Timestamp::from(later)),
            not_before: Some(Timestamp::from(now)),
            issued_at: Some(Timestamp::from(now)),
            id: Some(TOKEN_ID.into()),
        },
        private: own(),
    }
}

pub(crate) fn contender(keys: &Keys) -> Option<Contender> {
    let (algorithm, signing, verifying) = match keys.algorithm {
        Algorithm::Hs256 => {
            let secret = Secret::Bytes(keys.secret.into());
            (SignatureAlgorithm::HS256, secret.clone(), secret)
        }
        Algorithm::Es256 => {
            let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(alg, &keys.private_der, &SystemRandom::new());
            let pair = Secret::EcdsaKeyPair(Arc::new(pair.expect("a good key")));
            let public = Secret::PublicKey(keys.public_bytes.clone());
            (SignatureAlgorithm::ES256, pair, public)
        }
        Algorithm::EdDsa => return None,
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(&keys.private_der).expect("a good key");
            let pair = Secret::RsaKeyPair(Arc::new(pair));
            let public = Secret::PublicKey(keys.public_bytes.clone());
            (SignatureAlgorithm::RS256, pair, public)
        }
    };
    let options = options();
    let verify = move |token: &str| {
        let encoded = JWT::<Own, Empty>::new_encoded(token);
        let Ok(token) = encoded.into_decoded(&verifying, algorithm) else {
            return false;
        };
        let (header, claims) = token.unwrap_decoded();
        let valid = claims.registered.validate(options.clone()).is_ok();
        black_box((header, claims));
        valid
    };
    let header = Header::from_registered_header(RegisteredHeader {
        algorithm,
        ..RegisteredHeader::default()
    });
    let token = JWT::<Own, Empty>::new_decoded(header, claims());
    Some(Contender::new("biscuit", verify).issuing(move || {
        let encoded = black_box(&token).encode(&signing).expect("it issues");
        encoded.encoded().expect("it is encoded").encode()
    }))
}
