//! Key confusion: whatever an attacker can know of a public key, used as a secret for HMAC.

use super::forge::{encode, sign};
use portcullis::token::{Algorithm, SigningKey, TokenError, VerifyingKey};
use portcullis::{TokenIssuer, TokenVerifier, UserId};

fn spki(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        base64_simd::STANDARD.encode_to_string(der)
    )
}

/// Everything derived from a public key that libraries were seen to take as a secret.
fn public_texts(key: &SigningKey) -> Vec<Vec<u8>> {
    let jwk = key.verifying_key().to_jwk().unwrap();
    let mut texts: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\0".to_vec(),
        jwk.clone().into_bytes(),
        key.verifying_key().thumbprint().unwrap().into_bytes(),
        key.kid().unwrap().as_bytes().to_vec(),
    ];
    let members: serde_json::Value = serde_json::from_str(&jwk).unwrap();
    let mut raw = vec![4];
    for name in ["x", "y", "n", "e", "crv", "kty", "alg"] {
        if let Some(text) = members[name].as_str() {
            texts.push(text.as_bytes().to_vec());
            if let Ok(bytes) = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text) {
                raw.extend_from_slice(&bytes);
                texts.push(bytes);
            }
        }
    }
    for der in [raw.clone(), raw[1..].to_vec()] {
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
            let pem = spki(label, &der);
            texts.extend([
                pem.clone().into_bytes(),
                pem.trim_end().into(),
                format!("\n{pem}").into(),
                pem.replace('\n', "\r\n").into(),
            ]);
        }
        texts.push(der);
    }
    texts
}

#[test]
fn a_public_key_is_never_a_secret() {
    for algorithm in [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Ps256,
    ] {
        let key = SigningKey::generate(algorithm).unwrap().with_kid("k1");
        let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key())
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder("iss", "aud", key.clone())
            .build()
            .unwrap();
        let token = issuer.issue(&UserId::new("someone").unwrap()).unwrap();
        verifier.verify(token.expose()).unwrap();
        let payload = token.expose().split('.').nth(1).unwrap();

        for text in public_texts(&key) {
            for hmac in ["HS256", "HS384", "HS512", "hs256"] {
                let header = encode(format!(r#"{{"alg":"{hmac}","typ":"at+jwt","kid":"k1"}}"#));
                let forged = sign(&format!("{header}.{payload}"), &text);
                assert_eq!(
                    verifier.verify(&forged).unwrap_err(),
                    TokenError::Algorithm,
                    "{algorithm} {hmac}"
                );
            }
            // Even behind a header that names the right algorithm, an HMAC is no signature.
            let header = token.expose().split('.').next().unwrap();
            assert_eq!(
                verifier
                    .verify(&sign(&format!("{header}.{payload}"), &text))
                    .unwrap_err(),
                TokenError::Signature
            );
        }
    }
}

#[test]
fn a_verifier_of_secrets_takes_no_signature_of_a_key_pair() {
    let secret = VerifyingKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", secret)
        .build()
        .unwrap();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = TokenIssuer::builder("iss", "aud", key)
            .build()
            .unwrap()
            .issue(&UserId::new("x").unwrap())
            .unwrap();
        assert_eq!(
            verifier.verify(token.expose()).unwrap_err(),
            TokenError::Algorithm
        );
    }
}

#[test]
fn a_key_that_a_token_brings_along_is_never_used() {
    // The attacker's own key, its JWK in the header, its signature under it: all consistent, all refused.
    let trusted = SigningKey::generate(Algorithm::Es256).unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", trusted.verifying_key())
        .build()
        .unwrap();
    let own = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = TokenIssuer::builder("iss", "aud", own.clone())
        .build()
        .unwrap()
        .issue(&UserId::new("x").unwrap())
        .unwrap();
    let (_, rest) = token.expose().split_once('.').unwrap();
    let jwk = own.verifying_key().to_jwk().unwrap();
    for parameter in [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"http://127.0.0.1:9/keys""#.into(),
        r#""x5u":"http://127.0.0.1:9/c""#.into(),
        r#""x5c":["AA"]"#.into(),
    ] {
        let header = encode(format!(r#"{{"alg":"ES256","typ":"at+jwt",{parameter}}}"#));
        assert_eq!(
            verifier.verify(&format!("{header}.{rest}")).unwrap_err(),
            TokenError::HeaderParameter
        );
    }
}
