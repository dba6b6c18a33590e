//! More connections than the server keeps, over real sockets: who is closed, who is answered, and what is logged.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "times are printed, not asserted")]

use super::program::Program;
use super::raw::{Reply, Wire};
use super::socket::served;
use crate::limits::Limits;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// How many connections the server keeps.
const LIMIT: usize = 1024;

const MANY: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
const SLOW_BODY: &str = "POST /token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                         Content-Length: 100\r\n\r\nusername=";

/// Runs the test in a process that may open as many files as the system allows it.
fn with_many_files(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "PORTCULLIS_TEST_MANY_FILES";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            &format!("server::connections::{test}"),
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    println!("{printed}");
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Keeps connections open that each have sent these bytes, and opens another for each that is closed, until told to stop.
fn flood(address: SocketAddr, count: usize, bytes: &str, opened: &AtomicBool, stop: &AtomicBool) {
    let open = || {
        let mut wire = Wire::from(MANY, address);
        drop(wire.try_send(bytes));
        wire
    };
    let mut wires: Vec<Wire> = (0..count).map(|_| open()).collect();
    opened.store(true, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        for wire in &mut wires {
            // Keep-alive connections ask again; the others send one byte more.
            let more = if bytes.ends_with("\r\n\r\n") {
                bytes
            } else {
                "a"
            };
            if wire.try_send(more).is_err() {
                *wire = open();
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// One request of the other client, on a connection of its own, and how long that took.
fn ask(source: Ipv4Addr, address: SocketAddr) -> (Reply, Duration) {
    let started = Instant::now();
    let mut wire = Wire::from(source, address);
    wire.send("GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n");
    let reply = wire.reply().unwrap();
    (reply, started.elapsed())
}

/// Floods a real server, lets another client ask, and gives the log.
fn others_are_answered(what: &str, source: Ipv4Addr, count: usize, bytes: &str) -> String {
    let program = Program::start(
        TempDir::new().unwrap(),
        &["--demo"],
        &[("TRUSTED_PROXY_HOPS", "1")],
    );
    let address = program.address;
    let (opened, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| flood(address, count, bytes, &opened, &stop));
        while !opened.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let asked = std::panic::catch_unwind(|| (0..20).map(|_| ask(source, address)).collect());
        stop.store(true, Ordering::Relaxed);
        let asked: Vec<(Reply, Duration)> = asked.unwrap();
        let mut times: Vec<Duration> = asked.iter().map(|(_, time)| *time).collect();
        times.sort();
        println!(
            "{what}: first {:?}, median {:?}, slowest {:?}",
            asked[0].1, times[10], times[19]
        );
        assert!(asked.iter().all(|(reply, _)| reply.status == 200));
        // Long before the server's own time limits, which would end the flood's connections anyway.
        assert!(times[19] < Limits::default().head / 2, "{times:?}");
    });
    program.log()
}

#[test]
fn one_client_with_1024_keep_alive_connections_keeps_no_other_waiting() {
    with_many_files(
        "one_client_with_1024_keep_alive_connections_keeps_no_other_waiting",
        || {
            let started = Instant::now();
            let log = others_are_answered("1,024 keep-alive connections", OTHER, LIMIT, GET);
            let minutes = usize::try_from(started.elapsed().as_secs() / 60).unwrap();
            let warnings: Vec<&str> = log.lines().filter(|line| line.contains(" WARN ")).collect();
            assert!((1..=1 + minutes).contains(&warnings.len()), "{warnings:#?}");
            assert!(warnings[0].contains("peer=127.0.0.1 held="), "{warnings:?}");
        },
    );
}

#[test]
fn behind_one_proxy_address_1024_keep_alive_connections_keep_no_other_waiting() {
    with_many_files(
        "behind_one_proxy_address_1024_keep_alive_connections_keep_no_other_waiting",
        || {
            others_are_answered("behind one address", MANY, LIMIT, GET);
        },
    );
}

#[test]
fn silent_connections_and_slow_heads_keep_nobody_waiting() {
    with_many_files(
        "silent_connections_and_slow_heads_keep_nobody_waiting",
        || {
            others_are_answered("silent connections", OTHER, LIMIT + 64, "");
            others_are_answered(
                "slow heads",
                OTHER,
                LIMIT + 64,
                "GET / HTTP/1.1\r\nHost: te",
            );
        },
    );
}

#[test]
fn slow_bodies_on_every_connection_are_answered_early_when_another_client_waits() {
    with_many_files(
        "slow_bodies_on_every_connection_are_answered_early_when_another_client_waits",
        || {
            others_are_answered("slow bodies", OTHER, LIMIT + 64, SLOW_BODY);
        },
    );
}

#[test]
fn without_file_descriptors_idle_connections_are_closed_and_the_processor_rests() {
    let program = Program::start_limited("ulimit -n 64", TempDir::new().unwrap(), &["--demo"], &[]);
    let address = program.address;
    let before = program.processor_ticks();
    let idle: Vec<Wire> = (0..200).map(|_| Wire::from(MANY, address)).collect();
    for _ in 0..5 {
        let (reply, time) = ask(OTHER, address);
        assert_eq!(reply.status, 200);
        println!("without file descriptors: {time:?}");
    }
    std::thread::sleep(Duration::from_secs(1));
    if let (Some(before), Some(after)) = (before, program.processor_ticks()) {
        println!("processor time: {} ticks", after - before);
    }
    drop(idle);
    let log = program.log();
    let warnings = log.matches("no connection could be accepted").count();
    assert_eq!(warnings, 1, "{log}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_connection_idle_longest_of_the_peer_that_holds_most_is_closed() {
    let limits = Limits {
        connections: 16,
        ..Limits::default()
    };
    let served = served(limits).await;
    let open = |source| {
        let mut wire = Wire::from(source, served.address);
        wire.send(GET);
        assert_eq!(wire.reply().unwrap().status, 200);
        wire
    };
    let still_answers = |wire: &mut Wire| {
        wire.try_send(GET).is_ok() && wire.reply().is_some_and(|reply| reply.status == 200)
    };
    let mut few: Vec<Wire> = (0..3).map(|_| open(OTHER)).collect();
    let mut in_flight = Wire::from(MANY, served.address);
    in_flight.send(SLOW_BODY);
    // With these, an eighth is free: nobody is closed yet.
    let mut many: Vec<Wire> = (0..10).map(|_| open(MANY)).collect();
    // All have been idle for a while, but for the second one.
    std::thread::sleep(Duration::from_millis(100));
    assert!(still_answers(&mut many[1]), "closed too early");
    let mut new: Vec<Wire> = (0..2).map(|_| open(OTHER)).collect();
    assert!(many[0].ended(), "the one idle longest is open");
    assert!(many[2].ended(), "the one idle second longest is open");
    for wire in few.iter_mut().chain(&mut new) {
        assert!(
            still_answers(wire),
            "a connection of the other peer is closed"
        );
    }
    assert!(
        still_answers(&mut many[1]),
        "the one that was used is closed"
    );
    for wire in &mut many[3..] {
        assert!(still_answers(wire), "more were closed than needed");
    }
    in_flight.send("a".repeat(91));
    assert_eq!(
        in_flight.reply().unwrap().status,
        422,
        "a request in flight is cut"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_keeps_its_connection_for_a_bounded_time() {
    let limits = Limits {
        connections: 1,
        write: Duration::from_millis(300),
        linger: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = served(limits).await;
    let mut unread = Wire::to(served.address);
    // More than the system buffers.
    let large = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: test\r\n\r\n";
    unread.send(large.repeat(40));
    let (reply, time) = ask(OTHER, served.address);
    assert_eq!(reply.status, 200);
    println!("beside a client that does not read: {time:?}");
}
