//! The real program under way: what it survives, and how it stops.
#![cfg(unix)]

use super::NEW_PASSWORD;
use super::program::{DEMO, Program};
use super::raw::{Reply, Wire, ask, call, sign_in, token};
use core::time::Duration;
use serde_json::json;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Instant;
use tempfile::TempDir;

#[test]
fn three_hundred_wrong_passwords_meet_429_with_retry_after() {
    let program = Program::demo(&[]);
    let mut refused = 0;
    for _ in 0..300 {
        let reply = sign_in(program.address, DEMO.0, "wrong");
        match reply.status {
            401 => {}
            429 => {
                refused += 1;
                assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
            }
            status => panic!("{status}"),
        }
    }
    assert!(refused >= 270, "{refused}");
    assert_eq!(sign_in(program.address, DEMO.0, DEMO.1).status, 429);
}

#[test]
fn twelve_megabytes_without_a_token_are_401_at_once_and_leave_memory_flat() {
    let program = Program::demo(&[]);
    // Everything that is made on first use is made now.
    assert_eq!(
        ask(program.address, "POST", "/users", &[], "{}").status,
        401
    );
    let before = program.peak_memory();
    for (framing, opening) in [
        ("Content-Length: 12000000", ""),
        ("Transfer-Encoding: chunked", "b71b00\r\n"),
    ] {
        let mut wire = Wire::to(program.address);
        wire.send(format!("POST /users HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{opening}[1,"));
        // Answered before the body is sent; then the rest is sent regardless, as simple clients do.
        let reply = wire.reply().unwrap();
        assert_eq!(reply.status, 401);
        assert_eq!(reply.body, r#"{"detail":"Not authenticated"}"#);
        let piece = "1,".repeat(32 * 1024);
        for _ in 0..183 {
            if wire.try_send(&piece).is_err() {
                break;
            }
        }
        drop(wire);
        // A client that reads only when it has sent everything gets its answer too.
        let mut wire = Wire::to(program.address);
        let body = "1".repeat(12_000_000);
        let chunk_end = if opening.is_empty() {
            ""
        } else {
            "\r\n0\r\n\r\n"
        };
        wire.send(format!(
            "POST /users HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n{opening}{body}{chunk_end}"
        ));
        assert_eq!(wire.reply().unwrap().status, 401);
        assert!(wire.ended());
    }
    if let (Some(before), Some(after)) = (before, program.peak_memory()) {
        assert!(
            after - before < 3 * 1024,
            "{before} KiB before, {after} after"
        );
    }
}

#[test]
fn sigterm_lets_the_request_in_flight_finish() {
    let mut program = Program::demo(&[]);
    let form = format!("username={}&password={}", DEMO.0, DEMO.1);
    let (half, rest) = form.split_at(20);
    let mut wire = Wire::to(program.address);
    wire.send(format!(
        "POST /token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{half}",
        form.len()
    ));
    let mut idle = Wire::to(program.address);
    idle.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(idle.reply().unwrap().status, 200);
    program.signal("-TERM");
    assert!(idle.ended());
    // Nobody new is let in.
    let started = Instant::now();
    while std::net::TcpStream::connect(program.address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    wire.send(rest);
    assert_eq!(wire.reply().unwrap().status, 200);
    assert!(wire.ended());
    assert!(program.exit().success());
}

#[test]
fn kill_9_loses_no_user_that_was_answered_201() {
    let admin = ("root@example.com", "canary of the first admin");
    let variables = [
        ("ADMIN_EMAIL", admin.0),
        ("ADMIN_PASSWORD", admin.1),
        ("DATABASE", "users.db"),
    ];
    let program = Program::start(TempDir::new().unwrap(), &[], &variables);
    let (address, bearer) = (
        program.address,
        token(&sign_in(program.address, admin.0, admin.1)),
    );
    let (created, count, over) = (
        Mutex::new(HashSet::new()),
        AtomicUsize::new(0),
        AtomicBool::new(false),
    );
    let place = std::thread::scope(|scope| {
        for worker in 0..3 {
            let (bearer, created, count, over) = (&bearer, &created, &count, &over);
            scope.spawn(move || {
                for number in 0.. {
                    let email = format!("u{worker}-{number}@example.com");
                    let body = json!({"email": email, "password": NEW_PASSWORD}).to_string();
                    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return };
                    let request = format!(
                        "POST /users HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let mut reply = [0; 12];
                    let answered = std::io::Write::write_all(&mut stream, request.as_bytes())
                        .and_then(|()| std::io::Read::read_exact(&mut stream, &mut reply));
                    if answered.is_err() || over.load(Ordering::Relaxed) {
                        return;
                    }
                    assert_eq!(&reply, b"HTTP/1.1 201");
                    let _new = created.lock().unwrap().insert(email);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let started = Instant::now();
        while count.load(Ordering::Relaxed) < 25 && started.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let place = program.kill();
        over.store(true, Ordering::Relaxed);
        place
    });
    let created = created.into_inner().unwrap();
    assert!(created.len() >= 25, "{}", created.len());

    let program = Program::start(place, &[], &variables);
    let bearer = token(&sign_in(program.address, admin.0, admin.1));
    let users = call(program.address, "GET", "/users?limit=1000", &bearer, "").json();
    let kept: HashSet<String> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].as_str().unwrap().to_owned())
        .collect();
    let lost: Vec<&String> = created.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let one = created.iter().next().unwrap();
    assert_eq!(sign_in(program.address, one, NEW_PASSWORD).status, 200);
}

#[test]
fn beyond_the_hashing_queue_sign_ins_are_503_at_once_with_retry_after() {
    let program = Program::demo(&[]);
    let address = program.address;
    let together = Barrier::new(150);
    let mut replies: Vec<Reply> = Vec::new();
    std::thread::scope(|scope| {
        let together = &together;
        let all: Vec<_> = (0..150)
            .map(|number| {
                scope.spawn(move || {
                    together.wait();
                    sign_in(address, &format!("u{number}@example.com"), "wrong")
                })
            })
            .collect();
        replies.extend(all.into_iter().map(|one| one.join().unwrap()));
    });
    let refused: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 503).collect();
    // Two are hashed and 64 wait, so some of 150 find no place; 401 and 429 are for those that did.
    assert!(!refused.is_empty());
    for reply in refused {
        assert!(reply.header("retry-after").is_some());
        assert_eq!(reply.json()["detail"], "Service temporarily unavailable");
    }
    assert!(
        replies
            .iter()
            .all(|reply| [401, 429, 503].contains(&reply.status))
    );
    // No place is lost for good.
    assert_ne!(sign_in(address, DEMO.0, DEMO.1).status, 503);
}
