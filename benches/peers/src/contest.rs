//! The contest of the libraries: verify and issue, on each algorithm, as multiples of the raw primitive's time.

use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::peers::contenders;
use crate::race::{Pace, race};
use crate::results::{Results, digits, duration};
use crate::sample::usual_token;
use std::hint::black_box;

const EVENTS: [&str; 2] = ["verify", "issue"];

pub(crate) fn run(results: &mut Results, pace: Pace) {
    for algorithm in Algorithm::ALL {
        let keys = Keys::new(algorithm);
        let contenders = contenders(&keys);
        verify(results, &keys, &contenders, pace);
        issue(results, algorithm, &contenders, pace);
    }
}

fn verify(results: &mut Results, keys: &Keys, contenders: &[Contender], pace: Pace) {
    let token = usual_token(keys);
    let works: Vec<_> = contenders
        .iter()
        .map(|contender| || assert!((contender.verify)(black_box(&token))))
        .collect();
    let works: Vec<&dyn Fn()> = works.iter().map(|work| work as &dyn Fn()).collect();
    for (contender, figure) in contenders.iter().zip(race(&works, pace)) {
        let contest = format!("verify {}", keys.algorithm);
        results.add(&contest, contender.name, 0.0, figure);
    }
}

fn issue(results: &mut Results, algorithm: Algorithm, contenders: &[Contender], pace: Pace) {
    let (names, works): (Vec<_>, Vec<_>) = contenders
        .iter()
        .filter_map(|contender| Some((contender.name, contender.issue.as_ref()?)))
        .map(|(name, issue)| (name, || drop(black_box(issue()))))
        .unzip();
    let works: Vec<&dyn Fn()> = works.iter().map(|work| work as &dyn Fn()).collect();
    for (name, figure) in names.iter().zip(race(&works, pace)) {
        results.add(&format!("issue {algorithm}"), name, 0.0, figure);
    }
}

/// One table: a line for each library, a column for each contest.
pub(crate) fn print(results: &Results) {
    let contests: Vec<_> = EVENTS
        .iter()
        .flat_map(|event| Algorithm::ALL.map(|algorithm| format!("{event} {algorithm}")))
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for row in contests.iter().flat_map(|contest| results.of(contest)) {
        if !names.contains(&&*row.who) {
            names.push(&row.who);
        }
    }
    println!("Times of the raw primitive ({}):\n", results.machine);
    println!("| | {} |\n|---|{}", contests.join(" | "), "---|".repeat(8));
    for (line, name) in names.iter().enumerate() {
        let cells: Vec<_> = contests
            .iter()
            .map(|contest| {
                let row = results.of(contest).find(|row| row.who == *name);
                row.map_or("–".into(), |row| match line {
                    0 => duration(row.figure.micros),
                    _ => digits(row.figure.ratio),
                })
            })
            .collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!();
}
