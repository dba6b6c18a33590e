//! A simulated week of attack on one account: the numbers of the guide "Sign-in protection". They are counted, not measured,
//! and change only with the rules.

use super::*;
use portcullis::throttle::DeviceToken;

/// How often attacker and owner try.
const STEP: Duration = Duration::from_secs(10);
const STEPS: u32 = 7 * 8_640;

/// What a week of attack came to.
#[derive(Debug, PartialEq, Eq)]
struct Week {
    /// Guesses of the attacker that were admitted.
    guesses: u32,
    /// Steps at whose end the owner would have been admitted.
    open: u32,
}

/// In each step the attacker guesses until it is refused, then the owner tries once.
async fn week(
    throttle: &MemoryThrottle,
    clock: &ManualClock,
    attacker: impl Fn(u32) -> Attempt,
    owner: &Attempt,
) -> Week {
    let mut week = Week {
        guesses: 0,
        open: 0,
    };
    let mut made = 0;
    for _ in 0..STEPS {
        while guess(throttle, &attacker(made)).await.is_none() {
            week.guesses += 1;
            made += 1;
        }
        week.open += u32::from(peek(throttle, owner).await.is_none());
        clock.advance(STEP);
    }
    week
}

/// From ever new addresses.
fn anywhere(n: u32) -> Attempt {
    anna(Some(address(0x0a00_0000 + n)))
}

#[tokio::test]
async fn an_owner_at_a_new_address_is_kept_out_by_a_stranger_who_never_stops() {
    let (throttle, clock) = throttle();
    let owner = anna(Some(address(1)));
    let week = week(&throttle, &clock, anywhere, &owner).await;
    assert_eq!(
        week,
        Week {
            guesses: 103,
            open: 0
        }
    );
}

#[tokio::test]
async fn an_owner_at_a_known_address_or_with_a_device_is_never_kept_out_by_strangers_elsewhere() {
    for with_device in [false, true] {
        let (throttle, clock) = throttle();
        let mut owner = anna(Some(address(1)));
        let secret = throttle.server_secret().unwrap();
        let (_, device) = DeviceToken::issue(secret, "anna@example.com").unwrap();
        let acquired = acquire(&throttle, &owner).await.unwrap();
        let id = UserId::new("1").unwrap();
        let success = Success::new(&id, 0).new_device(Some(device));
        throttle.success(&acquired.charge, success).await.unwrap();
        drop(acquired);
        if with_device {
            // At an address it was never used from.
            owner = anna(Some(address(2))).device(device);
        }
        let week = week(&throttle, &clock, anywhere, &owner).await;
        assert_eq!(
            week,
            Week {
                guesses: 103,
                open: STEPS
            }
        );
    }
}

#[tokio::test]
async fn somebody_who_shares_the_known_address_delays_its_counter() {
    let (throttle, clock) = throttle();
    let owner = anna(Some(address(1)));
    succeed(&throttle, &owner).await;
    let week = week(&throttle, &clock, |_| anna(Some(address(1))), &owner).await;
    assert_eq!(
        week,
        Week {
            guesses: 103,
            open: 0
        }
    );
}

#[tokio::test]
async fn account_known_addresses_and_devices_together_allow_eighteen_hundred_failures() {
    let (throttle, clock) = throttle();
    let secret = throttle.server_secret().unwrap().clone();
    let mut counters = vec![anna(None)];
    for n in 0..16 {
        let at = anna(Some(address(n)));
        let (_, device) = DeviceToken::issue(&secret, "anna@example.com").unwrap();
        let acquired = acquire(&throttle, &at).await.unwrap();
        let id = UserId::new("1").unwrap();
        let success = Success::new(&id, 0).new_device(Some(device));
        throttle.success(&acquired.charge, success).await.unwrap();
        counters.extend([at, anna(None).device(device)]);
    }
    // Each hour's delay is waited for, until every counter delays by a day: four days, in which the devices, which reached
    // their hundred on the first one, have three more.
    let mut failures = 0;
    for _ in 0..96 {
        for attempt in &counters {
            while guess(&throttle, attempt).await.is_none() {
                failures += 1;
            }
        }
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(failures, 1803);
}

#[tokio::test]
async fn attempts_that_are_always_in_flight_keep_a_counter_busy_at_no_cost() {
    let (throttle, _clock) = throttle();
    let mut in_flight = Vec::new();
    for n in 0..10 {
        in_flight.push(acquire(&throttle, &anywhere(n)).await.unwrap());
    }
    for n in 10..1000 {
        // The oldest is abandoned in the queue, and another takes its room before the owner does.
        throttle.not_made(in_flight.remove(0).charge);
        in_flight.push(acquire(&throttle, &anywhere(n)).await.unwrap());
        let owner = acquire(&throttle, &anna(Some(address(1)))).await;
        assert!(matches!(owner, Err(ThrottleError::Busy)));
    }
    for acquired in in_flight {
        throttle.not_made(acquired.charge);
    }
    assert_eq!(acquire(&throttle, &anna(None)).await.unwrap().failures, 0);
}
