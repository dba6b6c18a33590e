//! A forger's bench: tokens with any header, payload and signature, under keys the verifiers know.

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use portcullis::TokenVerifier;
use portcullis::clock::Clock;
use portcullis::token::{Algorithm, TokenError, VerifyingKey};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) const SECRET: &[u8] = b"a secret of more than 32 bytes for tests only";
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

/// A clock that stands, at any fraction of a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped(pub(super) Duration);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.0
    }
}

pub(super) fn verifier() -> TokenVerifier {
    verifier_at(Duration::from_secs(NOW))
}

pub(super) fn verifier_at(now: Duration) -> TokenVerifier {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    TokenVerifier::builder("https://issuer.example", "api", key)
        .clock(Stopped(now))
        .build()
        .unwrap()
}

/// A good payload with `more` behind its last member: `,"name":value`, or nothing.
pub(super) fn payload(more: &str) -> String {
    format!(
        r#"{{"iss":"https://issuer.example","aud":"api","sub":"someone","iat":{},"exp":{},"jti":"j"{more}}}"#,
        NOW - 10,
        NOW + 100
    )
}

/// A good payload in which the member `name` has another value, or is left out.
pub(super) fn payload_with(name: &str, value: Option<&str>) -> String {
    let mut members = vec![
        ("iss", r#""https://issuer.example""#.to_owned()),
        ("aud", r#""api""#.to_owned()),
        ("sub", r#""someone""#.to_owned()),
        ("iat", (NOW - 10).to_string()),
        ("exp", (NOW + 100).to_string()),
        ("jti", r#""j""#.to_owned()),
    ];
    members.retain(|(known, _)| *known != name);
    if let Some(value) = value {
        members.push((name, value.to_owned()));
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// A token whose signature is right, whatever it says.
pub(super) fn token(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign(&format!("{}.{}", encode(header), encode(payload)), SECRET)
}

pub(super) fn sign(input: &str, secret: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", encode(tag))
}

#[track_caller]
pub(super) fn accepts(token: &str) {
    assert_eq!(
        verifier()
            .verify(token)
            .map(|claims| claims.subject().to_string()),
        Ok("someone".into()),
        "{token}"
    );
}

#[track_caller]
pub(super) fn refuses(token: &str, with: TokenError) {
    assert_eq!(
        verifier()
            .verify(token)
            .map(|claims| claims.subject().to_string()),
        Err(with),
        "{token}"
    );
}
