//! Against `jsonwebtoken`, with both of its backends in the build: what either issues, the other verifies, and
//! nothing here asks its process-wide provider.

use super::forge::NOW;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use portcullis::token::{Algorithm, SigningKey, VerifyingKey};
use portcullis::{TokenIssuer, TokenVerifier, UserId};
use serde_json::{Value, json};

/// Named, never installed: with two backends in one build `jsonwebtoken`'s own functions panic until somebody
/// chooses for the whole process, and that must not be a library.
const PROVIDER: &CryptoProvider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/it/token/keys/{name}.pem",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// Each algorithm with the same key on both sides.
fn pairs() -> Vec<(
    SigningKey,
    VerifyingKey,
    jsonwebtoken::Algorithm,
    EncodingKey,
    DecodingKey,
)> {
    use jsonwebtoken::Algorithm as Peer;
    let mut pairs = Vec::new();
    let secret = super::forge::SECRET.repeat(2);
    for (ours, theirs) in [
        (Algorithm::Hs256, Peer::HS256),
        (Algorithm::Hs384, Peer::HS384),
        (Algorithm::Hs512, Peer::HS512),
    ] {
        let key = SigningKey::from_secret(ours, &secret).unwrap();
        pairs.push((
            key.clone(),
            key.verifying_key(),
            theirs,
            EncodingKey::from_secret(&secret),
            DecodingKey::from_secret(&secret),
        ));
    }
    let mut add =
        |name: &str,
         ours,
         theirs,
         private: fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>,
         public: fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>| {
            let (private_pem, public_pem) = (pem(name), pem(&format!("{name}-public")));
            pairs.push((
                SigningKey::from_pem(ours, &private_pem).unwrap(),
                VerifyingKey::from_pem(ours, &public_pem).unwrap(),
                theirs,
                private(&private_pem).unwrap(),
                public(&public_pem).unwrap(),
            ));
        };
    add(
        "p256",
        Algorithm::Es256,
        Peer::ES256,
        EncodingKey::from_ec_pem,
        DecodingKey::from_ec_pem,
    );
    add(
        "p384",
        Algorithm::Es384,
        Peer::ES384,
        EncodingKey::from_ec_pem,
        DecodingKey::from_ec_pem,
    );
    add(
        "ed25519",
        Algorithm::EdDsa,
        Peer::EdDSA,
        EncodingKey::from_ed_pem,
        DecodingKey::from_ed_pem,
    );
    for (ours, theirs) in [
        (Algorithm::Rs256, Peer::RS256),
        (Algorithm::Rs384, Peer::RS384),
        (Algorithm::Rs512, Peer::RS512),
        (Algorithm::Ps256, Peer::PS256),
        (Algorithm::Ps384, Peer::PS384),
        (Algorithm::Ps512, Peer::PS512),
    ] {
        add(
            "rsa2048",
            ours,
            theirs,
            EncodingKey::from_rsa_pem,
            DecodingKey::from_rsa_pem,
        );
    }
    pairs
}

#[test]
fn each_verifies_what_the_other_issues() {
    for (signing, verifying, peer, encoding, decoding) in pairs() {
        let algorithm = signing.algorithm();
        let verifier = TokenVerifier::builder("iss", "aud", verifying)
            .clock(super::forge::Stopped(std::time::Duration::from_secs(NOW)))
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder("iss", "aud", signing).build().unwrap();

        let token = issuer
            .issue_with(&UserId::new("someone").unwrap(), &json!({"a": [1]}))
            .unwrap();
        let (input, signature) = token.expose().rsplit_once('.').unwrap();
        let raw = base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(signature)
            .unwrap();
        let theirs = (PROVIDER.verifier_factory)(&peer, &decoding).unwrap();
        assert!(theirs.verify(input.as_bytes(), &raw).is_ok(), "{algorithm}");

        let header = Header {
            typ: Some("at+jwt".into()),
            ..Header::new(peer)
        };
        let payload = json!({"iss": "iss", "aud": ["x", "aud"], "sub": "someone", "iat": NOW, "exp": NOW + 60, "jti": "j", "own": {"b": 2}});
        let input = format!(
            "{}.{}",
            super::forge::encode(serde_json::to_vec(&header).unwrap()),
            super::forge::encode(payload.to_string())
        );
        let signer = (PROVIDER.signer_factory)(&peer, &encoding).unwrap();
        let signature = signer.try_sign(input.as_bytes()).unwrap();
        let token = format!("{input}.{}", super::forge::encode(signature));
        let claims = verifier
            .verify_with::<Value>(&token)
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(claims.into_extra(), json!({"own": {"b": 2}}), "{algorithm}");
    }
}
