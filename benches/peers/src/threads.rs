//! What a second thread brings, when both verify one token with one verifier.

use crate::contender::Verify;
use crate::keys::{Algorithm, Keys};
use crate::peers::contenders;
use crate::race::{Figure, Pace, calls, median};
use crate::results::{Results, digits, duration};
use crate::sample::usual_token;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

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

pub(crate) fn run(results: &mut Results, algorithm: Algorithm, pace: Pace) {
    let keys = Keys::new(algorithm);
    let token = usual_token(&keys);
    for contender in contenders(&keys) {
        // Long enough that the threads' start counts for nothing.
        let calls = calls(&|| assert!((contender.verify)(&token)), 10 * pace.batch);
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

pub(crate) fn print(results: &Results, algorithm: Algorithm) {
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
