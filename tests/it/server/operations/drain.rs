//! How the server stops: it lets load balancers know first, and whoever asks twice gets his way at once.

use super::super::program::{DEMO, Program};
use super::super::raw::{PATIENCE, Wire, ask, sign_in};
use core::time::Duration;
use std::time::Instant;

fn status(program: &Program, path: &str) -> u16 {
    ask(program.address, "GET", path, &[], "").status
}

/// Waits until the server says that it is about to stop.
fn until_not_ready(program: &Program) {
    let started = Instant::now();
    while status(program, "/readyz") == 200 {
        assert!(started.elapsed() < PATIENCE, "it stays ready");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_told_to_stop_is_not_ready_and_still_answers_until_the_drain_is_over() {
    for signal in ["-TERM", "-INT"] {
        let mut program = Program::demo(&[("DRAIN_SECONDS", "2")]);
        let mut idle = Wire::to(program.address);
        assert_eq!(status(&program, "/readyz"), 200);
        program.signal(signal);
        until_not_ready(&program);
        let answer = ask(program.address, "GET", "/readyz", &[], "");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.json()["detail"], "Service temporarily unavailable");
        assert_eq!(status(&program, "/healthz"), 200);
        assert_eq!(sign_in(program.address, DEMO.0, DEMO.1).status, 200);
        idle.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(idle.reply().unwrap().status, 200);
        assert!(program.exit().success());
        assert!(program.log().contains("draining"));
    }
}

#[test]
fn a_second_signal_ends_the_drain_and_the_server_at_once() {
    let mut program = Program::demo(&[("DRAIN_SECONDS", "300")]);
    program.signal("-TERM");
    until_not_ready(&program);
    program.signal("-TERM");
    assert!(program.exit().success());
    assert!(program.log().contains("stopped at once"));
}

#[test]
fn a_second_signal_waits_for_no_request_in_flight() {
    let mut program = Program::demo(&[]);
    let mut half = Wire::to(program.address);
    half.send("POST /token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nusername=");
    assert_eq!(status(&program, "/healthz"), 200);
    program.signal("-TERM");
    let started = Instant::now();
    while std::net::TcpStream::connect(program.address).is_ok() {
        assert!(started.elapsed() < PATIENCE);
    }
    program.signal("-INT");
    assert!(program.exit().success());
    assert!(half.ended());
    assert!(program.log().contains("stopped at once"));
}

#[test]
fn a_head_that_has_arrived_in_part_does_not_delay_the_end() {
    let mut program = Program::demo(&[]);
    let mut half = Wire::to(program.address);
    half.send("GET / HTTP/1.1\r\nHost: te");
    assert_eq!(status(&program, "/healthz"), 200);
    let started = Instant::now();
    program.signal("-TERM");
    assert!(program.exit().success());
    // The head itself would have 15 seconds.
    assert!(
        started.elapsed() < Duration::from_secs(7),
        "{:?}",
        started.elapsed()
    );
    assert!(half.ended());
}
