//! What `GET /readyz` notices on a real file, and what the log says of it.
#![cfg(unix)]

use super::NEW_PASSWORD;
use super::program::Program;
use super::raw::{PATIENCE, ask, call, sign_in, token};
use core::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

const ADMIN: (&str, &str) = ("root@example.com", "canary of the first admin");
const VARIABLES: [(&str, &str); 3] = [
    ("ADMIN_EMAIL", ADMIN.0),
    ("ADMIN_PASSWORD", ADMIN.1),
    ("DATABASE", "users.db"),
];

fn start() -> Program {
    Program::start(TempDir::new().unwrap(), &[], &VARIABLES)
}

fn ready(program: &Program) -> u16 {
    ask(program.address, "GET", "/readyz", &[], "").status
}

/// Waits until readiness has this status: it is checked once a second.
fn becomes(program: &Program, status: u16) -> bool {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if ready(program) == status {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

#[test]
fn a_database_file_that_is_deleted_is_not_ready_and_the_log_says_why() {
    let program = start();
    assert_eq!(ready(&program), 200);
    let file = program.place.path().join("users.db");
    let aside = program.place.path().join("aside.db");
    std::fs::rename(&file, &aside).unwrap();
    assert!(becomes(&program, 503), "the file is gone and it is ready");
    let log = program.log();
    assert!(
        log.contains("deleted or moved") && log.contains("users.db"),
        "{log}"
    );
    assert_eq!(ask(program.address, "GET", "/healthz", &[], "").status, 200);
    std::fs::rename(&aside, &file).unwrap();
    assert!(
        becomes(&program, 200),
        "the file is back and it is not ready"
    );
    std::fs::remove_file(&file).unwrap();
    assert!(becomes(&program, 503), "the file is gone and it is ready");
}

#[test]
fn a_database_file_that_is_replaced_is_not_ready_and_the_log_says_why() {
    let program = start();
    assert_eq!(ready(&program), 200);
    let file = program.place.path().join("users.db");
    let copy = program.place.path().join("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    std::fs::rename(&copy, &file).unwrap();
    assert!(
        becomes(&program, 503),
        "another file is there and it is ready"
    );
    let log = program.log();
    assert!(log.contains("replaced by another"), "{log}");
}

#[test]
fn a_database_that_has_no_room_to_grow_is_not_ready_and_still_reads() {
    // No file may grow beyond so many blocks of 512 bytes, and trying is an error instead of the end of the process.
    let program = Program::start_limited(
        "trap '' XFSZ; ulimit -f 400",
        TempDir::new().unwrap(),
        &[],
        &[&VARIABLES[..], &[("RUST_LOG", "error")]].concat(),
    );
    let bearer = token(&sign_in(program.address, ADMIN.0, ADMIN.1));
    assert_eq!(ready(&program), 200);
    let refused = (0..200).any(|number| {
        let body = format!(r#"{{"email":"u{number}@example.com","password":"{NEW_PASSWORD}"}}"#);
        call(program.address, "POST", "/users", &bearer, &body).status != 201
    });
    assert!(refused, "the file grows without a bound");
    assert!(
        becomes(&program, 503),
        "nothing can be written and it is ready"
    );
    assert_eq!(
        call(program.address, "GET", "/users", &bearer, "").status,
        200
    );
    assert_eq!(ask(program.address, "GET", "/healthz", &[], "").status, 200);
}

#[test]
fn the_log_says_whether_a_first_user_was_created() {
    let program = start();
    assert_eq!(program.log().matches("first user created").count(), 1);
    let place = program.kill();
    let program = Program::start(place, &[], &VARIABLES);
    let log = program.log();
    assert_eq!(
        log.matches(" first user created").count() - log.matches("no first user created").count(),
        1,
        "{log}"
    );
    assert!(
        log.contains("no first user created: the store holds users already"),
        "{log}"
    );
}
