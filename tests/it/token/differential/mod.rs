//! The verifier against a second one that is slow and simple, on tokens altered at random: the verdicts must agree, and
//! what is accepted must say the same.
//!
//! `PORTCULLIS_MUTATIONS=1000000 cargo test --all-features --test it differential` runs as many as it says.

mod mutate;
mod reference;

use super::forge::{NOW, SECRET, Stopped};
use mutate::Mutator;
use portcullis::TokenVerifier;
use portcullis::token::{Algorithm, Scratch, VerifyingKey};
use reference::Told;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

fn verifier(caches: bool) -> TokenVerifier {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET)
        .unwrap()
        .with_kid("k1");
    let builder = TokenVerifier::builder("https://issuer.example", "api", key)
        .clock(Stopped(Duration::from_secs(NOW)));
    let builder = if caches {
        builder.cache(1 << 20)
    } else {
        builder
    };
    builder.build().unwrap()
}

/// What the verifier under test makes of a token, by each of its ways.
fn told(verifier: &TokenVerifier, scratch: &mut Scratch, token: &str) -> Option<Told> {
    let read = verifier.verify_with::<Value>(token);
    let plain = verifier.verify(token);
    let borrowed = verifier.verify_borrowed::<IgnoredAny>(token, scratch);
    assert_eq!(plain.as_ref().err(), read.as_ref().err(), "{token}");
    assert_eq!(borrowed.as_ref().err(), read.as_ref().err(), "{token}");
    let claims = read.ok()?;
    assert_eq!(borrowed.unwrap().subject(), claims.subject().as_str());
    let seconds = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).unwrap();
    Some(Told {
        subject: claims.subject().to_string(),
        token_id: claims.token_id().map(Into::into),
        issued_at: seconds(claims.issued_at()).as_secs_f64(),
        expires_at: seconds(claims.expires_at()).as_secs_f64(),
        epoch: claims.epoch(),
        extra: blurred(claims.into_extra()),
    })
}

/// Without the last digits of floats, which `serde_json` does not always get right, and the reference is built on it.
fn blurred(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            format!("{:.12e}", number.as_f64().unwrap()).into()
        }
        Value::Array(items) => items.into_iter().map(blurred).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, blurred(value)))
            .collect(),
        other => other,
    }
}

#[test]
fn a_slow_and_simple_verifier_says_the_same_of_altered_tokens() {
    let count =
        std::env::var("PORTCULLIS_MUTATIONS").map_or(30_000, |count| count.parse::<u64>().unwrap());
    // Two verifiers for all, so that what they remember of one token is there when the next one comes.
    let (lasting, caching) = (verifier(false), verifier(true));
    let mut scratch = Scratch::new();
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for seed in 0..count {
        let token = Mutator::new(seed).token();
        let mut expected = reference::verify(&token);
        if let Some(told) = &mut expected {
            told.extra = blurred(told.extra.take());
        }
        let mut agrees = |verifier: &TokenVerifier| {
            let told = told(verifier, &mut scratch, &token);
            assert_eq!(told, expected, "seed {seed}: {token}");
        };
        agrees(&lasting);
        agrees(&caching);
        if seed % 64 == 0 {
            agrees(&verifier(false));
        }
        for _ in 0..2 {
            let shared = caching.verify_shared::<Value>(&token).ok();
            let extra = shared.map(|claims| blurred(claims.extra().clone()));
            assert_eq!(extra, expected.as_ref().map(|told| told.extra.clone()));
        }
        *(if expected.is_some() {
            &mut accepted
        } else {
            &mut refused
        }) += 1;
    }
    // Neither side of the fence is left out, or the comparison would prove nothing.
    assert!(
        accepted > count / 20 && refused > count / 20,
        "{accepted} accepted, {refused} refused"
    );
}
