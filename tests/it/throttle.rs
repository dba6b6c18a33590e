//! The in-memory throttle: what is delayed, for how long, and what an attacker can't do with it.
#![expect(
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test stops at the first surprise"
)]

use core::num::NonZeroU32;
use core::time::Duration;
use portcullis::clock::Clock as _;
use portcullis::test_util::ManualClock;
use portcullis::throttle::{AttemptKey, MemoryThrottle, Throttle, ThrottleError};
use std::net::IpAddr;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn throttle() -> (MemoryThrottle, ManualClock) {
    let clock = ManualClock::default();
    (MemoryThrottle::default().clock(clock.clone()), clock)
}

fn address(number: u32) -> IpAddr {
    IpAddr::from(number.to_be_bytes())
}

fn anna(source: Option<IpAddr>) -> AttemptKey {
    AttemptKey::new("anna@example.com", source)
}

fn wait(answer: Result<(), ThrottleError>) -> Option<Duration> {
    match answer {
        Ok(()) => None,
        Err(ThrottleError::Limited { retry_after }) => Some(retry_after),
        Err(other) => panic!("{other}"),
    }
}

/// One wrong password: asked, then told.
async fn guess(throttle: &MemoryThrottle, key: &AttemptKey) -> Option<Duration> {
    match wait(throttle.attempt(key).await) {
        None => wait(throttle.failed(key).await),
        refused => refused,
    }
}

#[tokio::test]
async fn ten_failures_in_a_row_go_through_and_then_delays_double_up_to_an_hour() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    for n in 1..=10 {
        assert_eq!(guess(&throttle, &key).await, None, "failure {n}");
    }
    for over in 0..20 {
        let delay = Duration::from_secs(1 << over).min(HOUR);
        assert_eq!(guess(&throttle, &key).await, Some(delay));
        // Refused attempts don't prolong it, however many.
        clock.advance(delay - SECOND);
        for _ in 0..50 {
            assert_eq!(guess(&throttle, &key).await, Some(SECOND));
        }
        clock.advance(SECOND);
        assert_eq!(guess(&throttle, &key).await, None, "after {delay:?}");
    }
}

#[tokio::test]
async fn no_more_than_a_hundred_failures_in_a_row_are_let_through_in_a_day() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    let mut let_through = 0;
    while let_through < 100 {
        match guess(&throttle, &key).await {
            None => let_through += 1,
            Some(delay) => {
                assert!(delay <= HOUR);
                clock.advance(delay);
            }
        }
    }
    for _ in 0..3 {
        assert_eq!(guess(&throttle, &key).await, Some(DAY));
        clock.advance(DAY);
        // A day later it is one more guess, not a hundred more.
        assert_eq!(guess(&throttle, &key).await, None);
    }
    // Two days of peace end it.
    clock.advance(2 * DAY);
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
}

#[tokio::test]
async fn a_right_password_ends_the_row() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    for _ in 0..3 {
        for _ in 0..9 {
            assert_eq!(guess(&throttle, &key).await, None);
        }
        throttle.succeeded(&key).await.unwrap();
    }
    for _ in 0..15 {
        if let Some(delay) = guess(&throttle, &key).await {
            clock.advance(delay);
        }
    }
    clock.advance(HOUR);
    throttle.succeeded(&key).await.unwrap();
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
}

#[tokio::test]
async fn a_day_without_a_failure_ends_the_row() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    for _ in 0..9 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
    clock.advance(DAY - SECOND);
    assert_eq!(guess(&throttle, &key).await, None);
    assert_eq!(guess(&throttle, &key).await, Some(SECOND));
    clock.advance(DAY);
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
    assert_eq!(guess(&throttle, &key).await, Some(SECOND));
}

#[tokio::test]
async fn verdicts_that_come_after_the_limit_are_withheld_and_not_counted() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    // All asked before any was judged.
    for _ in 0..200 {
        throttle.attempt(&key).await.unwrap();
    }
    let mut told = 0;
    for _ in 0..199 {
        told += u32::from(wait(throttle.failed(&key).await).is_none());
    }
    assert_eq!(told, 10);
    // Also when the password was right; and nothing is forgotten by it.
    assert_eq!(wait(throttle.succeeded(&key).await), Some(SECOND));
    assert_eq!(wait(throttle.attempt(&key).await), Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(guess(&throttle, &key).await, None);
    // The 189 that were withheld didn't count: this was the eleventh.
    assert_eq!(guess(&throttle, &key).await, Some(2 * SECOND));
}

