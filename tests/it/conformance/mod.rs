//! Every store keeps every promise, and the suite notices each promise that is broken.

mod faulty;

use faulty::{Faulty, Flaw};
use portcullis::stores::memory::MemoryStore;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::test_util::conformance::{self, Broken};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Gives each store a database file of its own in one folder.
struct Files {
    folder: TempDir,
    next: AtomicU32,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for databases");
        Self {
            folder,
            next: AtomicU32::new(0),
        }
    }

    fn next(&self) -> std::path::PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{number}.db"))
    }
}

#[tokio::test]
async fn the_memory_store_keeps_every_promise() -> Result<(), Broken> {
    conformance::user_directory(async || MemoryStore::new()).await
}

#[tokio::test]
async fn a_shared_store_keeps_every_promise() -> Result<(), Broken> {
    conformance::user_directory(async || Arc::new(MemoryStore::new())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_keeps_every_promise() -> Result<(), Broken> {
    let files = Files::new();
    conformance::user_directory(async || SqliteStore::open(files.next()).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_store_keeps_every_promise_on_a_pool_handed_in() -> Result<(), Broken> {
    let files = Files::new();
    let on_a_pool = async || {
        let options = SqliteConnectOptions::new()
            .filename(files.next())
            .journal_mode(SqliteJournalMode::Wal)
            .create_if_missing(true);
        let store = SqliteStore::with_pool(SqlitePool::connect_with(options).await.unwrap());
        store.migrate().await.unwrap();
        store
    };
    conformance::user_directory(on_a_pool).await
}

#[tokio::test]
async fn each_broken_promise_is_noticed_by_name() {
    for (flaw, promise) in Flaw::ALL {
        let outcome = conformance::user_directory(async || Faulty::new(flaw)).await;
        let broken = outcome.expect_err(&format!("{flaw:?} was not noticed"));
        assert!(
            broken.promises().any(|name| name == promise),
            "{flaw:?} breaks `{promise}`, but this was noticed: {broken}"
        );
    }
}

#[tokio::test]
async fn a_store_without_a_flaw_passes_in_the_faulty_ones_clothes() -> Result<(), Broken> {
    conformance::user_directory(async || Faulty::new(Flaw::None)).await
}

#[tokio::test]
async fn the_report_names_promises_and_reads_well() {
    let outcome = conformance::user_directory(async || Faulty::new(Flaw::PingFails)).await;
    let report = format!("{:?}", outcome.unwrap_err());
    assert_eq!(
        report,
        "the store broke 1 of its promises\n  a_working_store_answers_a_ping: failed: the store is down"
    );
}
