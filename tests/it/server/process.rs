//! The real program as a process: how it starts, what it survives, how it stops.
#![cfg(unix)]

use super::raw::{Program, Reply, Wire, ask, finish, sign_in};
use super::{NEW_PASSWORD, SECRET};
use core::time::Duration;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Instant;
use tempfile::TempDir;

const DEMO: (&str, &str) = ("test@example.com", "fakehashedpassword");

pub(super) fn token(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    format!("Bearer {}", reply.json()["access_token"].as_str().unwrap())
}

pub(super) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Reply {
    let headers = [
        ("Authorization", token),
        ("Content-Type", "application/json"),
    ];
    ask(address, method, path, &headers, body)
}

#[test]
fn it_does_not_start_on_a_wrong_configuration_and_says_why_in_one_line() {
    let place = TempDir::new().unwrap();
    let supabase = [
        ("SECRET_KEY", SECRET),
        ("SUPABASE_URL", "https://x.example"),
    ];
    let nowhere = [("SECRET_KEY", SECRET), ("DATABASE", "no/such/folder/x.db")];
    for (arguments, variables, word) in [
        (&[][..], &[][..], "openssl rand -base64 48"),
        (&[], &[("SECRET_KEY", "short")], "openssl rand -base64 48"),
        (&[], &supabase, "SUPABASE_URL"),
        (&[], &nowhere, "DATABASE"),
        (&["--dmeo"], &[], "--help"),
        (&["--demo"], &[("BIND", "0.0.0.0:0")], "loopback"),
    ] {
        let output = finish(place.path(), arguments, variables);
        assert!(!output.status.success(), "{word}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(word), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(output.stdout.is_empty());
    }
    let help = finish(place.path(), &["--help"], &[]);
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--demo"));
}

#[test]
fn a_dotenv_file_is_read_and_the_environment_wins() {
    let place = TempDir::new().unwrap();
    std::fs::write(
        place.path().join(".env"),
        "SECRET_KEY=canary\nWELCOME_MESSAGE=\"from the file\"\nISSUER=file\n",
    )
    .unwrap();
    let refused = finish(place.path(), &[], &[]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(
        error.contains("SECRET_KEY") && !error.contains("canary"),
        "{error}"
    );
    let program = Program::start(place, &["--demo"], &[("ISSUER", "environment")]);
    let root = ask(program.address, "GET", "/", &[], "");
    assert_eq!(root.body, r#"{"message":"from the file"}"#);
    let token = token(&sign_in(program.address, DEMO.0, DEMO.1));
    let claims = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(token.split('.').nth(1).unwrap())
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&claims).unwrap()["iss"],
        "environment"
    );

    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join(".env"), "SECRET_KEY 'canary\n").unwrap();
    let output = finish(place.path(), &["--demo"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains(".env") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn the_demo_answers_the_originals_two_calls_and_leaves_nothing_behind() {
    let place = TempDir::new().unwrap();
    let scratch = TempDir::new().unwrap();
    let variables = [("TMPDIR", scratch.path().to_str().unwrap())];
    let mut program = Program::start(place, &["--demo"], &variables);
    let form = "username=test@example.com&password=fakehashedpassword";
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let signed_in = ask(program.address, "POST", "/token", &headers, form);
    let token = token(&signed_in);
    assert_eq!(signed_in.json()["token_type"], "bearer");
    let users = call(program.address, "GET", "/users", &token, "");
    assert_eq!(users.status, 200);
    assert_eq!(users.json()[0]["email"], "test@example.com");
    assert_eq!(users.json()[0]["role"], "admin");
    assert!(
        users.json()[0]["created_at"]
            .as_str()
            .unwrap()
            .ends_with("+00:00")
    );
    program.signal("-TERM");
    assert!(program.exit().success());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

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
