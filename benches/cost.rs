//! What one call costs in instructions and allocations: exact counts that do not depend on how busy the machine is,
//! held under fixed ceilings.
//!
//! `cargo bench --bench cost`, with valgrind installed: it runs itself under valgrind for each kind of work. It fails
//! if a ceiling is passed, and also if valgrind is missing: nothing is skipped.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod contest;

use contest::{ALGORITHMS, contest};
use portcullis::token::Scratch;
use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

/// Calls of the short and the long run; what comes before the calls cancels out.
const CALLS: [u64; 2] = [50, 250];

/// What can be asked for on the command line, and counted.
fn run(work: &str, calls: u64) {
    let (kind, name) = work.split_once('/').unwrap();
    let algorithm = ALGORITHMS.into_iter().find(|known| known.name() == name);
    let contest = contest(algorithm.unwrap());
    let forged = forged(&contest.token);
    let mut scratch = Scratch::new();
    let mut call: Box<dyn FnMut()> = match kind {
        "verify" => Box::new(|| drop(black_box(contest.verify()))),
        "verify_borrowed" => Box::new(|| contest.verify_borrowed(&mut scratch)),
        "hit" => Box::new(|| drop(black_box(contest.hit()))),
        "raw_verify" => Box::new(|| assert!(black_box(contest.raw_verify()))),
        "issue" => Box::new(|| drop(black_box(contest.issue()))),
        "raw_sign" => Box::new(|| assert!(black_box(contest.raw_sign()) > 0)),
        "refuse" => Box::new(|| assert!(contest.verifier.verify(black_box(&forged)).is_err())),
        _ => panic!("no such work: {kind}"),
    };
    counted(calls, &mut *call);
}

/// Valgrind counts the instructions in here and in what is called from here, by this function's name.
#[inline(never)]
fn counted(calls: u64, call: &mut dyn FnMut()) {
    for _ in 0..calls {
        call();
    }
}

/// Right in all but the length of its signature.
fn forged(token: &str) -> String {
    format!("{token}A")
}

/// What one call of a kind of work costs.
#[derive(Clone, Copy)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

fn cost(work: &str) -> Cost {
    let per_call = |count: fn(&str, u64) -> u64| {
        let [short, long] = CALLS.map(|calls| count(work, calls));
        (long.saturating_sub(short)) as f64 / (CALLS[1].saturating_sub(CALLS[0])) as f64
    };
    Cost {
        instructions: per_call(instructions),
        // What comes before the calls is not quite the same each time, once there is chance in it.
        allocations: per_call(allocations).round(),
    }
}

fn instructions(work: &str, calls: u64) -> u64 {
    let report = valgrind(
        &[
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=cost::counted",
        ],
        work,
        calls,
    );
    figure(&report, "Collected : ")
}

/// Those of Rust and of C: memcheck counts both.
fn allocations(work: &str, calls: u64) -> u64 {
    let report = valgrind(&["--tool=memcheck", "--undef-value-errors=no"], work, calls);
    figure(&report, "total heap usage: ")
}

fn valgrind(options: &[&str], work: &str, calls: u64) -> String {
    let output = Command::new("valgrind")
        .args(options)
        .arg(env::current_exe().unwrap())
        .args([work, &calls.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("valgrind must be installed: {error}"));
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{report}");
    report
}

fn figure(report: &str, before: &str) -> u64 {
    let (_, rest) = report
        .split_once(before)
        .unwrap_or_else(|| panic!("{report}"));
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

/// Work, the raw primitive that is taken off, and what the rest may be: instructions and allocations.
///
/// Owned claims have four strings: `sub`, `jti` and two of the application. Issuing allocates the payload and the
/// token, both in one piece. What surrounds the primitive is the same for all algorithms, so it is counted where
/// the primitive itself always takes the same: keys and signatures of the others differ from run to run.
const CEILINGS: [(&str, Option<&str>, f64, f64); 6] = [
    ("verify/HS256", Some("raw_verify/HS256"), 8_000.0, 4.0),
    (
        "verify_borrowed/HS256",
        Some("raw_verify/HS256"),
        7_000.0,
        0.0,
    ),
    ("issue/HS256", Some("raw_sign/HS256"), 4_000.0, 2.0),
    ("hit/HS256", None, 1_000.0, 0.0),
    ("hit/ES256", None, 1_000.0, 0.0),
    ("refuse/HS256", None, 1_000.0, 0.0),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [work, calls] = arguments.as_slice() {
        run(work, calls.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    println!(
        "| above the raw primitive | instructions | at most | allocations | at most |\n|---|---|---|---|---|"
    );
    let mut code = ExitCode::SUCCESS;
    for (work, raw, instructions, allocations) in CEILINGS {
        let (all, raw) = (cost(work), raw.map(cost));
        let above = Cost {
            instructions: all.instructions - raw.map_or(0.0, |raw| raw.instructions),
            allocations: all.allocations - raw.map_or(0.0, |raw| raw.allocations),
        };
        println!(
            "| {work} | {:.0} | {instructions:.0} | {:.0} | {allocations:.0} |",
            above.instructions, above.allocations
        );
        if above.instructions > instructions || above.allocations > allocations {
            code = ExitCode::FAILURE;
        }
    }
    code
}
