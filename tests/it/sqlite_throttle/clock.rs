//! A wall clock that is wrong, and put right.

use super::{DAY, Fixture, HOUR, SECOND, a_device, acquire, address, anna, guess, succeed};
use core::time::Duration;
use portcullis::clock::Clock as _;
use portcullis::throttle::Counter;

#[tokio::test]
async fn failures_of_a_clock_that_was_ten_years_ahead_delay_nobody_for_longer_than_they_would_have()
{
    let fixture = Fixture::new().await;
    let (throttle, clock) = (&fixture.throttle, &fixture.clock);
    let right = clock.now();
    clock.advance(3650 * DAY);
    let attempt = anna(Some(address(1)));
    for _ in 0..12 {
        while let Some(delay) = guess(throttle, &attempt).await {
            clock.advance(delay);
        }
    }
    clock.set(right);
    assert_eq!(guess(throttle, &attempt).await, Some(4 * SECOND));
    clock.advance(2 * SECOND);
    assert_eq!(guess(throttle, &attempt).await, Some(2 * SECOND));
    clock.advance(2 * SECOND);
    assert_eq!(guess(throttle, &attempt).await, None);
    // And they are forgotten when they would have been.
    clock.advance(30 * DAY);
    assert_eq!(acquire(throttle, &attempt).await.failures, 0);
}

#[tokio::test]
async fn an_address_at_its_limit_waits_one_window_after_the_clock_is_set_back() {
    let fixture = Fixture::new().await;
    let clock = fixture.clock.clone();
    let throttle = fixture
        .throttle
        .address_failures(core::num::NonZeroU32::new(3).unwrap());
    let right = clock.now();
    clock.advance(400 * DAY);
    let at = |n: u32| portcullis::throttle::Attempt::new(&format!("u{n}"), Some(address(1)));
    for n in 0..3 {
        assert_eq!(guess(&throttle, &at(n)).await, None);
    }
    clock.set(right);
    assert_eq!(guess(&throttle, &at(4)).await, Some(15 * 60 * SECOND));
    clock.advance(15 * 60 * SECOND);
    assert_eq!(guess(&throttle, &at(4)).await, None);
}

#[tokio::test]
async fn known_addresses_and_devices_recorded_ahead_of_time_age_from_now_on() {
    let fixture = Fixture::new().await;
    let (throttle, clock) = (&fixture.throttle, &fixture.clock);
    let right = clock.now();
    clock.advance(3650 * DAY);
    let home = anna(Some(address(1)));
    succeed(throttle, &home, Some(a_device(1))).await;
    clock.set(right);
    assert_eq!(succeed(throttle, &home, None).await, Counter::KnownAddress);
    let device = anna(None).device(a_device(1));
    succeed(throttle, &device, None).await;
    clock.advance(31 * DAY);
    assert_eq!(acquire(throttle, &home).await.counter, Counter::Account);
    clock.advance(150 * DAY);
    assert_eq!(acquire(throttle, &device).await.counter, Counter::Account);
}

#[tokio::test]
async fn counters_that_no_time_reaches_any_more_are_deleted_along_the_way() {
    let fixture = Fixture::new().await;
    let (throttle, clock) = (&fixture.throttle, &fixture.clock);
    let right = clock.now();
    clock.advance(3650 * DAY);
    for n in 0..40 {
        guess(
            throttle,
            &portcullis::throttle::Attempt::new(&format!("u{n}"), None),
        )
        .await;
    }
    clock.set(right);
    let another = fixture.another().await;
    guess(&another, &anna(None)).await;
    let left = fixture.number("SELECT COUNT(*) FROM portcullis_counters");
    assert_eq!(left.await, 1);
    // And what is forgotten.
    clock.advance(2 * HOUR + 30 * DAY + Duration::from_millis(1));
    let another = fixture.another().await;
    guess(&another, &portcullis::throttle::Attempt::new("max", None)).await;
    let left = fixture.number("SELECT COUNT(*) FROM portcullis_counters");
    assert_eq!(left.await, 1);
}
