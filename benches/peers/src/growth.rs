//! How the cost of verifying grows: with the number of keys, with the size of the token, with the number of remembered ones.

use crate::keys::{Algorithm, Keys};
use crate::peers::{CACHED, OURS, RAW, decoding_key, validation, verifying_key};
use crate::race::{Pace, race};
use crate::results::{Results, duration};
use crate::sample::{AUDIENCE, All, ISSUER, Own, all, token};
use crate::threads;
use base64_simd::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use portcullis::token::KeySet;
use portcullis::{Claims, TokenVerifier};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;

pub(crate) const PEER: &str = "jsonwebtoken";
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Hs256, Algorithm::Es256];

pub(crate) fn run(results: &mut Results, pace: Pace) {
    for algorithm in ALGORITHMS {
        for count in [1, 10, 100, 1000] {
            with_keys(results, algorithm, count, pace);
        }
        for kib in [0.3, 0.5, 1.0, 2.0, 4.0, 8.0] {
            with_size(results, algorithm, kib, pace);
        }
        for count in [1, 100, 1_000, 10_000, 100_000] {
            // To see that it runs, a few are enough: each is signed and verified before.
            if count <= 100 || !pace.batch.is_zero() {
                with_cached(results, algorithm, count, pace);
            }
        }
        threads::run(results, algorithm, pace);
    }
}

/// Draws one of the tokens: in order, a prefetcher would guess what comes next.
fn draw<'a>(tokens: &'a [String], state: &Cell<u64>) -> &'a str {
    // Knuth's MMIX generator, whose upper half is random enough; as a fraction, times the number of tokens.
    let now = state.get().wrapping_mul(0x5851_f42d_4c95_7f2d);
    state.set(now.wrapping_add(0x1405_7b7e_f767_814f));
    let scaled = ((now >> 32) * u64::try_from(tokens.len()).expect("few")) >> 32;
    &tokens[usize::try_from(scaled).expect("less than their number")]
}

/// Each token names one of `count` keys. jsonwebtoken's users keep their keys in a map.
fn with_keys(results: &mut Results, algorithm: Algorithm, count: u32, pace: Pace) {
    let keys: Vec<_> = (0..count)
        .map(|n| (format!("key-{n:04}"), Keys::new(algorithm)))
        .collect();
    let tokens: Vec<_> = keys
        .iter()
        .map(|(kid, keys)| token(keys, Some(kid), &all()))
        .collect();
    let set = keys
        .iter()
        .map(|(kid, keys)| verifying_key(keys).with_kid(kid))
        .fold(None, |set: Option<KeySet>, key| match set {
            None => Some(key.into()),
            Some(set) => Some(set.and(key).expect("every kid is another")),
        });
    let ours = TokenVerifier::builder(ISSUER, AUDIENCE, set.expect("a key at least"))
        .token_type("JWT")
        .build()
        .expect("a good verifier");
    let map: HashMap<String, DecodingKey> = keys
        .iter()
        .map(|(kid, keys)| (kid.clone(), decoding_key(keys)))
        .collect();
    let validation = validation(algorithm);
    let states = [Cell::new(1), Cell::new(1)];
    let figures = race(
        &[
            &|| {
                let token = draw(&tokens, &states[0]);
                let claims: Claims<Own> = ours.verify_with(token).expect("good");
                black_box(claims);
            },
            &|| {
                let token = draw(&tokens, &states[1]);
                let header = jsonwebtoken::decode_header(token).expect("good");
                let key = &map[&header.kid.expect("it has one")];
                let claims = jsonwebtoken::decode::<All>(token, key, &validation);
                black_box(claims.expect("good"));
            },
        ],
        pace,
    );
    for (who, figure) in [OURS, PEER].into_iter().zip(figures) {
        results.add(&format!("keys {algorithm}"), who, f64::from(count), figure);
    }
}

/// What `TokenVerifierBuilder::cache` asks for: 4 KiB for each token and thread, of which at most 16 have a share.
fn room(tokens: u32) -> usize {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    (4096 * usize::try_from(tokens).expect("few") * threads.min(16)).max(16 * 1024)
}

