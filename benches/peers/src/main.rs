//! portcullis beside its peers, in one process: see README.md.

mod contender;
mod contest;
mod exchange;
mod growth;
mod keys;
mod peers;
mod plot;
mod race;
mod results;
mod sample;
mod svg;
mod threads;

use race::Pace;
use results::{Results, home};
use std::{env, fs, io, process};

const USAGE: &str = "\
measure          measures everything, prints tables, keeps the figures in results.tsv
contest          measures and prints the contest of the libraries only
growth           measures and prints growth only
plot             draws results.tsv: ../peers.svg and ../growth.svg
smoke            runs everything once, however long it takes
tokens           prints tokens and keys for verifiers in other languages
work FILE        is one of those verifiers
work-cached FILE is one that remembers what it verified";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["measure"] => {
            let results = measure(Pace::STEADY, true, true);
            results.write(&home("results.tsv"))?;
        }
        ["contest"] => drop(measure(Pace::STEADY, true, false)),
        ["growth"] => drop(measure(Pace::STEADY, false, true)),
        ["smoke"] => drop(measure(Pace::SMOKE, true, true)),
        ["plot"] => {
            let results = Results::read(&home("results.tsv"))?;
            fs::write(home("../peers.svg"), plot::contest(&results))?;
            fs::write(home("../growth.svg"), plot::growth(&results))?;
        }
        ["tokens"] => exchange::write(),
        ["work", file] => exchange::work(file, false)?,
        ["work-cached", file] => exchange::work(file, true)?,
        _ => {
            eprintln!("{USAGE}");
            process::exit(2);
        }
    }
    Ok(())
}

fn measure(pace: Pace, contest: bool, growth: bool) -> Results {
    let mut results = Results::here();
    if contest {
        contest::run(&mut results, pace);
        contest::print(&results);
    }
    if growth {
        growth::run(&mut results, pace);
        growth::print(&results);
    }
    results
}
