//! Known addresses and devices: how many, for how long, and how often they are written.

use super::{DAY, Fixture, HOUR, a_device, acquire, address, anna, guess, succeed};
use portcullis::throttle::{Attempt, Counter, Device};

#[tokio::test]
async fn of_seventeen_addresses_and_devices_the_least_recently_used_is_forgotten() {
    let fixture = Fixture::new().await;
    let (throttle, clock) = (&fixture.throttle, &fixture.clock);
    for n in 0..16_u8 {
        let here = anna(Some(address(n.into())));
        succeed(throttle, &here, Some(a_device(n))).await;
        clock.advance(HOUR);
    }
    clock.advance(DAY);
    // The oldest is used again.
    succeed(throttle, &anna(Some(address(0))).device(a_device(0)), None).await;
    clock.advance(HOUR);
    succeed(throttle, &anna(Some(address(16))), Some(a_device(16))).await;
    for n in 0..=16_u8 {
        let here = acquire(throttle, &anna(Some(address(n.into())))).await;
        assert_eq!(here.counter == Counter::Account, n == 1, "address {n}");
        let device = acquire(throttle, &anna(None).device(a_device(n))).await;
        assert_eq!(device.counter == Counter::Account, n == 1, "device {n}");
    }
    // Nobody else's are.
    let max = Attempt::new("max@example.com", Some(address(3)));
    succeed(throttle, &max, None).await;
    assert_eq!(acquire(throttle, &max).await.counter, Counter::KnownAddress);
    let devices = fixture.number("SELECT COUNT(*) FROM portcullis_devices");
    assert_eq!(devices.await, 16);
}

#[tokio::test]
async fn a_use_is_written_at_most_once_a_day() {
    let fixture = Fixture::new().await;
    let (throttle, clock) = (&fixture.throttle, &fixture.clock);
    let home = anna(Some(address(1))).device(a_device(1));
    succeed(throttle, &anna(Some(address(1))), Some(a_device(1))).await;
    let last_uses = async || {
        let known = fixture.number("SELECT last_use FROM portcullis_known_addresses");
        let device = fixture.number("SELECT last_use FROM portcullis_devices");
        (known.await, device.await)
    };
    let first = last_uses().await;
    clock.advance(23 * HOUR);
    succeed(throttle, &home, None).await;
    assert_eq!(last_uses().await, first);
    clock.advance(HOUR);
    succeed(throttle, &home, None).await;
    let day = i64::try_from(DAY.as_micros()).unwrap();
    assert_eq!(last_uses().await, (first.0 + day, first.1 + day));
}

#[tokio::test]
async fn a_device_is_one_of_its_login_with_its_secret_only() {
    let fixture = Fixture::new().await;
    let throttle = &fixture.throttle;
    succeed(throttle, &anna(None), Some(a_device(1))).await;
    let forged = Device::from_stored(a_device(1).id, [7; 32]);
    let foreign = Attempt::new("max@example.com", None).device(a_device(1));
    for attempt in [anna(None).device(forged), foreign] {
        let counter = acquire(throttle, &attempt).await.counter;
        assert_eq!(counter, Counter::Account);
    }
}

#[tokio::test]
async fn rows_past_their_time_are_deleted_along_the_way() {
    let fixture = Fixture::new().await;
    succeed(
        &fixture.throttle,
        &anna(Some(address(1))),
        Some(a_device(1)),
    )
    .await;
    fixture.clock.advance(31 * DAY);
    acquire(&fixture.another().await, &anna(None)).await;
    let known = fixture.number("SELECT COUNT(*) FROM portcullis_known_addresses");
    let devices = fixture.number("SELECT COUNT(*) FROM portcullis_devices");
    assert_eq!((known.await, devices.await), (0, 1));
    fixture.clock.advance(150 * DAY);
    acquire(&fixture.another().await, &anna(None)).await;
    let devices = fixture.number("SELECT COUNT(*) FROM portcullis_devices");
    assert_eq!(devices.await, 0);
}

#[tokio::test]
async fn a_right_password_on_a_device_ends_the_row_of_failures_of_all_devices() {
    let fixture = Fixture::new().await;
    succeed(
        &fixture.throttle,
        &anna(Some(address(1))),
        Some(a_device(1)),
    )
    .await;
    let device = anna(None).device(a_device(1));
    // More than a hundred in all, and never more than nine in a row.
    for _ in 0..12 {
        for _ in 0..9 {
            assert_eq!(guess(&fixture.throttle, &device).await, None);
        }
        succeed(&fixture.throttle, &device, None).await;
    }
}
