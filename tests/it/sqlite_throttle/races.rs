//! Attempts at the same moment, of one process and of several.

use super::{Fixture, anna, secret};
use core::time::Duration;
use portcullis::directory::{NewUser, UserDirectory as _};
use portcullis::stores::sqlite::{SqliteStore, SqliteThrottle};
use portcullis::throttle::{Attempt, Throttle as _, ThrottleError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_attempts_exactly_as_many_are_admitted_as_the_limit_allows() {
    let fixture = Fixture::new().await;
    let throttles = [Arc::new(fixture.throttle), {
        let store = SqliteStore::open(&fixture.path).await.unwrap();
        Arc::new(SqliteThrottle::new(&store, secret()).clock(fixture.clock.clone()))
    }];
    let attempts: Vec<_> = throttles
        .iter()
        .cycle()
        .take(120)
        .map(|throttle| {
            let throttle = Arc::clone(throttle);
            tokio::spawn(async move { throttle.acquire(&anna(None)).await })
        })
        .collect();
    let mut admitted = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(acquired) => admitted.push(acquired),
            // Whose own attempts are all decided sees failures, the other one attempts in flight.
            Err(ThrottleError::Busy | ThrottleError::Limited { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(admitted.len(), 10);
    let mut before: Vec<u32> = admitted.iter().map(|acquired| acquired.failures).collect();
    before.sort_unstable();
    assert_eq!(before, (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_and_the_stores_writes_take_turns() {
    let fixture = Fixture::new().await;
    let (store, throttle) = (fixture.store.clone(), Arc::new(fixture.throttle));
    let attempted = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..400)
        .map(|n| {
            let (throttle, attempted) = (Arc::clone(&throttle), Arc::clone(&attempted));
            tokio::spawn(async move {
                let attempt = Attempt::new(&format!("u{n}"), None);
                throttle.acquire(&attempt).await.unwrap();
                attempted.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    while attempted.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = attempted.load(Ordering::SeqCst);
    for n in 0..5 {
        let email = format!("user{n}@example.com").parse().unwrap();
        store.create(NewUser::new(email)).await.unwrap();
    }
    let meanwhile = attempted.load(Ordering::SeqCst) - before;
    for attempt in flood {
        attempt.await.unwrap();
    }
    // One for each write and some slack, where waiting for SQLite's lock lets all of them pass.
    assert!(meanwhile < 100, "{meanwhile} attempts during five writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refunds_and_successes_in_parallel_leave_no_failure_behind() {
    let fixture = Fixture::new().await;
    let throttle = Arc::new(fixture.throttle);
    let tasks: Vec<_> = (0..200_u32)
        .map(|n| {
            let throttle = Arc::clone(&throttle);
            tokio::spawn(async move {
                let login = format!("u{}", n / 4);
                let attempt = Attempt::new(&login, Some(super::address(n % 7)));
                let acquired = throttle.acquire(&attempt).await.unwrap();
                throttle.not_made(acquired.charge);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    super::settled(&throttle, 0).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&fixture.path);
    let sql = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM portcullis_counters")
        .fetch_one(&sql)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
