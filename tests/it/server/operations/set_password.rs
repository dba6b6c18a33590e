//! `server set-password`: beside running servers, on SQLite and on Supabase, and the password is shown nowhere.

use super::super::program::{Program, binary, finish};
use super::super::raw::{PATIENCE, call, sign_in, token};
use super::super::site::Supabase;
use super::{ADMIN, DATABASE, connect, create, names, refused, run, said, server};
use crate::server::NEW_PASSWORD;
use crate::stack::Stack;
use core::time::Duration;
use sqlx::Connection as _;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const CHANGED: &str = "canary set by the operator";

/// Sets the administrator's password beside a server that runs on the same database.
fn changes_beside(program: &Program, variables: &[(&str, &str)]) {
    let address = program.address;
    let before = token(&sign_in(address, ADMIN.0, ADMIN.1));
    let place = program.place.path();
    // The address as somebody may type it; the line's end is not part of the password.
    let output = run(
        place,
        &["set-password", "Root@EXAMPLE.com"],
        variables,
        &format!("{CHANGED}\n"),
    );
    assert_eq!(
        said(&output),
        "root@example.com has a new password; older tokens have ended\n"
    );
    assert_eq!(call(address, "GET", "/users/me", &before, "").status, 401);
    assert_eq!(sign_in(address, ADMIN.0, ADMIN.1).status, 401);
    let after = token(&sign_in(address, ADMIN.0, CHANGED));
    assert_eq!(call(address, "GET", "/users/me", &after, "").status, 200);
}

#[test]
fn a_new_password_counts_at_once_and_ends_older_tokens_on_sqlite() {
    let program = server(TempDir::new().unwrap());
    changes_beside(&program, &DATABASE);
}

#[test]
fn a_new_password_counts_at_once_and_ends_older_tokens_on_supabase() {
    let place = Stack::shared().place();
    let variables = Supabase::variables(&place);
    let mut all = vec![("ADMIN_EMAIL", ADMIN.0), ("ADMIN_PASSWORD", ADMIN.1)];
    all.extend(variables);
    let program = Program::start(TempDir::new().unwrap(), &[], &all);
    changes_beside(&program, &variables);
}

#[test]
fn what_the_rules_refuse_changes_nothing() {
    let program = server(TempDir::new().unwrap());
    let place = program.place.path();
    for (input, word) in [
        ("", "is refused"),
        ("canary\n", "is refused"),
        // It holds the address.
        ("root@example.com", "is refused"),
        ("canary of two\nlines and more\n", "one line"),
        ("canary with a \0 inside it", "one line"),
    ] {
        let error = refused(&run(place, &["set-password", ADMIN.0], &DATABASE, input));
        assert!(error.contains(word), "{input:?}: {error}");
    }
    let large = "canary ".repeat(10_000);
    let error = refused(&run(place, &["set-password", ADMIN.0], &DATABASE, &large));
    assert!(error.contains("is refused"), "{error}");
    for (email, word) in [("nobody@example.com", "no user"), ("nobody", "e-mail")] {
        let error = refused(&run(place, &["set-password", email], &DATABASE, CHANGED));
        assert!(error.contains(word) && !error.contains("nobody"), "{error}");
    }
    assert_eq!(sign_in(program.address, ADMIN.0, ADMIN.1).status, 200);
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let place = TempDir::new().unwrap();
    let error = refused(&run(
        place.path(),
        &["set-password", ADMIN.0],
        &DATABASE,
        CHANGED,
    ));
    assert!(error.contains("users.db"), "{error}");
    assert!(names(place.path()).is_empty());
}

#[tokio::test]
async fn a_disabled_user_stays_disabled_and_the_operator_is_told() {
    let program = server(TempDir::new().unwrap());
    create(&program, "max@example.com");
    let mut connection = connect(&program.place.path().join("users.db")).await;
    sqlx::query("UPDATE portcullis_users SET disabled = 1 WHERE email = 'max@example.com'")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let place = program.place.path();
    let output = said(&run(
        place,
        &["set-password", "max@example.com"],
        &DATABASE,
        CHANGED,
    ));
    assert!(output.contains("is disabled"), "{output}");
    assert_ne!(
        sign_in(program.address, "max@example.com", CHANGED).status,
        200
    );
    assert_ne!(
        sign_in(program.address, "max@example.com", NEW_PASSWORD).status,
        200
    );
}

#[tokio::test]
async fn a_password_that_is_set_although_failures_stay_is_said_to_be_set() {
    let program = server(TempDir::new().unwrap());
    assert_eq!(sign_in(program.address, ADMIN.0, "wrong").status, 401);
    let mut connection = connect(&program.place.path().join("users.db")).await;
    sqlx::query(
        "CREATE TRIGGER stays BEFORE DELETE ON portcullis_counters BEGIN SELECT RAISE(FAIL, 'stays'); END",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let place = program.place.path();
    let output = run(place, &["set-password", ADMIN.0], &DATABASE, CHANGED);
    let error = refused(&output);
    assert!(error.contains("the password is changed"), "{error}");
    assert!(
        error.contains("server unlock") && error.contains("stays"),
        "{error}"
    );
    assert_eq!(output.status.code(), Some(1));
    let mut connection = connect(&program.place.path().join("users.db")).await;
    sqlx::query("DROP TRIGGER stays")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(sign_in(program.address, ADMIN.0, CHANGED).status, 200);
}

#[test]
fn a_password_is_never_an_argument() {
    let place = TempDir::new().unwrap();
    let error = refused(&finish(
        place.path(),
        &["set-password", ADMIN.0, CHANGED],
        &DATABASE,
    ));
    assert!(error.contains("standard input"), "{error}");
}

/// Types at a terminal: waits for each prompt, then answers it. Gives the outcome, and all that was on the screen.
fn typed(place: &Path, answers: [&str; 2]) -> (bool, String) {
    let command = format!("'{}' set-password {}", binary().display(), ADMIN.0);
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("SECRET_KEY", crate::server::SECRET)
        .envs(DATABASE)
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keyboard, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut screen, mut piece) = (String::new(), [0; 256]);
    for (prompt, answer) in ["New password: ", "Once more: "].into_iter().zip(answers) {
        while !screen.ends_with(prompt) {
            let read = out.read(&mut piece).unwrap();
            assert!(read > 0, "{screen:?}");
            screen += &String::from_utf8_lossy(&piece[..read]);
        }
        // Nobody types sooner after a prompt than it takes to stop showing what is typed.
        std::thread::sleep(Duration::from_millis(500));
        keyboard
            .write_all(format!("{answer}\n").as_bytes())
            .unwrap();
    }
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.success(), screen + &rest);
        }
        assert!(started.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `script` gives the command a terminal. It is part of every Debian.
#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_a_password_is_typed_twice_and_not_shown() {
    let program = server(TempDir::new().unwrap());
    let (done, screen) = typed(program.place.path(), [CHANGED, "canary mistyped"]);
    assert!(!done && screen.contains("not the same"), "{screen:?}");
    assert!(!screen.contains("canary"), "{screen:?}");
    assert_eq!(sign_in(program.address, ADMIN.0, ADMIN.1).status, 200);
    let (done, screen) = typed(program.place.path(), [CHANGED, CHANGED]);
    assert!(done && screen.contains("has a new password"), "{screen:?}");
    assert!(!screen.contains("canary"), "{screen:?}");
    assert_eq!(sign_in(program.address, ADMIN.0, CHANGED).status, 200);
}
