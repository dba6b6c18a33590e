//! Futures that are dropped at each of their awaits.

use super::{Fixture, a_device, acquire, address, anna, id};
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use portcullis::throttle::{Forget, Success, Throttle as _};

/// Polls a future so many times, then drops it; what it gave if it was ready by then.
async fn polled<F: Future>(future: F, times: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Failures of the account's counter and of the address's.
async fn failures(fixture: &Fixture) -> (i64, i64) {
    let of = "SELECT COALESCE(SUM(failures), 0) FROM portcullis_counters WHERE kind = 0";
    let account = fixture.number(of).await;
    let of = "SELECT COALESCE(SUM(failures), 0) FROM portcullis_counters WHERE kind = 1";
    (account, fixture.number(of).await)
}

#[tokio::test]
async fn an_acquire_that_is_dropped_charges_both_counters_or_none() {
    for times in 0.. {
        let fixture = Fixture::new().await;
        let attempt = anna(Some(address(1)));
        let done = polled(fixture.throttle.acquire(&attempt), times).await;
        let before = acquire(&fixture.throttle, &attempt).await.failures;
        let charged = i64::from(before) + 1;
        assert_eq!(
            failures(&fixture).await,
            (charged, charged),
            "{times} polls"
        );
        assert!(before <= 1 && (done.is_none() || before == 1));
        if done.is_some() {
            assert!(times > 0, "it was dropped before");
            return;
        }
    }
}

#[tokio::test]
async fn a_success_that_is_dropped_is_recorded_as_a_whole_or_not_at_all() {
    for times in 0.. {
        let fixture = Fixture::new().await;
        let throttle = &fixture.throttle;
        let attempt = anna(Some(address(1)));
        let charge = acquire(throttle, &attempt).await.charge;
        let id = id();
        let success = Success::new(&id, 0).new_device(Some(a_device(1)));
        let done = polled(throttle.success(&charge, success), times).await;
        // Waits for the connection, and so for the end of what was begun.
        acquire(throttle, &anna(None)).await;
        let known = fixture.number("SELECT COUNT(*) FROM portcullis_known_addresses");
        let devices = fixture.number("SELECT COUNT(*) FROM portcullis_devices");
        match (known.await, devices.await) {
            (0, 0) if done.is_none() => assert_eq!(failures(&fixture).await, (2, 1)),
            (1, 1) => assert_eq!(failures(&fixture).await, (1, 0)),
            other => panic!("{other:?} after {times} polls"),
        }
        if done.is_some() {
            assert!(times > 0, "it was dropped before");
            return;
        }
    }
}

#[tokio::test]
async fn forgiving_that_is_dropped_clears_everything_or_nothing() {
    for times in 0.. {
        let fixture = Fixture::new().await;
        let throttle = &fixture.throttle;
        let home = anna(Some(address(1)));
        super::succeed(throttle, &home, Some(a_device(1))).await;
        acquire(throttle, &anna(None)).await;
        let id = id();
        let forgive = throttle.forgive(&id, &["anna@example.com"], Forget::Everything);
        let done = polled(forgive, times).await;
        // The store's own connection: the next write on it waits for the end of what was begun.
        let another = fixture.throttle.forgive(&id, &["nobody"], Forget::Failures);
        another.await.unwrap();
        let known = fixture.number("SELECT COUNT(*) FROM portcullis_known_addresses");
        let known = known.await;
        assert_eq!(failures(&fixture).await, (known, 0), "{times} polls");
        if done.is_some() {
            assert_eq!(known, 0);
            assert!(times > 0, "it was dropped before");
            return;
        }
    }
}
