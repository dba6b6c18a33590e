//! What only a real connection shows: bytes that no HTTP library sends, and clients that take their time.
//!
//! On the memory store alone: what is promised here is the work of the sockets, before and after any store is asked.

use super::raw::{Wire, ask};
use super::{PASSWORD, Town, config};
use crate::limits::Limits;
use crate::serve::serve;
use core::time::Duration;
use portcullis::stores::memory::MemoryStore;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_millis(300);

/// A served town. Serving ends with this value.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    token: String,
    stop: oneshot::Sender<()>,
    over: JoinHandle<()>,
}

pub(super) async fn served(limits: Limits) -> Served {
    served_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), limits).await
}

pub(super) async fn served_on(listener: TcpListener, limits: Limits) -> Served {
    let mut config = config(&[]);
    config.limits = limits;
    let town = Town::with(MemoryStore::new(), &config).await;
    let token = town.token(&town.anna).await;
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let over = tokio::spawn(serve(listener, town.router, limits, async {
        drop(stopped.await);
    }));
    Served {
        address,
        token,
        stop,
        over,
    }
}

fn hasty() -> Limits {
    Limits {
        head: SHORT,
        body: SHORT,
        linger: SHORT,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_never_chosen_between() {
    let served = served(Limits::default()).await;
    let good = format!("Bearer {}", served.token);
    let bearer = ("Authorization", good.as_str());
    assert_eq!(
        ask(served.address, "GET", "/users", &[bearer], "").status,
        200
    );
    for other in ["Bearer bad", "Basic YTpi", &good] {
        for pair in [
            [bearer, ("Authorization", other)],
            [("authorization", other), bearer],
        ] {
            assert_eq!(ask(served.address, "GET", "/users", &pair, "").status, 401);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_bodies_are_read_up_to_the_limit_and_end_the_connection() {
    let served = served(Limits::default()).await;
    let head = "POST /token HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n";
    let form = format!("username=anna@example.com&password={PASSWORD}");
    let mut wire = Wire::to(served.address);
    wire.send(format!("{head}{:x}\r\n{form}\r\n0\r\n\r\n", form.len()));
    let reply = wire.reply().unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(wire.ended());

    let mut wire = Wire::to(served.address);
    wire.send(head);
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    // No end is sent: it must be refused when it crosses the limit, not when it is over.
    for _ in 0..5 {
        wire.send(&chunk);
    }
    let reply = wire.reply().unwrap();
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json()["error"], "invalid_request");

    let mut wire = Wire::to(served.address);
    wire.send(format!("{head}nonsense\r\n"));
    assert_eq!(wire.reply().unwrap().status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn continue_is_said_only_when_the_body_is_wanted() {
    let served = served(Limits::default()).await;
    let form = format!("username=anna@example.com&password={PASSWORD}");
    let mut wire = Wire::to(served.address);
    wire.send(format!(
        "POST /token HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
        form.len()
    ));
    assert_eq!(wire.reply().unwrap().status, 100);
    wire.send(&form);
    assert_eq!(wire.reply().unwrap().status, 200);

    let mut wire = Wire::to(served.address);
    wire.send(
        "POST /users HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    );
    assert_eq!(wire.reply().unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_408_and_a_slow_head_is_cut_off() {
    let served = served(hasty()).await;
    let started = Instant::now();
    let mut wire = Wire::to(served.address);
    wire.send("POST /token HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nuser");
    let reply = wire.reply().unwrap();
    assert_eq!(reply.status, 408);
    assert_eq!(reply.json()["error"], "invalid_request");
    assert!(wire.ended());

    let mut trickle = Wire::to(served.address);
    trickle.send("GET / HTTP/1.1\r\nHost: te");
    let mut silent = Wire::to(served.address);
    let mut idle = Wire::to(served.address);
    idle.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(idle.reply().unwrap().status, 200);
    for wire in [&mut trickle, &mut silent, &mut idle] {
        assert!(wire.reply().is_none_or(|reply| reply.status == 408));
        assert!(wire.ended());
    }
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "the limits were not used"
    );
    // A token first, before the patience for a body begins.
    let mut wire = Wire::to(served.address);
    wire.send("POST /users HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{");
    assert_eq!(wire.reply().unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_does_not_live_for_ever() {
    let limits = Limits {
        connection: SHORT,
        ..Limits::default()
    };
    let served = served(limits).await;
    let mut wire = Wire::to(served.address);
    let started = Instant::now();
    loop {
        if wire
            .try_send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            .is_err()
            || wire.reply().is_none()
        {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_last_place_clients_wait_for_one() {
    let limits = Limits {
        connections: 1,
        head: SHORT,
        ..Limits::default()
    };
    let served = served(limits).await;
    let silent = Wire::to(served.address);
    let mut next = Wire::to(served.address);
    next.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(next.reply().unwrap().status, 200);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_two_readers_could_take_apart_differently_are_not_followed_by_another() {
    let served = served(hasty()).await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n";
    let with_both = |first: &str, second: &str| {
        format!(
            "POST /nowhere HTTP/1.1\r\nHost: test\r\n{first}\r\n{second}\r\n\r\n0\r\n\r\n{hidden}"
        )
    };
    let (length, chunked) = ("Content-Length: 5", "Transfer-Encoding: chunked");
    for request in [
        with_both(length, chunked),
        with_both(chunked, length),
        with_both(chunked, "X: y"),
        with_both("Transfer-Encoding: chunked, identity", length),
        with_both("Transfer-Encoding: xchunked", length),
        with_both("Content-Length: 5", "Content-Length: 6"),
        with_both("Content-Length: +5", "X: y"),
        with_both("Content-Length : 5", "X: y"),
        with_both("Transfer-Encoding : chunked", length),
        with_both("Host: other", chunked),
        format!("GET / HTTP/1.1\nHost: test\n\u{b}\n\n{hidden}"),
        format!("GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n{hidden}"),
    ] {
        let mut wire = Wire::to(served.address);
        wire.send(&request);
        let status = wire.reply().map(|reply| reply.status);
        assert!(
            matches!(status, None | Some(400 | 404)),
            "{request:?}: {status:?}"
        );
        assert!(wire.reply().is_none(), "a second answer to {request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_refused_by_their_own_status() {
    let served = served(hasty()).await;
    let long = "a".repeat(70_000);
    let header = "b".repeat(200_000);
    for (request, statuses) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), &[400][..]),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            format!("GET /users/{long} HTTP/1.1\r\nHost: test\r\n\r\n"),
            &[414, 400],
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: test\r\nX: {header}\r\n\r\n"),
            &[431],
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
            &[404, 400],
        ),
        (
            "CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
            &[404, 400],
        ),
        ("TRACE / HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(), &[405]),
        ("FOO / HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(), &[405]),
        ("nonsense\r\n\r\n".to_owned(), &[400]),
    ] {
        let mut wire = Wire::to(served.address);
        // The end of what is too long may not be taken any more.
        drop(wire.try_send(&request));
        let shown: String = request.chars().take(40).collect();
        let status = wire.reply().unwrap().status;
        assert!(statuses.contains(&status), "{shown}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_ever() {
    let limits = Limits {
        shutdown: SHORT,
        ..Limits::default()
    };
    let served = served(limits).await;
    let mut stuck = Wire::to(served.address);
    stuck.send("POST /token HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nu");
    let mut silent = Wire::to(served.address);
    let mut seen = Wire::to(served.address);
    seen.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(seen.reply().unwrap().status, 200);
    drop(served.stop);
    let over = tokio::time::timeout(Duration::from_secs(10), served.over);
    assert!(over.await.is_ok(), "it does not stop");
    assert!(stuck.ended() && silent.ended());
}
