//! `SECRET_KEY_PREVIOUS`: the key is replaced on running servers, and nobody is signed out.

use super::super::SECRET;
use super::super::program::{DEMO, Program};
use super::super::raw::{ask, call, sign_in, token};
use super::{ADMIN, DATABASE};
use tempfile::TempDir;

const NEW: &str = "canary-of-another-key-9876543210-9876543210-xyz";

/// A server on a database that others share, with these keys.
fn server(database: &str, key: &str, previous: &str) -> Program {
    let variables = [
        ("DATABASE", database),
        ("ADMIN_EMAIL", ADMIN.0),
        ("ADMIN_PASSWORD", ADMIN.1),
        ("SECRET_KEY", key),
        ("SECRET_KEY_PREVIOUS", previous),
    ];
    Program::start(TempDir::new().unwrap(), &[], &variables)
}

fn new_token(server: &Program) -> String {
    token(&sign_in(server.address, ADMIN.0, ADMIN.1))
}

fn takes(server: &Program, token: &str) -> bool {
    match call(server.address, "GET", "/users/me", token, "").status {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

#[test]
fn servers_rolled_one_after_the_other_take_each_others_tokens_at_every_step() {
    let shared = TempDir::new().unwrap();
    let database = shared.path().join("users.db");
    let database = database.to_str().unwrap();
    let mut servers = [server(database, SECRET, ""), server(database, SECRET, "")];
    let oldest = new_token(&servers[0]);
    for (key, previous) in [(SECRET, NEW), (NEW, SECRET), (NEW, "")] {
        for rolled in 0..servers.len() {
            servers[rolled] = server(database, key, previous);
            for from in &servers {
                let fresh = new_token(from);
                for to in &servers {
                    assert!(takes(to, &fresh), "{key} {rolled}");
                }
            }
            // A token of the first hour lasts until the old key is taken away.
            assert_eq!(takes(&servers[rolled], &oldest), !previous.is_empty());
        }
    }
}

#[test]
fn with_two_keys_new_tokens_are_signed_by_the_first() {
    let shared = TempDir::new().unwrap();
    let database = shared.path().join("users.db");
    let database = database.to_str().unwrap();
    let both = server(database, NEW, SECRET);
    let fresh = new_token(&both);
    assert!(takes(&server(database, NEW, ""), &fresh));
    assert!(!takes(&server(database, SECRET, ""), &fresh));
    // The second key is no back door: a token of a third one is refused.
    let third = server(database, "canary-of-a-third-key-0000000000-1111111111", "");
    assert!(!takes(&both, &new_token(&third)));
}

#[test]
fn the_demonstration_looks_at_no_second_key() {
    let program = Program::demo(&[("SECRET_KEY_PREVIOUS", "short"), DATABASE[0]]);
    assert_eq!(sign_in(program.address, DEMO.0, DEMO.1).status, 200);
    assert_eq!(ask(program.address, "GET", "/readyz", &[], "").status, 200);
}
