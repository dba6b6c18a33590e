//! The real program on a Supabase stack: how it starts, what its commands do, and what it logs.

mod address;
mod database;
mod import;
mod log;
mod migration;
mod original;

use super::program::{Program, finish};
use super::raw::ask;
use super::site::Supabase;
use super::{PASSWORD, SECRET};
use crate::stack::Place;
use tempfile::TempDir;

/// The line with which the program refuses to start on this place.
fn refusal(place: &Place, arguments: &[&str], more: &[(&str, &str)]) -> String {
    let folder = TempDir::new().unwrap();
    let mut variables = vec![("SECRET_KEY", SECRET), ("BIND", "127.0.0.1:0")];
    variables.extend(Supabase::variables(place));
    variables.extend(more);
    let output = finish(folder.path(), arguments, &variables);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("error: "), "{error}");
    let given = variables.iter().filter(|(name, _)| name.ends_with("_KEY"));
    for key in given.map(|(_, key)| key).filter(|key| !key.is_empty()) {
        assert!(!error.contains(key), "{error}");
    }
    error
}

/// The program starts on this place, and its store answers.
fn starts(place: &Place) {
    let mut variables = vec![
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", PASSWORD),
    ];
    variables.extend(Supabase::variables(place));
    let program = Program::start(TempDir::new().unwrap(), &[], &variables);
    assert_eq!(ask(program.address, "GET", "/readyz", &[], "").status, 200);
}

/// What `server migration` prints for this place.
fn printed_migration(place: &Place) -> String {
    let variables = [("SUPABASE_SCHEMA", &*place.schema)];
    let output = finish(TempDir::new().unwrap().path(), &["migration"], &variables);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
