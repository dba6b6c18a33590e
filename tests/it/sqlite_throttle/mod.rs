//! What the SQLite throttle promises beyond the rules that it shares with the one in memory: that it survives a restart, and
//! keeps its numbers whatever is dropped, raced or set wrong.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod clock;
mod dropped;
mod full_disk;
mod known;
mod model;
mod races;
mod rotation;
mod size;
mod upgrade;

use core::time::Duration;
use portcullis::opaque::ServerSecret;
use portcullis::stores::sqlite::{SqliteCharge, SqliteStore, SqliteThrottle};
use portcullis::test_util::ManualClock;
use portcullis::throttle::{
    Acquired, Attempt, Counter, Device, Forget, Success, Throttle, ThrottleError,
};
use portcullis::user::UserId;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::net::IpAddr;
use std::path::PathBuf;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

const SECRET: &[u8] = b"the secret of these tests, canary";

/// A database file, a throttle on it, and its clock.
struct Fixture {
    _folder: TempDir,
    path: PathBuf,
    store: SqliteStore,
    clock: ManualClock,
    throttle: SqliteThrottle,
}

fn secret() -> ServerSecret {
    ServerSecret::new(SECRET).unwrap()
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let clock = ManualClock::default();
        let throttle = SqliteThrottle::new(&store, secret()).clock(clock.clone());
        Self {
            _folder: folder,
            path,
            store,
            clock,
            throttle,
        }
    }

    /// The throttle of another process on the same file.
    async fn another(&self) -> SqliteThrottle {
        let store = SqliteStore::open(&self.path).await.unwrap();
        SqliteThrottle::new(&store, secret()).clock(self.clock.clone())
    }

    /// The file, to look at by SQL.
    async fn sql(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(&self.path);
        SqlitePool::connect_with(options).await.unwrap()
    }

    async fn number(&self, statement: &'static str) -> i64 {
        let query = sqlx::query_scalar(statement);
        query.fetch_one(&self.sql().await).await.unwrap()
    }
}

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

fn anna(address: Option<IpAddr>) -> Attempt {
    Attempt::new("anna@example.com", address)
}

fn id() -> UserId {
    UserId::new("id of anna").unwrap()
}

fn a_device(number: u8) -> Device {
    Device::from_stored([number; 16], [number ^ 0xff; 32])
}

async fn acquire(throttle: &SqliteThrottle, attempt: &Attempt) -> Acquired<SqliteCharge> {
    throttle.acquire(attempt).await.unwrap()
}

/// One wrong password. How long the attempt would have had to wait, if it was refused.
async fn guess(throttle: &SqliteThrottle, attempt: &Attempt) -> Option<Duration> {
    match throttle.acquire(attempt).await {
        Ok(_) => None,
        Err(ThrottleError::Limited { retry_after }) => Some(retry_after),
        Err(other) => panic!("{other:?}"),
    }
}

/// One right password.
async fn succeed(throttle: &SqliteThrottle, attempt: &Attempt, new: Option<Device>) -> Counter {
    let acquired = acquire(throttle, attempt).await;
    let id = id();
    let success = Success::new(&id, 0).new_device(new);
    throttle.success(&acquired.charge, success).await.unwrap();
    acquired.counter
}

async fn forgive(throttle: &SqliteThrottle, login: &str, what: Forget) {
    throttle.forgive(&id(), &[login], what).await.unwrap();
}

