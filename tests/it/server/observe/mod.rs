//! What an operator of the real program sees: causes, floods, a log that nobody reads, JSON, metrics.
#![cfg(unix)]

mod causes;
mod documented;
mod flood;
mod metrics;
mod reader;
mod repeats;

use super::program;
use super::raw::PATIENCE;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ExitStatus};
use std::time::Instant;

/// The program with its log on a pipe, as supervisors run it. It ends with this value.
struct Piped {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    log: Option<BufReader<ChildStderr>>,
}

impl Piped {
    /// Starts the demonstration; reads its log until it listens, and no further. It has metrics.
    fn demo(place: &Path, variables: &[(&str, &str)]) -> Self {
        let mut all = vec![("BIND", "127.0.0.1:0"), ("METRICS_BIND", "127.0.0.1:0")];
        all.extend(variables);
        let mut child = program::begin(place, &["--demo"], &all);
        // Nobody reads what it says on its standard output.
        drop(child.stdout.take());
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut named = |words: &str| loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "no {words}");
            if let Some(address) = address_after(&line, words) {
                return address;
            }
        };
        let (metrics, address) = (named("metrics served"), named("listening"));
        Self {
            child,
            address,
            metrics,
            log: Some(log),
        }
    }

    /// Ends it as a supervisor does, and waits.
    fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args(["-TERM", &pid]).status().unwrap().success());
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(core::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address that a line of the log names, if it says these words.
fn address_after(line: &str, words: &str) -> Option<SocketAddr> {
    let (_, field) = line.contains(words).then(|| line.split_once("address"))??;
    let text = field.trim_start_matches(['=', '"', ':']);
    let end = text
        .find(|c: char| c.is_whitespace() || c == '"')
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The lines of a log in JSON. What is no object on its line fails.
fn json_lines(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_object(), "{line}");
        value
    });
    lines.collect()
}