#[tokio::test]
async fn an_address_has_a_hundred_failures_in_its_window() {
    let (throttle, clock) = throttle();
    let from = Some(address(7));
    let key = |n: u32| AttemptKey::new(&format!("user{n}@example.com"), from);
    for n in 0..100 {
        assert_eq!(guess(&throttle, &key(n)).await, None, "{n}");
        if n == 49 {
            clock.advance(10 * MINUTE);
        }
    }
    assert_eq!(guess(&throttle, &key(100)).await, Some(5 * MINUTE));
    // Elsewhere nothing has happened.
    assert_eq!(
        guess(
            &throttle,
            &AttemptKey::new("user0@example.com", Some(address(8)))
        )
        .await,
        None
    );
    clock.advance(5 * MINUTE - SECOND);
    assert_eq!(guess(&throttle, &key(100)).await, Some(SECOND));
    clock.advance(SECOND);
    for n in 0..100 {
        assert_eq!(guess(&throttle, &key(200 + n)).await, None);
    }
    assert!(guess(&throttle, &key(300)).await.is_some());
}

#[tokio::test]
async fn a_right_password_gives_nothing_back_to_the_address() {
    let (throttle, _clock) = throttle();
    let from = Some(address(7));
    let own = AttemptKey::new("mallory@example.com", from);
    for n in 0..100 {
        let victim = AttemptKey::new(&format!("victim{n}@example.com"), from);
        assert_eq!(guess(&throttle, &victim).await, None);
        if n < 99 {
            throttle.succeeded(&own).await.unwrap();
        }
    }
    assert_eq!(wait(throttle.attempt(&own).await), Some(15 * MINUTE));
    assert_eq!(wait(throttle.succeeded(&own).await), Some(15 * MINUTE));
}

#[tokio::test]
async fn an_attacker_elsewhere_cannot_lock_the_owner_out() {
    let (throttle, clock) = throttle();
    let home = anna(Some(address(1)));
    throttle.succeeded(&home).await.unwrap();
    for day in 0..29 {
        // From many addresses, for hours a day.
        for n in 0..60 {
            guess(&throttle, &anna(Some(address(1000 + n)))).await;
            clock.advance(10 * MINUTE);
        }
        while guess(&throttle, &anna(Some(address(5000)))).await.is_none() {}
        assert_eq!(
            wait(throttle.attempt(&home).await),
            None,
            "the owner does not, day {day}"
        );
        assert_eq!(guess(&throttle, &home).await, None, "nor after a slip");
        clock.advance(14 * HOUR);
    }
    throttle.succeeded(&home).await.unwrap();
    // Guesses from the familiar place are limited too.
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &home).await, None);
    }
    assert_eq!(guess(&throttle, &home).await, Some(SECOND));
    // And hold up nobody elsewhere.
    assert_eq!(
        wait(throttle.attempt(&anna(Some(address(2)))).await),
        None,
        "the success above ended the other row"
    );
}

#[tokio::test]
async fn a_place_is_familiar_for_one_account_and_for_thirty_days() {
    let (throttle, clock) = throttle();
    let (home, elsewhere) = (anna(Some(address(1))), anna(Some(address(2))));
    throttle.succeeded(&home).await.unwrap();
    clock.advance(30 * DAY - SECOND);
    for _ in 0..10 {
        guess(&throttle, &elsewhere).await;
    }
    assert_eq!(wait(throttle.attempt(&home).await), None);
    let bob_here = AttemptKey::new("bob@example.com", Some(address(1)));
    for n in 0..10 {
        let bob = AttemptKey::new("bob@example.com", Some(address(100 + n)));
        assert_eq!(guess(&throttle, &bob).await, None);
    }
    assert_eq!(wait(throttle.attempt(&bob_here).await), Some(SECOND));
    clock.advance(SECOND);
    for _ in 0..2 {
        guess(&throttle, &elsewhere).await;
    }
    assert_eq!(wait(throttle.attempt(&home).await), Some(2 * SECOND));
}

#[tokio::test]
async fn spellings_of_one_login_and_one_network_share_a_counter() {
    let (throttle, _clock) = throttle();
    for _ in 0..5 {
        for login in ["Anna@Example.com", " anna@example.COM "] {
            guess(&throttle, &AttemptKey::new(login, None)).await;
        }
    }
    assert_eq!(wait(throttle.attempt(&anna(None)).await), Some(SECOND));
    for n in 0..100 {
        let source = format!("2001:db8:1:2::{n:x}").parse().unwrap();
        guess(
            &throttle,
            &AttemptKey::new(&format!("user{n}"), Some(source)),
        )
        .await;
    }
    let same = Some("2001:db8:1:2:ffff::1".parse().unwrap());
    let other = Some("2001:db8:1:3::1".parse().unwrap());
    assert!(wait(throttle.attempt(&AttemptKey::new("zoe", same)).await).is_some());
    assert!(wait(throttle.attempt(&AttemptKey::new("zoe", other)).await).is_none());
}

