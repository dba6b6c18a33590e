//! Counters, known addresses and devices while the server secret is replaced.

use super::{Fixture, SECOND, SECRET, a_device, acquire, address, anna, guess, secret, succeed};
use portcullis::opaque::ServerSecret;
use portcullis::stores::sqlite::SqliteThrottle;
use portcullis::throttle::{Counter, Forget};

const NEW: &[u8] = b"the next secret of these tests, 2";

#[tokio::test]
async fn a_new_secret_forgets_nothing_that_was_counted_under_the_old_one() {
    let fixture = Fixture::new().await;
    let (home, stranger) = (anna(Some(address(1))), anna(Some(address(2))));
    succeed(&fixture.throttle, &home, Some(a_device(1))).await;
    // A server that has the new secret in second place, and one that has it in the first.
    let first_step = secret().with_previous(NEW).unwrap();
    let second_step = ServerSecret::new(NEW)
        .unwrap()
        .with_previous(SECRET)
        .unwrap();
    let [one, two] = [first_step, second_step]
        .map(|secret| SqliteThrottle::new(&fixture.store, secret).clock(fixture.clock.clone()));
    for _ in 0..5 {
        assert_eq!(guess(&one, &stranger).await, None);
        assert_eq!(guess(&two, &stranger).await, None);
    }
    assert_eq!(guess(&one, &stranger).await, Some(SECOND));
    assert_eq!(guess(&two, &stranger).await, Some(SECOND));
    // The owner is known to both, and a success at one clears what both have counted.
    let device = anna(None).device(a_device(1));
    for throttle in [&one, &two] {
        assert!(matches!(
            succeed(throttle, &device, None).await,
            Counter::Device { .. }
        ));
        assert_eq!(succeed(throttle, &home, None).await, Counter::KnownAddress);
    }
    fixture.clock.advance(SECOND);
    succeed(&two, &stranger, None).await;
    assert_eq!(acquire(&one, &anna(None)).await.failures, 0);
    let known = fixture.number("SELECT COUNT(*) FROM portcullis_known_addresses");
    assert_eq!(known.await, 2, "one row for each, whatever the secret");
    super::forgive(&one, "anna@example.com", Forget::Everything).await;
    for throttle in [&one, &two] {
        for attempt in [&home, &stranger, &device] {
            let counter = acquire(throttle, attempt).await.counter;
            assert_eq!(counter, Counter::Account);
        }
    }
}

#[tokio::test]
async fn sixteen_known_addresses_are_sixteen_under_both_secrets_together() {
    let fixture = Fixture::new().await;
    for n in 0..16 {
        succeed(&fixture.throttle, &anna(Some(address(n))), None).await;
    }
    let both = ServerSecret::new(NEW)
        .unwrap()
        .with_previous(SECRET)
        .unwrap();
    let throttle = SqliteThrottle::new(&fixture.store, both).clock(fixture.clock.clone());
    fixture.clock.advance(SECOND);
    succeed(&throttle, &anna(Some(address(16))), None).await;
    let known = fixture.number("SELECT COUNT(*) FROM portcullis_known_addresses");
    assert_eq!(known.await, 16);
    let newest = acquire(&throttle, &anna(Some(address(16)))).await;
    assert_eq!(newest.counter, Counter::KnownAddress);
}

#[tokio::test]
async fn an_unlock_lifts_the_delay_of_an_address_that_is_known_under_the_old_secret() {
    let fixture = Fixture::new().await;
    let home = anna(Some(address(1)));
    succeed(&fixture.throttle, &home, None).await;
    let both = ServerSecret::new(NEW)
        .unwrap()
        .with_previous(SECRET)
        .unwrap();
    let throttle = SqliteThrottle::new(&fixture.store, both).clock(fixture.clock.clone());
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &home).await, None);
    }
    assert_eq!(guess(&throttle, &home).await, Some(SECOND));
    super::forgive(&throttle, "anna@example.com", Forget::Failures).await;
    let acquired = acquire(&throttle, &home).await;
    assert_eq!(acquired.counter, Counter::KnownAddress);
    assert_eq!(acquired.failures, 0);
}
