//! Who reads the log may stall or go away: the server goes on, and ends when it is told to.

use super::super::operations::proxy::free_port;
use super::super::program::binary;
use super::super::raw::{Wire, ask, sign_in};
use super::Piped;
use crate::log::{Log, LogFormat};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Enough of them, each with many lines, to fill any pipe.
const REQUESTS: usize = 600;

fn all_are_answered(program: &Piped) {
    let mut wire = Wire::to(program.address);
    for _ in 0..REQUESTS {
        wire.send("GET /users HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(wire.reply().unwrap().status, 401);
    }
    let refused = sign_in(program.address, "nobody@example.com", "x").status;
    assert!([401, 429].contains(&refused), "{refused}");
}

/// The value of a metric without labels.
fn value(program: &Piped, name: &str) -> u64 {
    let scraped = ask(program.metrics, "GET", "/metrics", &[], "").body;
    let line = scraped.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_reader_that_goes_away_stops_neither_requests_nor_the_end() {
    let place = TempDir::new().unwrap();
    let mut program = Piped::demo(place.path(), &[("RUST_LOG", "debug")]);
    drop(program.log.take());
    all_are_answered(&program);
    assert!(program.stop().success());
}

#[test]
#[cfg(target_os = "linux")]
fn lines_that_a_full_disk_refuses_are_counted() {
    let place = TempDir::new().unwrap();
    let metrics = free_port();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut child = Command::new(binary())
        .arg("--demo")
        .env_clear()
        .env("BIND", "127.0.0.1:0")
        .env("METRICS_BIND", format!("127.0.0.1:{metrics}"))
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(full.unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let scraped = ask(([127, 0, 0, 1], metrics).into(), "GET", "/metrics", &[], "").body;
    drop(child.kill());
    drop(child.wait());
    let counted = |line: &str| {
        line.strip_prefix("portcullis_log_lines_dropped_total ")
            .map(str::to_owned)
    };
    let counted: u64 = scraped.lines().find_map(counted).unwrap().parse().unwrap();
    assert!(counted > 0, "{scraped}");
}

#[test]
fn a_reader_that_stalls_stops_neither_requests_nor_the_end_and_what_it_missed_is_counted() {
    let place = TempDir::new().unwrap();
    let mut program = Piped::demo(place.path(), &[("RUST_LOG", "trace")]);
    // A pipe holds 64 KiB, the queue some thousand lines.
    while value(&program, "portcullis_log_lines_dropped_total ") == 0 {
        all_are_answered(&program);
    }
    // Now it reads again, and is told what it missed.
    let mut log = program.log.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    all_are_answered(&program);
    assert!(program.stop().success());
    drop(program);
    let text = reading.join().unwrap();
    assert!(text.contains("log lines were dropped"), "not said");

    let mut program = Piped::demo(place.path(), &[("RUST_LOG", "trace")]);
    all_are_answered(&program);
    assert!(program.stop().success(), "stopped by a reader that stalls");
}

/// A test process of its own: the hook is one for all threads, and its log is on a pipe that nobody reads.
#[test]
fn a_panic_is_logged_by_its_place_and_aborts_nothing_even_without_a_reader() {
    const CHILD: &str = "PORTCULLIS_TEST_PANICS";
    const NAME: &str = "server::observe::reader::a_panic_is_logged_by_its_place_and_aborts_nothing_even_without_a_reader";
    if std::env::var_os(CHILD).is_some() {
        let log = Log::start("trace", LogFormat::Text, std::io::stderr()).unwrap();
        for _ in 0..100 {
            let panics = std::thread::spawn(|| panic!("canary of a panic"));
            assert!(panics.join().is_err());
        }
        drop(log);
        std::io::stdout().write_all(b"survived").unwrap();
        return;
    }
    for is_read in [true, false] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if !is_read {
            drop(child.stderr.take());
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && said.contains("survived"),
            "{said}"
        );
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            log.matches("panicked place=").count(),
            if is_read { 100 } else { 0 },
            "{log}"
        );
        assert!(!log.contains("canary"), "{log}");
    }
}
