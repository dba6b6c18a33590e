//! `server import-passwords`: the original's clear-text passwords become hashes, and none is lost on the way.

mod broken;
mod meanwhile;
mod screen;
mod story;

use super::super::program::{Program, finish};
use super::super::site::Supabase;
use super::original::Original;
use crate::stack::Place;
use std::process::Output;
use tempfile::TempDir;

/// What the command said, and whether it was content.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the command to its end.
fn import(place: &Place) -> Said {
    let folder = TempDir::new().unwrap();
    // Without SECRET_KEY: no token is made.
    Said::of(finish(
        folder.path(),
        &["import-passwords"],
        &Supabase::variables(place),
    ))
}

/// The server on this place.
fn server(place: &Place) -> Program {
    Program::start(TempDir::new().unwrap(), &[], &Supabase::variables(place))
}

/// One number that the database tells.
fn count(original: &Original, condition: &str) -> usize {
    let sql = format!("select count(*) from users where {condition}");
    original.place.sql(&sql).parse().unwrap()
}

/// How many are done; fails unless each row has the clear text it had and no hash, or a hash and no clear text.
fn done_so_far(original: &Original) -> usize {
    // Bytes as hexadecimal digits, since a password may hold a line's end.
    let rows = original.place.sql(
        "select id, password is null, password_hash is null, encode(convert_to(password, 'UTF8'), 'hex') from users",
    );
    let mut done = 0;
    for row in rows.lines() {
        let (id, held) = row.split_once('|').unwrap();
        let person = original
            .people
            .iter()
            .find(|person| person.id == id)
            .unwrap();
        let hex: String = person
            .password
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        match held {
            "t|f|" => done += 1,
            // Of an empty password there is no hash.
            "t|t|" if hex.is_empty() => done += 1,
            _ => assert_eq!(held, format!("f|t|{hex}"), "{person:?}"),
        }
    }
    assert_eq!(rows.lines().count(), original.people.len());
    done
}
