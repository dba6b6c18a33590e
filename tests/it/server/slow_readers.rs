//! Clients that take their answers as slowly as they can, on every connection there is.

use super::raw::Wire;
use super::socket::{served, served_on};
use crate::limits::Limits;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;
use tokio::net::TcpSocket;

const MANY: Ipv4Addr = Ipv4Addr::LOCALHOST;
const FEW: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// More than the system buffers.
const ANSWERS: usize = 40;

/// Sends requests for large answers.
fn asked(source: Ipv4Addr, address: SocketAddr) -> Wire {
    let mut wire = Wire::from(source, address);
    wire.send("GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: test\r\n\r\n".repeat(ANSWERS));
    wire
}

/// Reads 64 KiB of each in turn, ten times a second, until told to stop.
fn trickle(wires: &mut [Wire], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for wire in &mut *wires {
            drop(wire.take(64 * 1024));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Runs `work` while the wires are read from slowly.
fn while_reading_slowly<R>(wires: &mut [Wire], work: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| trickle(wires, &stop));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_a_trickle_on_every_connection_keep_no_other_waiting() {
    let limits = Limits {
        connections: 16,
        ..Limits::default()
    };
    let served = served(limits).await;
    let mut few = asked(FEW, served.address);
    let mut many: Vec<Wire> = (0..15).map(|_| asked(MANY, served.address)).collect();
    while_reading_slowly(&mut many, || {
        for _ in 0..3 {
            let started = Instant::now();
            let mut wire = Wire::from(OTHER, served.address);
            wire.send("GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
            assert_eq!(wire.reply().unwrap().status, 200);
            assert!(started.elapsed() < Limits::default().write / 2);
        }
    });
    if cfg!(target_os = "linux") {
        // The client that holds one connection keeps it, slow as it is.
        for _ in 0..ANSWERS {
            assert_eq!(few.reply().unwrap().status, 200);
        }
    }
}

/// How many bytes a client gets that first reads a trickle for some seconds, and then all it can.
async fn taken_after_a_trickle(write_rate: u64) -> usize {
    let limits = Limits {
        write: Duration::from_secs(1),
        write_rate,
        ..Limits::default()
    };
    // A connection takes the size over. In a large buffer, a trickle would free no room for seconds.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let served = served_on(socket.listen(16).unwrap(), limits).await;
    let mut slow = [asked(MANY, served.address)];
    while_reading_slowly(&mut slow, || std::thread::sleep(Duration::from_secs(4)));
    let [mut slow] = slow;
    let (enough, mut taken) = (30 * 1024 * 1024, 0);
    while taken < enough {
        match slow.take(1024 * 1024) {
            Ok(bytes @ 1..) => taken += bytes,
            _ => break,
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slower_than_the_least_rate_is_given_up() {
    let (strict, lenient) = (64 * 1024 * 1024, 1);
    // What was in the buffers of the system.
    let taken = taken_after_a_trickle(strict).await;
    assert!(taken < 10 * 1024 * 1024, "{taken}");
    let taken = taken_after_a_trickle(lenient).await;
    assert!(taken >= 30 * 1024 * 1024, "{taken}");
}