/// Each token was verified before and is remembered, but for the very few that fell into a full set of the cache.
fn with_cached(results: &mut Results, algorithm: Algorithm, count: u32, pace: Pace) {
    let keys = Keys::new(algorithm);
    let tokens: Vec<_> = (0..count)
        .map(|n| {
            let jti = format!("3b1f8c52-6f0e-4b7a-9d5c-{n:012}");
            token(&keys, None, &All { jti, ..all() })
        })
        .collect();
    let verifier = TokenVerifier::builder(ISSUER, AUDIENCE, verifying_key(&keys))
        .token_type("JWT")
        .cache(room(count))
        .build()
        .expect("a good verifier");
    let verify = |token: &str| verifier.verify_shared::<Own>(token).expect("good");
    let first: Vec<_> = tokens.iter().map(|token| verify(token)).collect();
    let is_hit = |(token, first): (&String, &_)| Arc::ptr_eq(&verify(token), first);
    let hits = tokens
        .iter()
        .zip(&first)
        .filter(|pair| is_hit(*pair))
        .count();
    assert!(
        hits * 100 >= tokens.len() * 99,
        "only {hits} are remembered"
    );
    drop(first);
    let (input, signature) = tokens[0].rsplit_once('.').expect("a token has dots");
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).expect("base64url");
    let state = Cell::new(1);
    let figures = race(
        &[
            &|| assert!(keys.raw.verifies(black_box(input.as_bytes()), &signature)),
            &|| drop(black_box(verify(draw(&tokens, &state)))),
        ],
        pace,
    );
    let contest = format!("cached {algorithm}");
    for (who, figure) in [RAW, CACHED].into_iter().zip(figures) {
        results.add(&contest, who, f64::from(count), figure);
    }
}

/// A list of what the person may do: what makes real tokens long.
#[derive(Deserialize)]
struct Listed {
    permissions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct AllListed {
    sub: String,
    iss: String,
    aud: String,
    exp: u64,
    iat: u64,
    permissions: Vec<String>,
}

/// The longest such token of at most so many KiB.
fn token_of(keys: &Keys, kib: f64) -> String {
    let all = all();
    let mut claims = AllListed {
        sub: all.sub,
        iss: all.iss,
        aud: all.aud,
        exp: all.exp,
        iat: all.iat,
        permissions: Vec::new(),
    };
    let mut longest = token(keys, None, &claims);
    loop {
        let n = claims.permissions.len();
        claims.permissions.push(format!("documents:{n:03}:read"));
        let longer = token(keys, None, &claims);
        if f64::from(u32::try_from(longer.len()).expect("short")) > kib * 1024.0 {
            return longest;
        }
        longest = longer;
    }
}

fn with_size(results: &mut Results, algorithm: Algorithm, kib: f64, pace: Pace) {
    let keys = Keys::new(algorithm);
    let token = token_of(&keys, kib);
    let ours = TokenVerifier::builder(ISSUER, AUDIENCE, verifying_key(&keys))
        .token_type("JWT")
        .build()
        .expect("a good verifier");
    let (key, validation) = (decoding_key(&keys), validation(algorithm));
    let (input, signature) = token.rsplit_once('.').expect("a token has dots");
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).expect("base64url");
    let figures = race(
        &[
            &|| assert!(keys.raw.verifies(black_box(input.as_bytes()), &signature)),
            &|| {
                let claims: Claims<Listed> = ours.verify_with(black_box(&token)).expect("good");
                black_box(claims.into_extra().permissions);
            },
            &|| {
                let claims =
                    jsonwebtoken::decode::<AllListed>(black_box(&token), &key, &validation);
                black_box(claims.expect("good").claims.permissions);
            },
        ],
        pace,
    );
    for (who, figure) in [RAW, OURS, PEER].into_iter().zip(figures) {
        results.add(&format!("size {algorithm}"), who, kib, figure);
    }
}

/// A table for each thing that grows.
pub(crate) fn print(results: &Results) {
    for algorithm in ALGORITHMS {
        for (contest, unit) in [("keys", "keys"), ("size", "KiB"), ("cached", "tokens")] {
            print_grown(results, &format!("{contest} {algorithm}"), unit);
        }
        threads::print(results, algorithm);
    }
}

fn print_grown(results: &Results, contest: &str, unit: &str) {
    let mut sizes: Vec<f64> = results.of(contest).map(|row| row.at).collect();
    sizes.dedup();
    let heads: Vec<_> = sizes.iter().map(|size| format!("{size} {unit}")).collect();
    println!(
        "| {contest} | {} |\n|---|{}",
        heads.join(" | "),
        "---|".repeat(sizes.len())
    );
    for who in [RAW, OURS, CACHED, PEER] {
        let rows = results.of(contest).filter(|row| row.who == who);
        let cells: Vec<_> = rows.map(|row| duration(row.figure.micros)).collect();
        if !cells.is_empty() {
            println!("| {who} | {} |", cells.join(" | "));
        }
    }
    println!();
}