#[tokio::test]
async fn a_flood_of_made_up_names_neither_grows_memory_nor_frees_a_delayed_account() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default()
        .capacity(1000)
        .clock(clock.clone());
    let key = anna(None);
    while wait(throttle.attempt(&key).await) != Some(HOUR) {
        if let Some(delay) = guess(&throttle, &key).await {
            clock.advance(delay);
        }
    }
    let home = anna(Some(address(1)));
    for n in 0..20_000_u32 {
        clock.advance(Duration::from_millis(1));
        let made_up = AttemptKey::new(&format!("nobody{n}@example.com"), Some(address(n)));
        assert_eq!(guess(&throttle, &made_up).await, None);
    }
    let still = HOUR - 20 * SECOND;
    assert_eq!(wait(throttle.attempt(&key).await), Some(still));
    assert_eq!(wait(throttle.attempt(&home).await), Some(still));
    let counters = counters(&throttle);
    assert!((800..=1000).contains(&counters), "{counters}");
    // Past their time they go first, whatever their count.
    clock.advance(2 * DAY);
    let early = AttemptKey::new("early@example.com", None);
    guess(&throttle, &early).await;
    for n in 0..1000 {
        guess(&throttle, &AttemptKey::new(&format!("late{n}"), None)).await;
    }
    assert!(self::counters(&throttle) <= 1000);
    assert_eq!(wait(throttle.attempt(&key).await), None);
}

fn counters(throttle: &MemoryThrottle) -> usize {
    let shown = format!("{throttle:?}");
    let (_, after) = shown.split_once("counters: ").unwrap();
    after.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn familiar_places_are_bounded_too() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default().capacity(100).clock(clock.clone());
    for n in 0..1000 {
        clock.advance(SECOND);
        throttle.succeeded(&anna(Some(address(n)))).await.unwrap();
    }
    let shown = format!("{throttle:?}");
    let (_, after) = shown.split_once("familiar: ").unwrap();
    let familiar: usize = after.split(',').next().unwrap().parse().unwrap();
    assert!((80..=100).contains(&familiar), "{familiar}");
    // The latest are the ones kept.
    for _ in 0..10 {
        guess(&throttle, &anna(None)).await;
    }
    assert_eq!(
        wait(throttle.attempt(&anna(Some(address(999)))).await),
        None
    );
    assert!(wait(throttle.attempt(&anna(Some(address(0)))).await).is_some());
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stretch_a_delay() {
    let (throttle, clock) = throttle();
    for _ in 0..10 {
        guess(&throttle, &anna(Some(address(1)))).await;
    }
    clock.set(clock.now() - 365 * DAY);
    let key = anna(None);
    assert_eq!(wait(throttle.attempt(&key).await), Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(wait(throttle.attempt(&key).await), None);
}

#[tokio::test]
async fn limits_can_be_set_within_reason() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default()
        .account_failures(NonZeroU32::new(3).unwrap())
        .address_failures(NonZeroU32::new(5).unwrap())
        .address_window(Duration::ZERO)
        .clock(clock.clone());
    let key = anna(None);
    for _ in 0..3 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
    assert_eq!(guess(&throttle, &key).await, Some(SECOND));
    for n in 0..5 {
        let key = AttemptKey::new(&format!("user{n}"), Some(address(1)));
        assert_eq!(guess(&throttle, &key).await, None);
    }
    // A window of nothing would mean a Retry-After of nothing: it is a second.
    let sixth = AttemptKey::new("user6", Some(address(1)));
    assert_eq!(guess(&throttle, &sixth).await, Some(SECOND));

    // NIST's hundred hold, whatever is set.
    let lax = MemoryThrottle::default()
        .account_failures(NonZeroU32::MAX)
        .clock(clock);
    for n in 0..100 {
        assert_eq!(guess(&lax, &key).await, None, "{n}");
    }
    assert_eq!(guess(&lax, &key).await, Some(DAY));
}

#[tokio::test]
async fn nothing_typed_as_a_login_shows_in_debug() {
    let (throttle, _clock) = throttle();
    let key = AttemptKey::new("hunter2-canary", None);
    guess(&throttle, &key).await;
    let shown = format!("{throttle:?} {key:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(counters(&throttle), 1);
}
