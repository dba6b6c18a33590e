//! What a request costs: header, verify, issue, the whole extractor; beside each verify and issue figure, in the
//! same run on the same token, `jsonwebtoken` and the raw primitive of aws-lc-rs.
//!
//! `cargo bench --all-features --bench request`. Compare figures of one run only: machines are noisy.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair,
};
use aws_lc_rs::{encoding::AsDer as _, hmac};
use axum::extract::FromRequestParts as _;
use base64_simd::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use portcullis::extract::Verified;
use portcullis::token::{Algorithm, SigningKey};
use portcullis::{BearerToken, TokenIssuer, TokenVerifier, UserId};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://auth.example.com/";
const AUDIENCE: &str = "https://api.example.com";
const SUBJECT: &str = "8f14e45f-ceea-467f-a5d6-1b1c7a3c9e0b";

/// The application's own claims; with the registered ones about 270 bytes of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Own {
    role: String,
    email: String,
}

fn own() -> Own {
    Own {
        role: "administrator".into(),
        email: "somebody@example.com".into(),
    }
}

/// The same claims for `jsonwebtoken`, which wants them in one struct.
#[derive(Debug, Serialize, Deserialize)]
struct All {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    role: String,
    email: String,
}

/// One algorithm, in the hands of all three.
struct Contestants {
    algorithm: Algorithm,
    peer_algorithm: jsonwebtoken::Algorithm,
    signing: SigningKey,
    peer_signing: EncodingKey,
    peer_verifying: DecodingKey,
    raw: Raw,
}

enum Raw {
    Hmac(hmac::Key),
    Ecdsa(EcdsaKeyPair, ParsedPublicKey),
    Ed25519(Ed25519KeyPair, ParsedPublicKey),
    Rsa(RsaKeyPair, ParsedPublicKey),
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn contestants() -> Vec<Contestants> {
    let secret = [0x5a; 32];
    let hs256 = Contestants {
        algorithm: Algorithm::Hs256,
        peer_algorithm: jsonwebtoken::Algorithm::HS256,
        signing: SigningKey::from_secret(Algorithm::Hs256, &secret).unwrap(),
        peer_signing: EncodingKey::from_secret(&secret),
        peer_verifying: DecodingKey::from_secret(&secret),
        raw: Raw::Hmac(hmac::Key::new(hmac::HMAC_SHA256, &secret)),
    };

    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let public =
        ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key()).unwrap();
    let es256 = Contestants {
        algorithm: Algorithm::Es256,
        peer_algorithm: jsonwebtoken::Algorithm::ES256,
        signing: SigningKey::from_pem(
            Algorithm::Es256,
            pem("PRIVATE KEY", der.as_ref()).as_bytes(),
        )
        .unwrap(),
        peer_signing: EncodingKey::from_ec_der(der.as_ref()),
        peer_verifying: DecodingKey::from_ec_der(pair.public_key().as_ref()),
        raw: Raw::Ecdsa(pair, public),
    };

    let pair = Ed25519KeyPair::generate().unwrap();
    let der = pair.to_pkcs8().unwrap();
    let public = ParsedPublicKey::new(&signature::ED25519, pair.public_key()).unwrap();
    let eddsa = Contestants {
        algorithm: Algorithm::EdDsa,
        peer_algorithm: jsonwebtoken::Algorithm::EdDSA,
        signing: SigningKey::from_pem(
            Algorithm::EdDsa,
            pem("PRIVATE KEY", der.as_ref()).as_bytes(),
        )
        .unwrap(),
        peer_signing: EncodingKey::from_ed_der(der.as_ref()),
        peer_verifying: DecodingKey::from_ed_der(pair.public_key().as_ref()),
        raw: Raw::Ed25519(pair, public),
    };

    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der = pair.as_der().unwrap();
    let private_pem = pem("PRIVATE KEY", der.as_ref());
    let public =
        ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pair.public_key()).unwrap();
    let rs256 = Contestants {
        algorithm: Algorithm::Rs256,
        peer_algorithm: jsonwebtoken::Algorithm::RS256,
        signing: SigningKey::from_pem(Algorithm::Rs256, private_pem.as_bytes()).unwrap(),
        peer_signing: EncodingKey::from_rsa_pem(private_pem.as_bytes()).unwrap(),
        peer_verifying: DecodingKey::from_rsa_der(pair.public_key().as_ref()),
        raw: Raw::Rsa(pair, public),
    };
    vec![hs256, es256, eddsa, rs256]
}

/// What `jsonwebtoken` checks when it is told to check what we check.
fn validation(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    validation
}

fn raw_verify(raw: &Raw, input: &[u8], signature: &[u8]) -> bool {
    match raw {
        Raw::Hmac(key) => hmac::verify(key, input, signature).is_ok(),
        Raw::Ecdsa(_, key) | Raw::Ed25519(_, key) | Raw::Rsa(_, key) => {
            key.verify_sig(input, signature).is_ok()
        }
    }
}

fn raw_sign(raw: &Raw, input: &[u8]) -> usize {
    match raw {
        Raw::Hmac(key) => hmac::sign(key, input).as_ref().len(),
        Raw::Ecdsa(pair, _) => pair
            .sign(&SystemRandom::new(), input)
            .unwrap()
            .as_ref()
            .len(),
        Raw::Ed25519(pair, _) => pair.sign(input).as_ref().len(),
        Raw::Rsa(pair, _) => {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                input,
                &mut signature,
            )
            .unwrap();
            signature.len()
        }
    }
}