/// Waits until charges that are on their way back have landed.
async fn settled(throttle: &SqliteThrottle, in_flight: u32) {
    let expected = format!("in_flight: {in_flight},");
    let waiting = async {
        while !format!("{throttle:?}").contains(&expected) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waiting = tokio::time::timeout(Duration::from_secs(30), waiting);
    waiting.await.unwrap();
}

#[tokio::test]
async fn counters_known_addresses_and_devices_survive_a_restart() {
    let fixture = Fixture::new().await;
    let home = anna(Some(address(1)));
    succeed(&fixture.throttle, &home, Some(a_device(1))).await;
    for _ in 0..10 {
        assert_eq!(guess(&fixture.throttle, &anna(None)).await, None);
    }
    let charged = acquire(&fixture.throttle, &home).await;
    // As a crash would: nothing is told to the throttle.
    core::mem::forget(charged.charge);
    drop(fixture.throttle);
    fixture.store.close().await;

    let store = SqliteStore::open(&fixture.path).await.unwrap();
    let throttle = SqliteThrottle::new(&store, secret()).clock(fixture.clock.clone());
    assert_eq!(guess(&throttle, &anna(None)).await, Some(SECOND));
    let here = acquire(&throttle, &home).await;
    assert_eq!((here.counter, here.failures), (Counter::KnownAddress, 1));
    let device = acquire(&throttle, &anna(None).device(a_device(1))).await;
    let owner = Counter::Device {
        account: id(),
        token_version: 0,
    };
    assert_eq!((device.counter, device.failures), (owner, 0));
}

#[tokio::test]
async fn what_was_never_made_is_given_back_once_and_counts_as_in_flight_until_then() {
    let fixture = Fixture::new().await;
    let throttle = &fixture.throttle;
    let attempt = anna(Some(address(1)));
    let mut charges = Vec::new();
    for _ in 0..10 {
        charges.push(acquire(throttle, &attempt).await.charge);
    }
    let refused = throttle.acquire(&attempt).await.unwrap_err();
    assert!(matches!(refused, ThrottleError::Busy), "{refused:?}");
    for charge in charges.drain(..9) {
        throttle.not_made(charge);
    }
    settled(throttle, 2).await;
    assert_eq!(acquire(throttle, &attempt).await.failures, 1);
    charges.clear();
    // What failed is not in flight any more.
    for _ in 0..8 {
        assert_eq!(guess(throttle, &attempt).await, None);
    }
    assert_eq!(guess(throttle, &attempt).await, Some(SECOND));
    let rows = fixture.number("SELECT SUM(failures) FROM portcullis_counters");
    assert_eq!(rows.await, 20, "ten of the account, ten of the address");
}

#[tokio::test]
async fn a_charge_that_comes_back_after_the_counter_was_cleared_changes_nothing() {
    let fixture = Fixture::new().await;
    let throttle = &fixture.throttle;
    let early = acquire(throttle, &anna(None)).await.charge;
    forgive(throttle, "Anna@example.com", Forget::Failures).await;
    assert_eq!(guess(throttle, &anna(None)).await, None);
    throttle.not_made(early);
    settled(throttle, 0).await;
    assert_eq!(acquire(throttle, &anna(None)).await.failures, 1);
}

#[tokio::test]
async fn forgiving_failures_keeps_known_addresses_and_devices_and_forgetting_everything_does_not() {
    let fixture = Fixture::new().await;
    let throttle = &fixture.throttle;
    let home = anna(Some(address(1)));
    let device = anna(None).device(a_device(1));
    succeed(throttle, &home, Some(a_device(1))).await;
    for attempt in [&home, &device, &anna(None)] {
        while guess(throttle, attempt).await.is_none() {}
    }
    // Another process forgives, and this one knows at its next attempt.
    let another = fixture.another().await;
    forgive(&another, "anna@example.com", Forget::Failures).await;
    let counter = async |attempt: &Attempt| acquire(throttle, attempt).await.counter;
    assert_eq!(counter(&home).await, Counter::KnownAddress);
    assert_eq!(counter(&anna(None)).await, Counter::Account);
    assert!(matches!(counter(&device).await, Counter::Device { .. }));

    // By another login, and by the account's id alone.
    forgive(&another, "anna@example.org", Forget::Everything).await;
    assert_eq!(counter(&home).await, Counter::KnownAddress);
    assert_eq!(counter(&device).await, Counter::Account);
    forgive(&another, "anna@example.com", Forget::Everything).await;
    assert_eq!(counter(&home).await, Counter::Account);
}

#[tokio::test]
async fn the_file_and_the_errors_tell_no_login_no_address_and_no_name() {
    let fixture = Fixture::new().await;
    let throttle = &fixture.throttle;
    let attempt = Attempt::new("canary@example.com", Some("192.0.2.77".parse().unwrap()));
    succeed(throttle, &attempt, Some(a_device(1))).await;
    let charged = acquire(throttle, &attempt).await;
    let shown = format!("{throttle:?} {:?}", charged.charge);
    assert!(!shown.contains("canary"), "{shown}");
    let sql = fixture.sql().await;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM portcullis_counters")
        .fetch_all(&sql)
        .await
        .unwrap();
    assert!(!names.is_empty() && names.iter().all(|name| name.len() == 43));
    sqlx::raw_sql("DROP TABLE portcullis_counters")
        .execute(&sql)
        .await
        .unwrap();
    let error = throttle.acquire(&attempt).await.unwrap_err();
    let mut shown = format!("{error} {error:?}");
    let mut next = core::error::Error::source(&error);
    while let Some(error) = next {
        shown = format!("{shown} {error} {error:?}");
        next = error.source();
    }
    assert!(shown.contains("no such table"), "{shown}");
    let told = names.iter().map(String::as_str);
    for word in told.chain(["canary", "192.0.2.77", "SELECT"]) {
        assert!(!shown.contains(word), "{word} in {shown}");
    }
    drop(charged);
    sql.close().await;
    fixture.store.close().await;
    let bytes = std::fs::read(&fixture.path).unwrap();
    for word in ["canary", "192.0.2.77"] {
        let word = word.as_bytes();
        assert!(!bytes.windows(word.len()).any(|bytes| bytes == word));
    }
}

#[tokio::test]
async fn a_pool_of_the_applications_is_used_with_one_connection_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("app.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .unwrap();
    let store = SqliteStore::with_pool(pool.clone());
    store.migrate().await.unwrap();
    let throttle = std::sync::Arc::new(SqliteThrottle::new(&store, secret()));
    let mut most = 0;
    let attempts: Vec<_> = (0..100)
        .map(|n| {
            let throttle = throttle.clone();
            let attempt = Attempt::new(&format!("u{n}"), None);
            tokio::spawn(async move { throttle.acquire(&attempt).await.map(drop) })
        })
        .collect();
    while !attempts.iter().all(tokio::task::JoinHandle::is_finished) {
        let used = pool
            .size()
            .saturating_sub(u32::try_from(pool.num_idle()).unwrap());
        most = most.max(used);
        tokio::task::yield_now().await;
    }
    for attempt in attempts {
        attempt.await.unwrap().unwrap();
    }
    // One that works, and one that is just going back to the pool.
    assert!((1..=2).contains(&most), "{most} of 4 connections");
}
