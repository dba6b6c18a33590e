//! What a request costs: header, verify, issue, the whole extractor; beside each verify and issue figure, in the
//! same run on the same token, `jsonwebtoken` and the raw primitive of aws-lc-rs.
//!
//! `cargo bench --all-features --bench request`. Compare figures of one run only: machines are noisy. Ratios that can
//! be compared between machines come from the bench `ratios`.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

mod contest;

use axum::extract::{FromRef, FromRequestParts as _};
use contest::{ALGORITHMS, Own, contest};
use criterion::{Criterion, criterion_group, criterion_main};
use portcullis::extract::Verified;
use portcullis::token::{Algorithm, Scratch};
use portcullis::{BearerToken, TokenVerifier};
use std::hint::black_box;

fn tokens(criterion: &mut Criterion) {
    for algorithm in ALGORITHMS {
        let contest = contest(algorithm);
        let mut group = criterion.benchmark_group(format!("verify/{algorithm}"));
        group.bench_function("portcullis", |b| b.iter(|| contest.verify()));
        let mut scratch = Scratch::new();
        group.bench_function("portcullis, borrowed", |b| {
            b.iter(|| contest.verify_borrowed(&mut scratch));
        });
        group.bench_function("portcullis, remembered", |b| b.iter(|| contest.hit()));
        group.bench_function("jsonwebtoken", |b| b.iter(|| contest.peer_verify()));
        group.bench_function("aws-lc-rs", |b| b.iter(|| contest.raw_verify()));
        group.finish();

        let mut group = criterion.benchmark_group(format!("issue/{algorithm}"));
        group.bench_function("portcullis", |b| b.iter(|| contest.issue()));
        group.bench_function("jsonwebtoken", |b| b.iter(|| contest.peer_issue()));
        group.bench_function("aws-lc-rs", |b| b.iter(|| contest.raw_sign()));
        group.finish();
    }
}

#[derive(Clone)]
struct App {
    verifier: TokenVerifier,
}

impl FromRef<App> for TokenVerifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

fn requests(criterion: &mut Criterion) {
    let hs256 = contest(Algorithm::Hs256);
    let authorization = format!("Bearer {}", hs256.token);
    let request = http::Request::builder()
        .header("authorization", authorization)
        .body(())
        .unwrap();
    let (mut parts, ()) = request.into_parts();
    let app = App {
        verifier: hs256.verifier.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (input, _) = hs256.token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(43));

    assert!(BearerToken::from_headers(&parts.headers).is_ok());
    assert!(
        runtime
            .block_on(Verified::<Own>::from_request_parts(&mut parts, &app))
            .is_ok()
    );
    assert!(app.verifier.verify("not a token").is_err() && app.verifier.verify(&forged).is_err());

    let mut group = criterion.benchmark_group("request");
    group.bench_function("header", |b| {
        b.iter(|| {
            BearerToken::from_headers(black_box(&parts.headers))
                .unwrap()
                .as_str()
                .len()
        });
    });
    group.bench_function("extractor/HS256", |b| {
        b.iter(|| {
            // Else it would find what it found out the time before.
            parts.extensions.clear();
            runtime
                .block_on(Verified::<Own>::from_request_parts(&mut parts, &app))
                .unwrap()
        });
    });
    group.bench_function("refuse/not a token", |b| {
        b.iter(|| app.verifier.verify(black_box("not a token")).unwrap_err());
    });
    group.bench_function("refuse/wrong signature", |b| {
        b.iter(|| app.verifier.verify(black_box(&forged)).unwrap_err());
    });
    group.finish();
}

criterion_group!(benches, tokens, requests);
criterion_main!(benches);
