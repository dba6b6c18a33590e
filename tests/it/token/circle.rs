//! Issue and verify: the full circle, for every algorithm.

use portcullis::token::{Algorithm, SigningKey};
use portcullis::{TokenIssuer, TokenVerifier, UserId};
use serde::{Deserialize, Serialize};

pub(super) const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Own {
    role: String,
    nested: Vec<Option<u8>>,
}

#[test]
fn what_is_issued_verifies_with_every_algorithm() {
    for algorithm in ALGORITHMS {
        let key = SigningKey::generate(algorithm).unwrap().with_kid("k1");
        let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key())
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
        let own = Own {
            role: "a\"b".into(),
            nested: vec![Some(1), None],
        };
        let token = issuer
            .issue_with(&UserId::new("someone").unwrap(), &own)
            .unwrap();
        let claims = verifier.verify_with::<Own>(token.expose()).unwrap();
        assert_eq!(claims.subject().as_str(), "someone", "{algorithm}");
        assert_eq!(*claims.extra(), own, "{algorithm}");
        assert_eq!(claims.token_id().map(str::len), Some(22), "{algorithm}");
        verifier.verify(token.expose()).unwrap();
    }
}
