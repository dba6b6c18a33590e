//! What operators do: commands beside a running server, replacing keys, stopping, proxies, and the guide that says how.
#![cfg(unix)]

mod backup;
mod base_path;
mod drain;
mod guide;
pub(super) mod proxy;
mod proxy_files;
mod restore;
mod restore_file;
mod rotation;
mod set_password;

use super::program::{Program, binary};
use super::raw::{call, sign_in, token};
use super::{NEW_PASSWORD, SECRET};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const ADMIN: (&str, &str) = ("root@example.com", "canary of the first admin");

/// The name of the database in a program's folder.
const DATABASE: [(&str, &str); 1] = [("DATABASE", "users.db")];

/// A server on an SQLite file, `users.db` in its folder, with [`ADMIN`] in it if it is new.
fn server(place: TempDir) -> Program {
    let variables = [
        DATABASE[0],
        ("ADMIN_EMAIL", ADMIN.0),
        ("ADMIN_PASSWORD", ADMIN.1),
    ];
    Program::start(place, &[], &variables)
}

/// Lets the administrator create a user with [`NEW_PASSWORD`].
fn create(program: &Program, email: &str) {
    let admin = token(&sign_in(program.address, ADMIN.0, ADMIN.1));
    let body = json!({"email": email, "password": NEW_PASSWORD}).to_string();
    let created = call(program.address, "POST", "/users", &admin, &body);
    assert_eq!(created.status, 201, "{}", created.body);
}

/// Runs a command in a folder, with this on its standard input.
fn run(place: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
    let mut child = Command::new(binary())
        .args(arguments)
        .env_clear()
        .env("SECRET_KEY", SECRET)
        .envs(variables.iter().copied())
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever refuses at once does not read it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

/// What a command says that must succeed.
fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(error.is_empty(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line of a command that must fail.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.contains("canary"), "{error}");
    error
}

/// The names in a folder, in their order, but for the server's log.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "log")
        .collect();
    names.sort();
    names
}

/// A file in a folder whose name starts like this.
fn found(folder: &Path, start: &str) -> Option<PathBuf> {
    let names = names(folder);
    let name = names.iter().find(|name| name.starts_with(start))?;
    Some(folder.join(name))
}

async fn connect(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .connect()
        .await
        .unwrap()
}

/// The addresses in a database that must be undamaged.
async fn emails(database: &Path) -> Vec<String> {
    let mut connection = connect(database).await;
    let integrity: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(integrity, ["ok"]);
    let emails = sqlx::query_scalar("SELECT email FROM portcullis_users ORDER BY email")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    // Not only dropped: that would not wait until it is closed.
    connection.close().await.unwrap();
    emails
}
