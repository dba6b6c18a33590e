//! The claims, the keys and the tokens that every contender gets: the same bytes for all.

use crate::keys::Keys;
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const ISSUER: &str = "https://auth.example.com/";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const SUBJECT: &str = "8f14e45f-ceea-467f-a5d6-1b1c7a3c9e0b";
pub(crate) const TOKEN_ID: &str = "3b1f8c52-6f0e-4b7a-9d5c-2e8a7f40c6d1";
/// Half a day: long enough for any run, short enough for verifiers that bound lifetimes.
pub(crate) const LIFETIME: Duration = Duration::from_hours(12);

/// What the claims take as JSON: a size often seen.
pub(crate) const CLAIMS_BYTES: usize = 267;

/// The application's own claims.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Own {
    pub(crate) role: String,
    pub(crate) email: String,
}

/// All claims in one struct, for the libraries that want them so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct All {
    pub(crate) sub: String,
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) jti: String,
    pub(crate) role: String,
    pub(crate) email: String,
}

pub(crate) fn own() -> Own {
    Own {
        role: "administrator".into(),
        email: "somebody.else@example.com".into(),
    }
}

pub(crate) fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is after 1970")
}

/// Claims issued now.
pub(crate) fn all() -> All {
    let (now, own) = (now().as_secs(), own());
    All {
        sub: SUBJECT.into(),
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        exp: now + LIFETIME.as_secs(),
        iat: now,
        nbf: now,
        jti: TOKEN_ID.into(),
        role: own.role,
        email: own.email,
    }
}

/// A compact token over any payload. Its header is the one that most libraries write.
pub(crate) fn token(keys: &Keys, kid: Option<&str>, payload: &impl Serialize) -> String {
    let alg = keys.algorithm;
    let header = match kid {
        None => format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#),
        Some(kid) => format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{kid}"}}"#),
    };
    let payload = serde_json::to_vec(payload).expect("claims are JSON");
    let mut token = URL_SAFE_NO_PAD.encode_to_string(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(payload, &mut token);
    let encode = |signature: &[u8]| URL_SAFE_NO_PAD.encode_to_string(signature);
    let signature = keys.raw.sign(token.as_bytes(), encode);
    token + "." + &signature
}

/// The token that is verified over and over.
pub(crate) fn usual_token(keys: &Keys) -> String {
    let claims = all();
    let bytes = serde_json::to_vec(&claims).expect("claims are JSON").len();
    assert_eq!(bytes, CLAIMS_BYTES);
    token(keys, None, &claims)
}

/// Tokens that nobody may take: each is the usual one but for one thing.
pub(crate) fn bad_tokens(keys: &Keys) -> Vec<(&'static str, String)> {
    let good = usual_token(keys);
    let altered = |segment: usize| {
        let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
        let middle = parts[segment].len() / 2;
        let other = if &parts[segment][middle..=middle] == "A" {
            "B"
        } else {
            "A"
        };
        parts[segment].replace_range(middle..=middle, other);
        parts.join(".")
    };
    let claims = |change: fn(&mut All)| {
        let mut claims = all();
        change(&mut claims);
        token(keys, None, &claims)
    };
    vec![
        ("with altered claims", altered(1)),
        ("with an altered signature", altered(2)),
        (
            "that is expired",
            claims(|claims| claims.exp = claims.iat - 3600),
        ),
        ("that is not valid yet", claims(|claims| claims.nbf += 3600)),
        (
            "of another issuer",
            claims(|claims| claims.iss = "https://evil.example/".into()),
        ),
        (
            "for another audience",
            claims(|claims| claims.aud = "https://evil.example".into()),
        ),
    ]
}
