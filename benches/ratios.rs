//! How much of the raw primitive's and of `jsonwebtoken`'s time portcullis takes, as ratios.
//!
//! All three do the same work in alternating rounds of a few milliseconds, and the median of the rounds' ratios is
//! printed: a machine that gets slower or faster meanwhile does so for all.
//!
//! `cargo bench --all-features --bench ratios`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod contest;

use contest::{ALGORITHMS, contest};
use portcullis::token::Scratch;
use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 61;
const ROUND: Duration = Duration::from_millis(3);

/// The seconds that one call takes, over a batch of `calls`.
fn batch(work: &dyn Fn(), calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        work();
    }
    start.elapsed().as_secs_f64() / f64::from(calls)
}

/// How many calls make a round.
fn calls(work: &dyn Fn()) -> u32 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < ROUND {
        work();
        calls = calls.saturating_add(1);
    }
    calls.max(1)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Times the three in turn, each round beginning with another of them.
fn race(name: &str, works: [&dyn Fn(); 3]) {
    let counts = works.map(calls);
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut seconds = [0.0; 3];
        for turn in 0..3 {
            let who = round.wrapping_add(turn) % 3;
            seconds[who] = batch(works[who], counts[who]);
        }
        rounds.push(seconds);
    }
    let figure = |of: fn(&[f64; 3]) -> f64| median(rounds.iter().map(of).collect());
    println!(
        "| {name} | {:.2} µs | {:.3} | {:.3} |",
        figure(|s| s[0] * 1e6),
        figure(|s| s[0] / s[1]),
        figure(|s| s[0] / s[2]),
    );
}

fn main() {
    println!("| | portcullis | / jsonwebtoken | / aws-lc-rs |\n|---|---|---|---|");
    for algorithm in ALGORITHMS {
        let contest = contest(algorithm);
        race(
            &format!("verify {algorithm}"),
            [
                &|| drop(black_box(contest.verify())),
                &|| drop(black_box(contest.peer_verify())),
                &|| assert!(black_box(contest.raw_verify())),
            ],
        );
        let scratch = RefCell::new(Scratch::new());
        race(
            &format!("verify {algorithm}, borrowed"),
            [
                &|| contest.verify_borrowed(&mut scratch.borrow_mut()),
                &|| drop(black_box(contest.peer_verify())),
                &|| assert!(black_box(contest.raw_verify())),
            ],
        );
        race(
            &format!("verify {algorithm}, remembered"),
            [
                &|| drop(black_box(contest.hit())),
                &|| drop(black_box(contest.peer_verify())),
                &|| assert!(black_box(contest.raw_verify())),
            ],
        );
        race(
            &format!("issue {algorithm}"),
            [
                &|| drop(black_box(contest.issue())),
                &|| drop(black_box(contest.peer_issue())),
                &|| assert!(black_box(contest.raw_sign()) > 0),
            ],
        );
    }
}
