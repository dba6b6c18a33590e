//! How the cost of verifying grows: with the number of keys, with the size of the token, with a second thread.

use crate::contender::Verify;
use crate::keys::{Algorithm, Keys};
use crate::peers::{OURS, RAW, contenders, decoding_key, validation, verifying_key};
use crate::race::{Figure, Pace, median, race};
use crate::results::{Results, digits, duration};
use crate::sample::{AUDIENCE, All, ISSUER, Own, all, token, usual_token};
use jsonwebtoken::DecodingKey;
use portcullis::token::KeySet;
use portcullis::{Claims, TokenVerifier};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

const PEER: &str = "jsonwebtoken";
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Hs256, Algorithm::Es256];

pub(crate) fn run(results: &mut Results, pace: Pace) {
    for algorithm in ALGORITHMS {
        for count in [1, 10, 100, 1000] {
            with_keys(results, algorithm, count, pace);
        }
        for kib in [0.3, 0.5, 1.0, 2.0, 4.0, 8.0] {
            with_size(results, algorithm, kib, pace);
        }
        with_threads(results, algorithm, pace);
        // PLACE for the number of cached tokens, 1 to 100,000, in an order that no prefetcher guesses.
    }
}

/// Goes round the tokens in an order that is not that of the keys.
fn next<'a>(tokens: &'a [String], turn: &Cell<usize>) -> &'a str {
    let now = turn.get();
    turn.set(now + 1);
    &tokens[now.wrapping_mul(0x9e37_79b1) % tokens.len()]
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
    let turns = [Cell::new(0), Cell::new(0)];
    let figures = race(
        &[
            &|| {
                let token = next(&tokens, &turns[0]);
                let claims: Claims<Own> = ours.verify_with(token).expect("good");
                black_box(claims);
            },
            &|| {
                let token = next(&tokens, &turns[1]);
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
    let signature = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(signature)
        .expect("base64url");
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

/// The seconds from one verification to the next, when so many threads verify one token with one verifier.
fn seconds(verify: &Verify, token: &str, threads: usize, calls: u32) -> f64 {
    let barrier = Barrier::new(threads);
    let work = || {
        barrier.wait();
        let start = Instant::now();
        for _ in 0..calls {
            assert!(verify(black_box(token)));
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    };
    let times: Vec<f64> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = running.into_iter().map(thread::ScopedJoinHandle::join);
        times.map(|time| time.expect("it verifies")).collect()
    });
    1.0 / times.into_iter().map(f64::recip).sum::<f64>()
}

fn with_threads(results: &mut Results, algorithm: Algorithm, pace: Pace) {
    let keys = Keys::new(algorithm);
    let token = usual_token(&keys);
    let calls = match (pace.batch.is_zero(), algorithm) {
        (true, _) => 1,
        (false, Algorithm::Hs256) => 20_000,
        (false, _) => 500,
    };
    for contender in contenders(&keys) {
        let rounds: Vec<[f64; 2]> = (0..pace.rounds.div_ceil(4))
            .map(|_| [1, 2].map(|threads| seconds(&contender.verify, &token, threads, calls)))
            .collect();
        for (at, index) in [(1.0, 0), (2.0, 1)] {
            let figure = Figure {
                micros: median(rounds.iter().map(|round| round[index] * 1e6).collect()),
                ratio: median(rounds.iter().map(|round| round[index] / round[0]).collect()),
            };
            results.add(&format!("threads {algorithm}"), contender.name, at, figure);
        }
    }
}

/// A table for each thing that grows.
pub(crate) fn print(results: &Results) {
    for algorithm in ALGORITHMS {
        for (contest, unit) in [("keys", "keys"), ("size", "KiB")] {
            print_grown(results, &format!("{contest} {algorithm}"), unit);
        }
        println!("| verify {algorithm} | 1 thread | 2 threads | throughput |\n|---|---|---|---|");
        let contest = format!("threads {algorithm}");
        let of = |threads: f64| {
            results
                .of(&contest)
                .filter(move |row| (row.at - threads).abs() < 0.5)
        };
        for (one, two) in of(1.0).zip(of(2.0)) {
            let times = [one, two]
                .map(|row| duration(row.figure.micros))
                .join(" | ");
            println!(
                "| {} | {times} | x{} |",
                one.who,
                digits(1.0 / two.figure.ratio)
            );
        }
        println!();
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
    for who in [RAW, OURS, PEER] {
        let rows = results.of(contest).filter(|row| row.who == who);
        let cells: Vec<_> = rows.map(|row| duration(row.figure.micros)).collect();
        if !cells.is_empty() {
            println!("| {who} | {} |", cells.join(" | "));
        }
    }
    println!();
}
