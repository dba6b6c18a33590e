//! `server backup`: a whole copy while the server writes, or no file at all.

use super::super::program::finish;
use super::super::raw::{call, sign_in, token};
use super::{ADMIN, DATABASE, connect, create, emails, names, refused, said, server};
use crate::server::NEW_PASSWORD;
use serde_json::json;
use sqlx::Connection as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_the_server_writes_has_every_user_that_was_answered_before_it() {
    let program = server(TempDir::new().unwrap());
    let place = program.place.path();
    let admin = token(&sign_in(program.address, ADMIN.0, ADMIN.1));
    let (created, over) = (Mutex::new(Vec::<String>::new()), AtomicBool::new(false));
    let (before, output) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                let email = format!("u{number}@example.com");
                let body = json!({"email": email, "password": NEW_PASSWORD}).to_string();
                let answer = call(program.address, "POST", "/users", &admin, &body);
                assert_eq!(answer.status, 201, "{}", answer.body);
                created.lock().unwrap().push(email);
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        while created.lock().unwrap().len() < 20 {
            std::thread::yield_now();
        }
        let before = created.lock().unwrap().clone();
        let output = finish(place, &["backup", "copy.db"], &DATABASE);
        over.store(true, Ordering::Relaxed);
        (before, output)
    });
    // The file alone would lack what is in the write-ahead log.
    assert!(place.join("users.db-wal").metadata().unwrap().len() > 0);

    let copy = place.join("copy.db");
    let kept = emails(&copy).await;
    assert_eq!(
        said(&output),
        format!("users in {}: {}\n", copy.display(), kept.len())
    );
    assert!(before.iter().all(|email| kept.contains(email)), "{kept:?}");
    assert!(kept.contains(&ADMIN.0.to_owned()));
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let expected = ["copy.db", "users.db", "users.db-shm", "users.db-wal"];
    assert_eq!(names(place), expected);
}

#[test]
fn a_backup_overwrites_nothing_and_leaves_nothing_half_done() {
    let program = server(TempDir::new().unwrap());
    let place = program.place.path();
    fs::write(place.join("there"), "before").unwrap();
    symlink("nowhere", place.join("link")).unwrap();
    let files = names(place);
    let refused_with = |variables: &[(&str, &str)], to: &str, word: &str| {
        let error = refused(&finish(place, &["backup", to], variables));
        assert!(error.contains(word), "{error}");
        assert_eq!(names(place), files);
    };
    refused_with(&DATABASE, "there", "exists already");
    refused_with(&DATABASE, "link", "exists already");
    refused_with(&DATABASE, "users.db", "exists already");
    refused_with(&DATABASE, "no/such/folder/copy", "no/such/folder/copy");
    // A typing error in the database's name must not look like a database of nobody.
    refused_with(&[("DATABASE", "usres.db")], "copy", "usres.db");
    refused_with(&[("DATABASE", "there")], "copy", "not a database");
    assert_eq!(fs::read(place.join("there")).unwrap(), b"before");
    let error = refused(&finish(place, &["backup"], &DATABASE));
    assert!(error.contains("needs the file"), "{error}");
}

#[tokio::test]
async fn a_backup_does_not_change_the_tables_it_copies() {
    let program = server(TempDir::new().unwrap());
    let database = program.place.path().join("users.db");
    create(&program, "max@example.com");
    let place = program.kill();
    let mut connection = connect(&database).await;
    for statement in [
        "CREATE TABLE of_the_application (value TEXT)",
        "INSERT INTO of_the_application VALUES ('kept too')",
        // As a newer version of the program would leave it: this one could not open it.
        "INSERT INTO portcullis_migrations VALUES (999)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
    said(&finish(place.path(), &["backup", "copy.db"], &DATABASE));
    let mut copy = connect(&place.path().join("copy.db")).await;
    let value: String = sqlx::query_scalar("SELECT value FROM of_the_application")
        .fetch_one(&mut copy)
        .await
        .unwrap();
    assert_eq!(value, "kept too");
}

#[test]
fn users_on_supabase_are_backed_up_and_restored_by_other_means_and_the_line_says_so() {
    let place = TempDir::new().unwrap();
    let variables = [
        ("SUPABASE_URL", "https://canary.example"),
        ("SUPABASE_KEY", "sb_secret_canary"),
    ];
    fs::write(place.path().join("file"), "").unwrap();
    for (arguments, word) in [
        (["backup", "copy.db"], "Supabase's backups or pg_dump"),
        (["restore", "file"], "the database's own means"),
    ] {
        let error = refused(&finish(place.path(), &arguments, &variables));
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(names(place.path()), ["file"]);
}
