//! Three hundred clients of one address that hang up 6 ms after they sent a sign-in: they get no more hashes than the limits allow,
//! and an owner at a known address signs in beside them.
#![cfg(target_os = "linux")]

use super::program::{DEMO, Program};
use super::raw::{Reply, Wire, call};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;
use tempfile::TempDir;

const OWNER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Sign-ins, and how many are under way at one time.
const SIGN_INS: usize = 300;
const AT_ONCE: usize = 30;

fn send(source: Ipv4Addr, address: SocketAddr, login: &str, password: &str) -> Wire {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("username", login)
        .append_pair("password", password)
        .finish();
    let mut wire = Wire::from(source, address);
    wire.send(format!(
        "POST /token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    wire
}

fn owner_signs_in(address: SocketAddr) -> Reply {
    send(OWNER, address, DEMO.0, DEMO.1).reply().unwrap()
}

/// A sample of the metrics.
fn sample(metrics: SocketAddr, name: &str) -> u64 {
    let text = call(metrics, "GET", "/metrics", "", "").body;
    let line = text
        .lines()
        .find(|line| line.split_once(' ').is_some_and(|(found, _)| found == name));
    line.unwrap().split_once(' ').unwrap().1.parse().unwrap()
}

/// How many hashes strangers got, and in how much time.
fn hashes(login: impl Fn(usize) -> String + Sync) -> (u64, Duration) {
    let variables = [("METRICS_BIND", "127.0.0.1:0"), ("RUST_LOG", "info")];
    let program = Program::start(TempDir::new().unwrap(), &["--demo"], &variables);
    let address = program.address;
    let log = program.log();
    let line = log.lines().find(|line| line.contains("metrics served"));
    let (_, metrics) = line.unwrap().split_once("address=").unwrap();
    let metrics: SocketAddr = metrics.trim_end().parse().unwrap();
    // From now on the owner's address is known.
    assert_eq!(owner_signs_in(address).status, 200);
    let before = sample(metrics, "portcullis_hashes_total");

    let (next, of_owner) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let strangers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= SIGN_INS {
                            break;
                        }
                        let wire = send(STRANGER, address, &login(number), "wrong");
                        std::thread::sleep(Duration::from_millis(6));
                        drop(wire);
                    }
                })
            })
            .collect();
        while strangers.iter().any(|stranger| !stranger.is_finished()) {
            let reply = owner_signs_in(address);
            assert_eq!(reply.status, 200, "{}", reply.body);
            of_owner.fetch_add(1, Ordering::Relaxed);
        }
    });
    while sample(metrics, "portcullis_hashes_running") > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = begun.elapsed();
    let all = sample(metrics, "portcullis_hashes_total") - before;
    let of_owner = of_owner.into_inner();
    assert!(of_owner > 0);
    (all - u64::try_from(of_owner).unwrap(), took)
}

#[test]
fn on_one_account_they_get_its_failures_and_one_more_each_time_its_delay_is_over() {
    let (hashes, took) = hashes(|_| DEMO.0.to_owned());
    // Ten at once, then after 1 s, 2 s, 4 s ...
    let later = (took.as_secs() + 1).ilog2();
    assert!(
        (1..=u64::from(10 + later)).contains(&hashes),
        "{hashes} in {took:?}"
    );
}

#[test]
fn on_three_hundred_accounts_they_get_the_failures_of_one_address() {
    let (hashes, took) = hashes(|number| format!("user{number}@example.com"));
    assert!((1..=100).contains(&hashes), "{hashes} in {took:?}");
}
