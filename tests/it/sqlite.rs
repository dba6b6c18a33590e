//! What the SQLite store promises beyond the suite: durability, privacy, sharing, and errors that tell nothing.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use core::error::Error;
use portcullis::directory::{DirectoryError, NewUser, Page, UserDirectory};
use portcullis::stores::sqlite::SqliteStore;
use portcullis::{PasswordHash, UserId, UserStore};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    (folder, path)
}

fn new_user(address: &str) -> NewUser {
    let mut new = NewUser::new(address.parse().unwrap());
    new.password_hash = Some(PasswordHash::from_stored("$canary-hash"));
    new
}

async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

const CHILD: &str = "PORTCULLIS_TEST_CHILD_DATABASE";

/// This test binary again, to run one test as a child that knows it is one.
fn again(test: &str, database: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("sqlite::{test}"), "--exact", "--nocapture"]);
    command.env(CHILD, database);
    command
}

/// The child's part: creates users for ever, four at a time, and says each id only after it was answered.
async fn create_until_killed(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let workers = (0..4).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0_u64.. {
                let user = store
                    .create(new_user(&format!("user{worker}-{number}@example.com")))
                    .await
                    .unwrap();
                // One write a line, so that lines of several workers are never mixed.
                std::io::stdout()
                    .lock()
                    .write_all(format!("id {}\n", user.id).as_bytes())
                    .unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_creation_was_answered_survives_kill_9() {
    if let Some(path) = std::env::var_os(CHILD) {
        return create_until_killed(Path::new(&path)).await;
    }
    for kill_after in [1, 25, 100] {
        let (_folder, path) = database();
        let mut child = again("a_user_whose_creation_was_answered_survives_kill_9", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut answered: Vec<UserId> = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(id) = line.unwrap().strip_prefix("id ") {
                answered.push(UserId::new(id).unwrap());
            }
            if answered.len() == kill_after {
                // SIGKILL on Unix. What it had written by then is still read.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered.len() >= kill_after, "the child ended by itself");

        let store = SqliteStore::open(&path).await.unwrap();
        for id in &answered {
            assert!(
                store.find_by_id(id).await.unwrap().is_some(),
                "{id} was answered and is lost"
            );
        }
        let total = store.list(None, Page::new(0, 1)).await.unwrap().total;
        let unanswered = total - u64::try_from(answered.len()).unwrap();
        assert!(
            unanswered <= 4,
            "{unanswered} users were created without an answer"
        );
        let check: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&pool(&path).await)
            .await
            .unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test]
async fn users_are_there_after_closing_and_opening_again() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).await.unwrap();
    let anna = store.create(new_user("anna@example.com")).await.unwrap();
    store.close().await;
    let again = SqliteStore::open(&path).await.unwrap();
    assert_eq!(
        again.find_by_id(&anna.id).await.unwrap().unwrap().user,
        anna
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_new_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = database();
    let store = SqliteStore::open(&path).await.unwrap();
    store.create(new_user("anna@example.com")).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(files.len() >= 2, "the database and its write-ahead log");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            mode,
            0o600,
            "{} has the mode {mode:o}",
            file.path().display()
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_mode_of_an_existing_database_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = database();
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    SqliteStore::open(&path).await.unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

/// Relative, too: so it runs in a child, whose working directory is nobody else's.
#[tokio::test]
async fn a_path_is_a_path_whatever_it_looks_like() {
    let names = [":memory:", "file:x?mode=memory", "a b%20c#?.db"];
    if std::env::var_os(CHILD).is_some() {
        for name in names {
            SqliteStore::open(name).await.unwrap().close().await;
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = again("a_path_is_a_path_whatever_it_looks_like", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    for name in names {
        let file = std::fs::metadata(folder.path().join(name)).unwrap();
        assert!(file.len() > 0, "{name} is empty");
    }
    assert!(SqliteStore::open("").await.is_err());
    assert!(SqliteStore::open(folder.path()).await.is_err());
    let nowhere = folder.path().join("no/such/folder.db");
    assert!(SqliteStore::open(nowhere).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_database_at_once() {
    // SQLite sends one of them away only now and then.
    for _ in 0..20 {
        let (_folder, path) = database();
        let opening = (0..8).map(|_| tokio::spawn(SqliteStore::open(path.clone())));
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn migrating_twice_is_migrating_once() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).await.unwrap();
    let anna = store.create(new_user("anna@example.com")).await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.find_by_id(&anna.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_is_shared_with_an_application_and_its_own_migrations() {
    let (_folder, path) = database();
    let pool = pool(&path).await;
    sqlx::raw_sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'theirs'); \
         CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP \
         NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT \
         NOT NULL); INSERT INTO _sqlx_migrations VALUES (20200101, 'theirs', '', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let store = SqliteStore::with_pool(pool.clone());
    assert!(store.ping().await.is_err(), "no table yet");
    store.migrate().await.unwrap();
    store.create(new_user("anna@example.com")).await.unwrap();
    let theirs: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM _sqlx_migrations)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(theirs, (1, 1));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (_folder, path) = database();
    SqliteStore::open(&path).await.unwrap().close().await;
    let pool = pool(&path).await;
    sqlx::raw_sql("INSERT INTO portcullis_migrations VALUES (999)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    assert!(SqliteStore::open(&path).await.is_err());
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_does_not_show_it() {
    let damages = [
        "UPDATE portcullis_users SET email = 'canary no address'",
        "UPDATE portcullis_users SET role = 'canary' || char(10)",
        "UPDATE portcullis_users SET tenant_id = ''",
        "UPDATE portcullis_users SET epoch = -1",
    ];
    for damage in damages {
        let (_folder, path) = database();
        let store = SqliteStore::open(&path).await.unwrap();
        let anna = store.create(new_user("anna@example.com")).await.unwrap();
        sqlx::raw_sql(damage)
            .execute(&pool(&path).await)
            .await
            .unwrap();
        let error = store.find_by_id(&anna.id).await.expect_err(damage);
        tells_nothing(&error);
    }
}

#[tokio::test]
async fn errors_show_neither_statements_nor_values() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).await.unwrap();
    sqlx::raw_sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON portcullis_users BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .execute(&pool(&path).await)
    .await
    .unwrap();
    let error = store
        .create(new_user("canary@example.com"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DirectoryError::Store(_)),
        "not taken for a duplicate"
    );
    tells_nothing(&error);

    store.close().await;
    tells_nothing(&store.find_by_login("canary@example.com").await.unwrap_err());
    tells_nothing(&store.ping().await.unwrap_err());
}

/// Looks at an error and all its causes, in both forms.
fn tells_nothing(error: &dyn Error) {
    let mut next = Some(error);
    assert!(error.source().is_some(), "the cause is chained");
    while let Some(error) = next {
        let shown = format!("{error} {error:?}");
        for word in ["canary", "SELECT", "INSERT", "UPDATE", "$argon2"] {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
        next = error.source();
    }
}
