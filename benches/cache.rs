//! What a cache of verified tokens brings: the time of a hit beside the raw signature, one thread beside two on one hot
//! token, and how hits grow dearer with the number of tokens.
//!
//! `cargo bench --bench cache`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64_simd::URL_SAFE_NO_PAD;
use portcullis::token::{Algorithm, SigningKey};
use portcullis::{Claims, TokenIssuer, TokenVerifier, UserId};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

#[derive(Serialize, Deserialize)]
struct Own {
    role: String,
    email: String,
}

fn key(algorithm: Algorithm) -> (TokenIssuer, portcullis::token::VerifyingKey) {
    let key = SigningKey::generate(algorithm).unwrap();
    let public = key.verifying_key();
    let issuer = TokenIssuer::builder("https://auth.example.com/", "https://api.example.com", key);
    (issuer.build().unwrap(), public)
}

fn verifier(key: portcullis::token::VerifyingKey, bytes: usize) -> TokenVerifier {
    TokenVerifier::builder("https://auth.example.com/", "https://api.example.com", key)
        .cache(bytes)
        .build()
        .unwrap()
}

fn token(issuer: &TokenIssuer, n: usize) -> String {
    let subject = UserId::new(format!("8f14e45f-ceea-467f-a5d6-{n:012}")).unwrap();
    let own = Own {
        role: "administrator".into(),
        email: "somebody@example.com".into(),
    };
    let token = issuer.issue_with(&subject, &own).unwrap();
    token.expose().to_owned()
}

fn verify(verifier: &TokenVerifier, token: &str) -> Arc<Claims<Own>> {
    verifier.verify_shared(black_box(token)).unwrap()
}

/// Nanoseconds a call.
fn time(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    for n in 0..calls {
        call(n);
    }
    start.elapsed().as_secs_f64() * 1e9 / calls as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The raw primitive over the same text.
fn raw(issuer_key: &portcullis::token::VerifyingKey, token: &str) -> impl Fn() {
    let jwk: serde_json::Value = serde_json::from_str(&issuer_key.to_jwk().unwrap()).unwrap();
    let coordinate = |name: &str| {
        URL_SAFE_NO_PAD
            .decode_to_vec(jwk[name].as_str().unwrap())
            .unwrap()
    };
    let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
    let input = input.to_owned();
    move || {
        key.verify_sig(black_box(input.as_bytes()), &signature)
            .unwrap();
    }
}

/// Millions of hits a second by so many threads together, on one token.
fn throughput(verifier: &TokenVerifier, token: &str, threads: usize) -> f64 {
    const CALLS: usize = 400_000;
    let barrier = Barrier::new(threads);
    let slowest = thread::scope(|scope| {
        let work = || {
            for _ in 0..3 {
                verify(verifier, token);
            }
            barrier.wait();
            time(CALLS, |_| drop(black_box(verify(verifier, token))))
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = running.into_iter().map(|thread| thread.join().unwrap());
        times.fold(0.0, f64::max)
    });
    threads as f64 * 1e3 / slowest
}

fn main() {
    let (issuer, public) = key(Algorithm::Es256);
    let verifier_of = |bytes| verifier(public.clone(), bytes);
    let hot = token(&issuer, 0);
    let raw = raw(&public, &hot);
    let cached = verifier_of(16 * 1024 * 1024);
    assert!(Arc::ptr_eq(&verify(&cached, &hot), &verify(&cached, &hot)));

    let mut hits = Vec::new();
    let mut ratios = Vec::new();
    for _ in 0..61 {
        let hit = time(20_000, |_| drop(black_box(verify(&cached, &hot))));
        hits.push(hit);
        ratios.push(hit / time(50, |_| raw()));
    }
    println!("| ES256 | |\n|---|---|");
    println!("| a hit on a hot token | {:.0} ns |", median(hits));
    println!("| / the raw signature | {:.4} |", median(ratios));

    let mut gains = Vec::new();
    let mut single = Vec::new();
    for _ in 0..15 {
        let one = throughput(&cached, &hot, 1);
        gains.push(throughput(&cached, &hot, 2) / one);
        single.push(one);
    }
    println!(
        "| hits a second, one thread | {:.1} million |",
        median(single)
    );
    println!("| two threads / one, on one token | {:.2} |", median(gains));

    for count in [1, 100, 1_000, 10_000, 100_000] {
        let tokens: Vec<_> = (0..count).map(|n| token(&issuer, n)).collect();
        let cached = verifier_of(count * 2 * 4096 + 64 * 1024);
        for token in &tokens {
            drop(verify(&cached, token));
        }
        // In an order that no prefetcher guesses.
        let at = |n: usize| n.wrapping_mul(0x9e37_79b9) % count;
        let hit = time(200_000, |n| {
            drop(black_box(verify(&cached, &tokens[at(n)])));
        });
        println!("| of {count} tokens in disorder | {hit:.0} ns |");
    }
}
