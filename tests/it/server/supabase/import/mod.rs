//! `server import-passwords`: the original's clear-text passwords become hashes, and none is lost on the way.

mod broken;
mod meanwhile;
mod screen;
mod story;

use super::super::program::{Program, finish};
use super::super::site::Supabase;
use super::original::Original;
use crate::stack::Place;
use serde::Deserialize;
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
    let rows = original.place.sql(
        "select json_agg(json_build_object('id', id, 'clear', password, 'hash', password_hash)) from users",
    );
    let rows: Vec<Row> = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.len(), original.people.len());
    let mut done = 0;
    for Row { id, clear, hash } in rows {
        let person = original.people.iter().find(|person| person.id == id);
        let password = &person.unwrap().password;
        match (clear, hash) {
            (None, Some(_)) => done += 1,
            // Of an empty password there is no hash.
            (None, None) if password.is_empty() => done += 1,
            (Some(clear), None) => assert_eq!(clear, *password),
            (clear, hash) => panic!("{password:?} became {clear:?} and {hash:?}"),
        }
    }
    done
}

/// What a row holds of a password.
#[derive(Deserialize)]
struct Row {
    id: String,
    clear: Option<String>,
    hash: Option<String>,
}
