//! Every store keeps every promise, and the suite notices each promise that is broken.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod faulty;

use faulty::{Faulty, Flaw};
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::stores::memory::MemoryStore;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::test_util::conformance::{self, Broken};
use portcullis::user::{Role, TenantId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use tokio::sync::Barrier;

/// Gives each store a database file of its own in one folder.
struct Files {
    folder: TempDir,
    next: AtomicU32,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
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

/// The suite makes its rivals meet at awaits; here they meet on real threads.
async fn threads_cannot_remove_each_other<S: UserDirectory + Clone>(store: S, rounds: u32) {
    let admin = Role::new("admin").unwrap();
    for round in 0..rounds {
        let tenant = TenantId::new(format!("tenant{round}")).unwrap();
        let mut rivals = Vec::new();
        for name in ["anna", "bert"] {
            let mut new = NewUser::new(format!("{name}{round}@example.com").parse().unwrap());
            new.tenant_id = Some(tenant.clone());
            new.role = Some(admin.clone());
            rivals.push(store.create(new).await.unwrap());
        }
        let start = Arc::new(Barrier::new(2));
        let removing = rivals.into_iter().map(|user| {
            let (store, tenant, admin, start) =
                (store.clone(), tenant.clone(), admin.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                store
                    .delete(Some(&tenant), &user.id, Some(&admin))
                    .await
                    .is_ok()
            })
        });
        let mut removed = Vec::new();
        for task in removing.collect::<Vec<_>>() {
            removed.push(task.await.unwrap());
        }
        removed.sort_unstable();
        assert_eq!(removed, [false, true], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_cannot_remove_each_other_from_the_memory_store() {
    threads_cannot_remove_each_other(MemoryStore::new(), 500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_cannot_remove_each_other_from_the_sqlite_store() {
    let files = Files::new();
    threads_cannot_remove_each_other(SqliteStore::open(files.next()).await.unwrap(), 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_cannot_remove_each_other_from_a_pool_handed_in() {
    let files = Files::new();
    let path = files.next();
    SqliteStore::open(&path).await.unwrap().close().await;
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path))
        .await
        .unwrap();
    threads_cannot_remove_each_other(SqliteStore::with_pool(pool), 20).await;
}
