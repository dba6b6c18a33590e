//! A full disk: what cannot be stored is refused, and once there is room again everything goes on.

use super::{ManualClock, Throttle as _, address, secret};
use portcullis::directory::{NewUser, UserDirectory as _};
use portcullis::stores::sqlite::{SqliteStore, SqliteThrottle};
use portcullis::throttle::{Attempt, ThrottleError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

#[tokio::test]
async fn when_the_disk_was_full_attempts_and_users_are_stored_again_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("users.db"))
        .create_if_missing(true);
    // One connection, to limit it as a disk would.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await.unwrap();
    let store = SqliteStore::with_pool(pool.clone());
    store.migrate().await.unwrap();
    let throttle = SqliteThrottle::new(&store, secret()).clock(ManualClock::default());
    limit(&pool, 1).await;
    let mut number = 0;
    let mut attempt = || {
        number += 1;
        Attempt::new(&format!("user{number}@example.com"), Some(address(number)))
    };
    let refused = loop {
        if let Err(refused) = throttle.acquire(&attempt()).await {
            break refused;
        }
    };
    let ThrottleError::Unavailable(error) = refused else {
        panic!("{refused:?}");
    };
    let reason = portcullis::ErrorChain::new(&*error).to_string();
    assert!(reason.contains("full"), "{reason}");
    // There is room again.
    limit(&pool, 100_000).await;
    throttle.acquire(&attempt()).await.unwrap();

    // The same with what a ping writes.
    limit(&pool, 1).await;
    assert!(store.ping().await.is_err());
    limit(&pool, 100_000).await;
    let anna = NewUser::new("anna@example.com".parse().unwrap());
    store.create(anna).await.unwrap();
    tokio::time::sleep(core::time::Duration::from_millis(1100)).await;
    store.ping().await.unwrap();
}

/// Lets the database have so many pages, or as many as it has.
async fn limit(pool: &SqlitePool, pages: u32) {
    let pragma = format!("PRAGMA max_page_count = {pages}");
    let pragma = sqlx::raw_sql(sqlx::AssertSqlSafe(pragma));
    pragma.execute(pool).await.unwrap();
}
