//! portcullis.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, LIFETIME, Own, SUBJECT, own, usual_token};
use portcullis::token::{self, Scratch, SigningKey, VerifyingKey};
use portcullis::{Claims, TokenIssuer, TokenVerifier, UserId};
use serde::Deserialize;
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

pub(crate) const OURS: &str = "portcullis";
pub(crate) const BORROWED: &str = "portcullis, borrowed";
pub(crate) const CACHED: &str = "portcullis, cached";

/// [`Own`], read where it lies.
#[derive(Deserialize)]
struct OwnBorrowed<'a> {
    role: &'a str,
    email: &'a str,
}

thread_local! {
    /// One for each thread, as a server would keep it.
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
}

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
    let builder =
        || TokenVerifier::builder(ISSUER, AUDIENCE, key.verifying_key()).token_type("JWT");
    let verifier = builder().build().expect("a good verifier");
    let borrowing = verifier.clone();
    let caching = builder().cache(1 << 20).build().expect("a good verifier");
    let remembered = move |token: &str| caching.verify_shared::<Own>(token);
    let seen = usual_token(keys);
    let [first, again] = [(); 2].map(|()| remembered(&seen).expect("a good token"));
    assert!(Arc::ptr_eq(&first, &again), "it remembers nothing");
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
    let borrow = move |token: &str| {
        SCRATCH.with_borrow_mut(|scratch| {
            let claims = borrowing.verify_borrowed::<OwnBorrowed<'_>>(token, scratch);
            claims.is_ok_and(|claims| {
                let own = claims.extra();
                black_box((claims.subject(), own.role, own.email));
                true
            })
        })
    };
    vec![
        Contender::new(OURS, verify).issuing(issue),
        Contender::new(BORROWED, borrow),
        Contender::new(CACHED, move |token| black_box(remembered(token)).is_ok()),
    ]
}
