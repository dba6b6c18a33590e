//! The tokens for verifiers in other languages, and portcullis as one of those who verify them.
//!
//! `languages/compare.py` starts each verifier as a process, writes `ALGORITHM COUNT` to it and reads the nanoseconds that so
//! many verifications took: what is measured is work, not the start of an interpreter.

use crate::keys::{Algorithm, Keys};
use crate::sample::{AUDIENCE, ISSUER, Own, bad_tokens, usual_token};
use portcullis::TokenVerifier;
use portcullis::token::{self, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{self, BufRead as _, Write as _};
use std::time::Instant;

#[derive(Serialize, Deserialize)]
struct Exchange {
    issuer: String,
    audience: String,
    algorithms: BTreeMap<String, Tokens>,
}

#[derive(Serialize, Deserialize)]
struct Tokens {
    secret: String,
    public_pem: String,
    good: String,
    /// What is wrong with it, and the token.
    bad: Vec<(String, String)>,
}

/// Writes the tokens and the keys to verify them with.
pub(crate) fn write() {
    let algorithms = Algorithm::ALL.map(|algorithm| {
        let keys = Keys::new(algorithm);
        let bad = bad_tokens(&keys);
        let tokens = Tokens {
            secret: keys.secret.into(),
            public_pem: keys.public_pem.clone(),
            good: usual_token(&keys),
            bad: bad
                .into_iter()
                .map(|(what, token)| (what.into(), token))
                .collect(),
        };
        (algorithm.to_string(), tokens)
    });
    let exchange = Exchange {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: algorithms.into_iter().collect(),
    };
    let text = serde_json::to_string_pretty(&exchange).expect("it is JSON");
    println!("{text}");
}

fn verifier(exchange: &Exchange, name: &str, tokens: &Tokens, cached: bool) -> TokenVerifier {
    let pem = |algorithm| VerifyingKey::from_pem(algorithm, tokens.public_pem.as_bytes());
    let key = match name {
        "HS256" => VerifyingKey::from_secret(token::Algorithm::Hs256, tokens.secret.as_bytes()),
        "ES256" => pem(token::Algorithm::Es256),
        "EdDSA" => pem(token::Algorithm::EdDsa),
        _ => pem(token::Algorithm::Rs256),
    };
    let key = key.expect("a good key");
    let builder =
        TokenVerifier::builder(&*exchange.issuer, &*exchange.audience, key).token_type("JWT");
    let builder = if cached {
        builder.cache(1 << 20)
    } else {
        builder
    };
    builder.build().expect("a good verifier")
}

/// What comes back is made up in full and dropped; the cache has what it gives out already made.
fn verifies(verifier: &TokenVerifier, token: &str, cached: bool) -> bool {
    if cached {
        black_box(verifier.verify_shared::<Own>(token)).is_ok()
    } else {
        black_box(verifier.verify_with::<Own>(token)).is_ok()
    }
}

/// Verifies what it is told to until its input ends, and remembers what it verified if it is `cached`.
pub(crate) fn work(file: &str, cached: bool) -> io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let exchange: Exchange = serde_json::from_str(&text)?;
    let verifiers: BTreeMap<&str, (TokenVerifier, &Tokens)> = exchange
        .algorithms
        .iter()
        .map(|(name, tokens)| (&**name, (verifier(&exchange, name, tokens, cached), tokens)))
        .collect();
    for (verifier, tokens) in verifiers.values() {
        assert!(verifies(verifier, &tokens.good, cached));
        for (what, token) in &tokens.bad {
            assert!(!verifies(verifier, token, cached), "takes a token {what}");
        }
    }
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (name, count) = line.split_once(' ').expect("ALGORITHM COUNT");
        let (verifier, tokens) = &verifiers[name];
        let count: u64 = count.parse().expect("a number");
        let start = Instant::now();
        for _ in 0..count {
            assert!(verifies(verifier, black_box(&tokens.good), cached));
        }
        println!("{}", start.elapsed().as_nanos());
        io::stdout().flush()?;
    }
    Ok(())
}
