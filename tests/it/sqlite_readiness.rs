//! What a ping of the SQLite store notices, and that it leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

use core::error::Error;
use core::time::Duration;
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::stores::sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::path::Path;
use std::time::Instant;

/// Longer than the outcome of a check holds.
const LATER: Duration = Duration::from_millis(1100);

async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_ping_notices_a_file_that_was_deleted_or_replaced_also_of_an_applications_pool() {
    for own in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        let store = if own {
            SqliteStore::with_pool(pool(&path).await)
        } else {
            SqliteStore::open(&path).await.unwrap()
        };
        store.migrate().await.unwrap();
        store.ping().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        tokio::time::sleep(LATER).await;
        let error = chain(&store.ping().await.unwrap_err());
        assert!(
            error.contains("deleted") && error.contains("users.db"),
            "{error}"
        );
        std::fs::write(&path, "").unwrap();
        tokio::time::sleep(LATER).await;
        let error = chain(&store.ping().await.unwrap_err());
        assert!(error.contains("replaced"), "{error}");
    }
}

#[tokio::test]
async fn a_ping_writes_to_the_disk_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store
        .create(NewUser::new("anna@example.com".parse().unwrap()))
        .await
        .unwrap();
    let log = folder.path().join("users.db-wal");
    let before = std::fs::metadata(&log).unwrap().len();
    store.ping().await.unwrap();
    let after = std::fs::metadata(&log).unwrap().len();
    assert!(
        after >= before + 40_000,
        "{before} bytes before, {after} after: nothing was written"
    );

    let other = pool(&path).await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            .fetch_all(&other)
            .await
            .unwrap();
    assert_eq!(
        tables,
        [
            "portcullis_counters",
            "portcullis_devices",
            "portcullis_known_addresses",
            "portcullis_migrations",
            "portcullis_users"
        ]
    );
    let check: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&other)
        .await
        .unwrap();
    assert_eq!(check, "ok");
    store
        .create(NewUser::new("max@example.com".parse().unwrap()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ping_leaves_the_cache_of_an_applications_connection_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("app.db"))
        .create_if_missing(true)
        .pragma("cache_size", "77");
    let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let pool = one.connect_with(options).await.unwrap();
    let store = SqliteStore::with_pool(pool.clone());
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    let size: i64 = sqlx::query_scalar("PRAGMA cache_size")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(size, 77);
    let memory = SqliteStore::with_pool(SqlitePool::connect("sqlite::memory:").await.unwrap());
    memory.migrate().await.unwrap();
    memory.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_that_meet_share_one_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let other = pool(&path).await;
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // Each check waits five seconds for the lock: eight of them would take forty.
    let started = Instant::now();
    let pings: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.ping().await })
        })
        .collect();
    for ping in pings {
        let error = ping.await.unwrap().unwrap_err();
        assert!(chain(&error).contains("locked"), "{}", chain(&error));
    }
    let took = started.elapsed();
    println!("eight pings took {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    held.rollback().await.unwrap();
    tokio::time::sleep(LATER).await;
    store.ping().await.unwrap();
}