fn tokens(criterion: &mut Criterion) {
    // `jsonwebtoken` wants to be told which of its two backends to use; portcullis never asks it.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
    for contestants in contestants() {
        let Contestants {
            algorithm,
            peer_algorithm,
            signing,
            peer_signing,
            peer_verifying,
            raw,
        } = contestants;
        let subject = UserId::new(SUBJECT).unwrap();
        let verifier = TokenVerifier::builder(ISSUER, AUDIENCE, signing.verifying_key())
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder(ISSUER, AUDIENCE, signing)
            .lifetime(Duration::from_secs(86_400))
            .build()
            .unwrap();
        let token = issuer.issue_with(&subject, &own()).unwrap();
        let token = token.expose();
        let (input, tag) = token.rsplit_once('.').unwrap();
        let tag = URL_SAFE_NO_PAD.decode_to_vec(tag).unwrap();
        let validation = validation(peer_algorithm);

        // What is timed below succeeds.
        assert_eq!(
            verifier.verify_with::<Own>(token).unwrap().extra().role,
            "administrator"
        );
        assert_eq!(
            jsonwebtoken::decode::<All>(token, &peer_verifying, &validation)
                .unwrap()
                .claims
                .sub,
            SUBJECT
        );
        assert!(raw_verify(&raw, input.as_bytes(), &tag));

        let mut group = criterion.benchmark_group(format!("verify/{algorithm}"));
        group.bench_function("portcullis", |b| {
            b.iter(|| verifier.verify_with::<Own>(black_box(token)).unwrap())
        });
        group.bench_function("jsonwebtoken", |b| {
            b.iter(|| {
                jsonwebtoken::decode::<All>(black_box(token), &peer_verifying, &validation).unwrap()
            });
        });
        group.bench_function("aws-lc-rs", |b| {
            b.iter(|| raw_verify(&raw, black_box(input.as_bytes()), black_box(&tag)))
        });
        group.finish();

        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let header = jsonwebtoken::Header {
            typ: Some("at+jwt".into()),
            ..jsonwebtoken::Header::new(peer_algorithm)
        };
        let own = own();
        let all = All {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: SUBJECT.into(),
            iat: now,
            exp: now + 900,
            jti: "AAAAAAAAAAAAAAAAAAAAAA".into(),
            role: own.role.clone(),
            email: own.email.clone(),
        };
        let mut group = criterion.benchmark_group(format!("issue/{algorithm}"));
        group.bench_function("portcullis", |b| {
            b.iter(|| issuer.issue_with(black_box(&subject), &own).unwrap())
        });
        group.bench_function("jsonwebtoken", |b| {
            b.iter(|| jsonwebtoken::encode(&header, black_box(&all), &peer_signing).unwrap());
        });
        group.bench_function("aws-lc-rs", |b| {
            b.iter(|| raw_sign(&raw, black_box(input.as_bytes())))
        });
        group.finish();
    }
}

#[derive(Clone)]
struct App {
    verifier: TokenVerifier,
}

impl axum::extract::FromRef<App> for TokenVerifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

fn requests(criterion: &mut Criterion) {
    let key = SigningKey::from_secret(Algorithm::Hs256, &[0x5a; 32]).unwrap();
    let verifier = TokenVerifier::builder(ISSUER, AUDIENCE, key.verifying_key())
        .build()
        .unwrap();
    let issuer = TokenIssuer::builder(ISSUER, AUDIENCE, key)
        .lifetime(Duration::from_secs(86_400))
        .build()
        .unwrap();
    let token = issuer
        .issue_with(&UserId::new(SUBJECT).unwrap(), &own())
        .unwrap();
    let request = http::Request::builder()
        .header("authorization", format!("Bearer {}", token.expose()))
        .body(())
        .unwrap();
    let (mut parts, ()) = request.into_parts();
    let app = App { verifier };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();

    assert!(BearerToken::from_headers(&parts.headers).is_ok());
    assert!(
        runtime
            .block_on(Verified::<Own>::from_request_parts(&mut parts, &app))
            .is_ok()
    );
    assert!(app.verifier.verify("not a token").is_err());

    let mut group = criterion.benchmark_group("request");
    group.bench_function("header", |b| {
        b.iter(|| BearerToken::from_headers(black_box(&parts.headers)).unwrap())
    });
    group.bench_function("extractor/HS256", |b| {
        b.iter(|| {
            runtime
                .block_on(Verified::<Own>::from_request_parts(&mut parts, &app))
                .unwrap()
        });
    });
    group.bench_function("refuse/not a token", |b| {
        b.iter(|| app.verifier.verify(black_box("not a token")).unwrap_err())
    });
    let forged = format!(
        "{}A{}",
        &token.expose()[..token.expose().len() - 2],
        &token.expose()[token.expose().len() - 1..]
    );
    group.bench_function("refuse/wrong signature", |b| {
        b.iter(|| app.verifier.verify(black_box(&forged)).unwrap_err())
    });
    group.finish();
}

criterion_group!(benches, tokens, requests);
criterion_main!(benches);
