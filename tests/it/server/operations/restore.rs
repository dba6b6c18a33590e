//! `server restore`: the backup or the database before it, and never a mixture, whatever happens.

use super::super::program::{begin, finish};
use super::super::raw::{ask, sign_in};
use super::{ADMIN, DATABASE, connect, create, emails, found, names, refused, said, server};
use crate::server::NEW_PASSWORD;
use sqlx::Connection as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

const OLD: &str = "users.db.before-restore-";

/// A folder with a backup, `copy.db`, of a database that has one user more since. The server was killed, so that its last
/// writes are in the write-ahead log.
fn with_backup() -> TempDir {
    let program = server(TempDir::new().unwrap());
    create(&program, "anna@example.com");
    said(&finish(
        program.place.path(),
        &["backup", "copy.db"],
        &DATABASE,
    ));
    create(&program, "later@example.com");
    program.kill()
}

#[tokio::test]
async fn a_restore_brings_the_users_of_the_backup_and_keeps_those_of_before() {
    let place = with_backup();
    let folder = place.path();
    assert!(folder.join("users.db-wal").exists());
    let output = said(&finish(folder, &["restore", "copy.db"], &DATABASE));
    assert!(output.contains("users.db: 2\n"), "{output}");
    assert!(output.contains("what was there before is in "), "{output}");

    let database = folder.join("users.db");
    assert_eq!(
        database.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(emails(&database).await, ["anna@example.com", ADMIN.0]);
    let before = found(folder, OLD).unwrap();
    assert_eq!(
        before.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let everybody = ["anna@example.com", "later@example.com", ADMIN.0];
    assert_eq!(emails(&before).await, everybody);
    let left: Vec<_> = names(folder)
        .into_iter()
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let program = server(place);
    let signs_in = |email| sign_in(program.address, email, NEW_PASSWORD).status;
    assert_eq!(signs_in("anna@example.com"), 200);
    assert_eq!(signs_in("later@example.com"), 401);
}

#[tokio::test]
async fn a_restore_is_refused_while_a_server_has_the_database_open() {
    let program = server(with_backup());
    let folder = program.place.path();
    let before = names(folder);
    let error = refused(&finish(folder, &["restore", "copy.db"], &DATABASE));
    assert!(
        error.contains("is in use: stop the servers first"),
        "{error}"
    );
    assert_eq!(names(folder), before);
    assert_eq!(
        sign_in(program.address, "later@example.com", NEW_PASSWORD).status,
        200
    );
    create(&program, "new@example.com");

    let place = program.kill();
    said(&finish(place.path(), &["restore", "copy.db"], &DATABASE));
    assert_eq!(emails(&place.path().join("users.db")).await.len(), 2);
    assert_eq!(emails(&found(place.path(), OLD).unwrap()).await.len(), 4);
}

#[tokio::test]
async fn what_is_no_good_backup_is_refused_and_nothing_changes() {
    let place = with_backup();
    let folder = place.path();
    let good = fs::read(folder.join("copy.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    write("empty.db", b"");
    write("text.db", b"SQLite is not what this is");
    write("cut.db", &good[..good.len() - 4096]);
    let mut scratched = good.clone();
    // The middle of the second page: an index or the users themselves.
    scratched[4096 + 8..4096 + 512].fill(0xaa);
    write("scratched.db", &scratched);
    fs::copy(folder.join("users.db"), folder.join("lacking.db")).unwrap();
    write("other.db", b"");
    let mut other = connect(&folder.join("other.db")).await;
    sqlx::query("CREATE TABLE something (else_ TEXT)")
        .execute(&mut other)
        .await
        .unwrap();
    other.close().await.unwrap();
    write("with-log.db", &good);
    write("with-log.db-wal", b"somebody has it open");

    let (before, database) = (names(folder), fs::read(folder.join("users.db")).unwrap());
    for (file, word) in [
        ("absent.db", "absent.db"),
        (".", "is no file"),
        ("empty.db", "is no SQLite database"),
        ("text.db", "is no SQLite database"),
        ("cut.db", "cut.db"),
        ("scratched.db", "scratched.db"),
        ("lacking.db", "copied from a running database"),
        ("with-log.db", "copied from a running database"),
        ("other.db", "no table of users"),
    ] {
        let error = refused(&finish(folder, &["restore", file], &DATABASE));
        assert!(error.contains(word), "{error}");
        assert_eq!(names(folder), before, "{file}");
    }
    assert_eq!(fs::read(folder.join("users.db")).unwrap(), database);
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_its_log_is_not_read_into_the_new_one() {
    let place = with_backup();
    let folder = place.path();
    let log = fs::read(folder.join("users.db-wal")).unwrap();
    for log in [&log[..], b"no log at all"] {
        fs::write(folder.join("users.db"), [0xaa; 8192]).unwrap();
        fs::write(folder.join("users.db-wal"), log).unwrap();
        said(&finish(folder, &["restore", "copy.db"], &DATABASE));
        assert!(!folder.join("users.db-wal").exists());
        let users = emails(&folder.join("users.db")).await;
        assert_eq!(users, ["anna@example.com", ADMIN.0]);
        let before = found(folder, OLD).unwrap();
        if log.starts_with(b"no") {
            assert_eq!(fs::read(&before).unwrap(), [0xaa; 8192]);
        } else {
            // The log had all pages, so SQLite has mended the file before it was kept.
            assert_eq!(emails(&before).await.len(), 3);
        }
        for name in names(folder) {
            if name.starts_with(OLD) {
                fs::remove_file(folder.join(name)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_restore_makes_a_database_where_there_is_none() {
    let place = with_backup();
    let folder = place.path();
    // What a database that was deleted by hand leaves behind would be read into the new one.
    fs::remove_file(folder.join("users.db")).unwrap();
    said(&finish(folder, &["restore", "copy.db"], &DATABASE));
    let database = folder.join("users.db");
    assert_eq!(emails(&database).await.len(), 2);
    assert_eq!(
        database.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        found(folder, OLD)
            .unwrap()
            .to_string_lossy()
            .ends_with("-wal")
    );
}

#[test]
fn whoever_opened_the_old_file_before_finds_no_database_in_it_afterwards() {
    let place = with_backup();
    let mut late = File::open(place.path().join("users.db")).unwrap();
    said(&finish(place.path(), &["restore", "copy.db"], &DATABASE));
    let mut head = [0; 16];
    late.read_exact(&mut head).unwrap();
    assert_ne!(&head, b"SQLite format 3\0");
}

/// Fills a database up, so that copying it takes a while.
async fn enlarge(database: &Path, users: i64) {
    let mut connection = connect(database).await;
    sqlx::query(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
         INSERT INTO portcullis_users (id, email, created_at, password_hash) \
         SELECT 'id' || n, 'n' || n || '@example.com', '2026-01-01T00:00:00.000000+00:00', hex(randomblob(200)) FROM n",
    )
    .bind(users)
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_any_moment_leaves_the_old_database_or_the_new_one() {
    let place = with_backup();
    let folder = place.path();
    enlarge(&folder.join("users.db"), 20_000).await;
    said(&finish(folder, &["backup", "large.db"], &DATABASE));
    create_one_more(folder).await;
    let (old, new) = (20_004, 20_003);

    // How long one takes that is not killed.
    let started = Instant::now();
    fs::create_dir(folder.join("trial")).unwrap();
    fs::copy(folder.join("users.db"), folder.join("trial/users.db")).unwrap();
    said(&finish(
        &folder.join("trial"),
        &["restore", "../large.db"],
        &DATABASE,
    ));
    let whole = started.elapsed();

    let (mut kept, mut replaced) = (0, 0);
    for step in 1..=16_u32 {
        let mut child = begin(folder, &["restore", "large.db"], &DATABASE);
        std::thread::sleep(whole * step / 14);
        child.kill().unwrap();
        let _killed = child.wait().unwrap();
        let count = emails(&folder.join("users.db")).await.len();
        if count == new {
            replaced += 1;
            assert_eq!(emails(&found(folder, OLD).unwrap()).await.len(), old);
            // Again from the start.
            for name in names(folder).iter().filter(|name| name.starts_with(OLD)) {
                fs::remove_file(folder.join(name)).unwrap();
            }
            create_one_more(folder).await;
        } else {
            kept += 1;
            assert_eq!(count, old, "{step}");
        }
    }
    assert!(kept > 0, "{replaced} times the new database");
    // And after all of that it still works.
    said(&finish(folder, &["restore", "large.db"], &DATABASE));
    let program = server(place);
    assert_eq!(ask(program.address, "GET", "/readyz", &[], "").status, 200);
}

async fn create_one_more(folder: &Path) {
    let mut connection = connect(&folder.join("users.db")).await;
    sqlx::query("INSERT INTO portcullis_users (id, email, created_at) VALUES ('x', 'x@example.com', '2026')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}
