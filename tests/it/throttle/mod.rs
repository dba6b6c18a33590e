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
use portcullis::throttle::{
    Acquired, Attempt, Counter, Forget, MemoryCharge, MemoryThrottle, Success, Throttle,
    ThrottleError,
};
use portcullis::user::UserId;
use std::net::IpAddr;

mod devices;
mod in_flight;
mod week;

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

fn anna(address: Option<IpAddr>) -> Attempt {
    Attempt::new("anna@example.com", address)
}

fn wait<T>(answer: Result<T, ThrottleError>) -> Option<Duration> {
    match answer {
        Ok(_) => None,
        Err(ThrottleError::Limited { retry_after }) => Some(retry_after),
        Err(other) => panic!("{other}"),
    }
}

async fn acquire(
    throttle: &MemoryThrottle,
    attempt: &Attempt,
) -> Result<Acquired<MemoryCharge>, ThrottleError> {
    throttle.acquire(attempt).await
}

/// One wrong password: charged, and never given back.
async fn guess(throttle: &MemoryThrottle, attempt: &Attempt) -> Option<Duration> {
    wait(acquire(throttle, attempt).await)
}

/// How long the next attempt would have to wait; nothing stays charged.
async fn peek(throttle: &MemoryThrottle, attempt: &Attempt) -> Option<Duration> {
    match acquire(throttle, attempt).await {
        Ok(acquired) => {
            throttle.not_made(acquired.charge);
            None
        }
        refused => wait(refused),
    }
}

/// One right password.
async fn succeed(throttle: &MemoryThrottle, attempt: &Attempt) {
    let acquired = acquire(throttle, attempt).await.unwrap();
    let id = UserId::new("1").unwrap();
    let success = Success::new(&id, 0);
    throttle.success(&acquired.charge, success).await.unwrap();
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
    // 29 days of peace are one more guess, 30 end it.
    clock.advance(29 * DAY);
    assert_eq!(guess(&throttle, &key).await, None);
    assert_eq!(guess(&throttle, &key).await, Some(DAY));
    clock.advance(30 * DAY);
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
        succeed(&throttle, &key).await;
    }
    for _ in 0..15 {
        if let Some(delay) = guess(&throttle, &key).await {
            clock.advance(delay);
        }
    }
    clock.advance(HOUR);
    succeed(&throttle, &key).await;
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
}

/// Ten guesses in a row, then none for a day: a counter that forgot overnight would allow 3,650 a year.
#[tokio::test]
async fn patience_gives_no_more_than_one_guess_a_day_after_the_first_hundred() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    let mut let_through = 0;
    for _ in 0..365 {
        for _ in 0..10 {
            let_through += u32::from(guess(&throttle, &key).await.is_none());
        }
        clock.advance(25 * HOUR);
    }
    assert!(let_through <= 10 + 365, "{let_through}");
}

#[tokio::test]
async fn thirty_days_without_a_failure_end_the_row() {
    let (throttle, clock) = throttle();
    let key = anna(None);
    for _ in 0..9 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
    clock.advance(30 * DAY - SECOND);
    assert_eq!(guess(&throttle, &key).await, None);
    assert_eq!(guess(&throttle, &key).await, Some(SECOND));
    clock.advance(30 * DAY);
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &key).await, None);
    }
    assert_eq!(guess(&throttle, &key).await, Some(SECOND));
}

#[tokio::test]
async fn an_address_has_a_hundred_failures_in_its_window() {
    let (throttle, clock) = throttle();
    let from = Some(address(7));
    let key = |n: u32| Attempt::new(&format!("user{n}@example.com"), from);
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
            &Attempt::new("user0@example.com", Some(address(8)))
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
async fn a_right_password_gives_back_its_own_charge_and_no_failure_of_the_address() {
    let (throttle, _clock) = throttle();
    let from = Some(address(7));
    let own = Attempt::new("mallory@example.com", from);
    for n in 0..100 {
        let victim = Attempt::new(&format!("victim{n}@example.com"), from);
        assert_eq!(guess(&throttle, &victim).await, None);
        if n < 99 {
            succeed(&throttle, &own).await;
        }
    }
    let other = Attempt::new("other@example.com", from);
    assert_eq!(peek(&throttle, &other).await, Some(15 * MINUTE));
    // The own account is known there, and not stopped by what its neighbours do.
    assert_eq!(peek(&throttle, &own).await, None);
}

#[tokio::test]
async fn an_attacker_elsewhere_cannot_delay_the_owner_at_a_known_address() {
    let (throttle, clock) = throttle();
    let home = anna(Some(address(1)));
    succeed(&throttle, &home).await;
    for day in 0..29 {
        // From many addresses, for hours a day.
        for n in 0..60 {
            guess(&throttle, &anna(Some(address(1000 + n)))).await;
            clock.advance(10 * MINUTE);
        }
        while guess(&throttle, &anna(Some(address(5000)))).await.is_none() {}
        assert_eq!(peek(&throttle, &home).await, None, "day {day}");
        assert_eq!(guess(&throttle, &home).await, None, "after a slip");
        clock.advance(14 * HOUR);
    }
    succeed(&throttle, &home).await;
    // Guesses from the known address are limited too, on a counter of their own.
    for _ in 0..10 {
        assert_eq!(guess(&throttle, &home).await, None);
    }
    assert_eq!(guess(&throttle, &home).await, Some(SECOND));
}

#[tokio::test]
async fn a_hundred_failures_of_a_neighbour_do_not_stop_a_known_address() {
    let (throttle, _clock) = throttle();
    let home = anna(Some(address(1)));
    succeed(&throttle, &home).await;
    for n in 0..100 {
        let neighbour = Attempt::new(&format!("neighbour{n}"), Some(address(1)));
        assert_eq!(guess(&throttle, &neighbour).await, None);
    }
    let neighbour = Attempt::new("neighbour", Some(address(1)));
    assert_eq!(guess(&throttle, &neighbour).await, Some(15 * MINUTE));
    assert_eq!(guess(&throttle, &home).await, None);
    // But its failures count for the address.
    let (throttle, _clock) = self::throttle();
    succeed(&throttle, &home).await;
    for n in 0..99 {
        let neighbour = Attempt::new(&format!("neighbour{n}"), Some(address(1)));
        assert_eq!(guess(&throttle, &neighbour).await, None);
    }
    assert_eq!(guess(&throttle, &home).await, None);
    let limited = guess(&throttle, &Attempt::new("neighbour", Some(address(1)))).await;
    assert_eq!(limited, Some(15 * MINUTE));
}

#[tokio::test]
async fn an_address_is_known_for_one_account_and_for_thirty_days() {
    let (throttle, clock) = throttle();
    let (home, elsewhere) = (anna(Some(address(1))), anna(Some(address(2))));
    succeed(&throttle, &home).await;
    clock.advance(30 * DAY - SECOND);
    for _ in 0..10 {
        guess(&throttle, &elsewhere).await;
    }
    assert_eq!(peek(&throttle, &home).await, None);
    let bob_here = Attempt::new("bob@example.com", Some(address(1)));
    for n in 0..10 {
        let bob = Attempt::new("bob@example.com", Some(address(100 + n)));
        assert_eq!(guess(&throttle, &bob).await, None);
    }
    assert_eq!(peek(&throttle, &bob_here).await, Some(SECOND));
    clock.advance(SECOND);
    for _ in 0..2 {
        guess(&throttle, &elsewhere).await;
    }
    assert_eq!(peek(&throttle, &home).await, Some(2 * SECOND));
}

#[tokio::test]
async fn one_account_cannot_push_out_the_known_addresses_of_others() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default().capacity(100).clock(clock.clone());
    let home = anna(Some(address(1)));
    succeed(&throttle, &home).await;
    for n in 0..1000 {
        clock.advance(SECOND);
        succeed(&throttle, &Attempt::new("mallory", Some(address(1000 + n)))).await;
    }
    let counter = acquire(&throttle, &home).await.unwrap().counter;
    assert_eq!(counter, Counter::KnownAddress);
    // Of the one account the latest sixteen are kept.
    let counter = async |n| {
        let attempt = Attempt::new("mallory", Some(address(n)));
        acquire(&throttle, &attempt).await.unwrap().counter
    };
    assert_eq!(counter(1999).await, Counter::KnownAddress);
    assert_eq!(counter(1984).await, Counter::KnownAddress);
    assert_eq!(counter(1983).await, Counter::Account);
}

#[tokio::test]
async fn spellings_of_one_login_and_one_network_share_a_counter() {
    let (throttle, _clock) = throttle();
    for _ in 0..5 {
        for login in ["Anna@Example.com", " anna@example.COM "] {
            guess(&throttle, &Attempt::new(login, None)).await;
        }
    }
    assert_eq!(peek(&throttle, &anna(None)).await, Some(SECOND));
    for n in 0..100 {
        let source = format!("2001:db8:1:2::{n:x}").parse().unwrap();
        guess(&throttle, &Attempt::new(&format!("user{n}"), Some(source))).await;
    }
    let same = Some("2001:db8:1:2:ffff::1".parse().unwrap());
    let other = Some("2001:db8:1:3::1".parse().unwrap());
    assert!(peek(&throttle, &Attempt::new("zoe", same)).await.is_some());
    assert!(peek(&throttle, &Attempt::new("zoe", other)).await.is_none());
}

#[tokio::test]
async fn a_flood_of_made_up_names_neither_grows_memory_nor_frees_a_delayed_account() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default()
        .capacity(1000)
        .clock(clock.clone());
    let key = anna(None);
    while peek(&throttle, &key).await != Some(HOUR) {
        if let Some(delay) = guess(&throttle, &key).await {
            clock.advance(delay);
        }
    }
    let home = anna(Some(address(1)));
    for n in 0..20_000_u32 {
        clock.advance(Duration::from_millis(1));
        let made_up = Attempt::new(&format!("nobody{n}@example.com"), Some(address(n)));
        assert_eq!(guess(&throttle, &made_up).await, None);
    }
    let still = HOUR - 20 * SECOND;
    assert_eq!(peek(&throttle, &key).await, Some(still));
    assert_eq!(peek(&throttle, &home).await, Some(still));
    let counters = counters(&throttle);
    assert!((800..=1000).contains(&counters), "{counters}");
    // Past their time they go first, whatever their count.
    clock.advance(2 * DAY);
    let early = Attempt::new("early@example.com", None);
    guess(&throttle, &early).await;
    for n in 0..1000 {
        guess(&throttle, &Attempt::new(&format!("late{n}"), None)).await;
    }
    assert!(self::counters(&throttle) <= 1000);
    assert_eq!(peek(&throttle, &key).await, None);
}

fn shown(throttle: &MemoryThrottle, field: &str) -> usize {
    let shown = format!("{throttle:?}");
    let (_, after) = shown.split_once(field).unwrap();
    let end = after.find([',', ' ']).unwrap();
    after[..end].parse().unwrap()
}

fn counters(throttle: &MemoryThrottle) -> usize {
    shown(throttle, "accounts: ")
}

#[tokio::test]
async fn the_accounts_whose_addresses_are_known_are_bounded_and_the_latest_kept() {
    let clock = ManualClock::default();
    let throttle = MemoryThrottle::default().capacity(100).clock(clock.clone());
    for n in 0..1000 {
        clock.advance(SECOND);
        let user = Attempt::new(&format!("user{n}"), Some(address(n)));
        succeed(&throttle, &user).await;
    }
    let places = shown(&throttle, "places: ");
    assert!((80..=100).contains(&places), "{places}");
    let latest = Attempt::new("user999", Some(address(999)));
    let counter = acquire(&throttle, &latest).await.unwrap().counter;
    assert_eq!(counter, Counter::KnownAddress);
}

#[tokio::test]
async fn forgiving_ends_delays_and_forgetting_ends_known_addresses() {
    let (throttle, _clock) = throttle();
    let id = UserId::new("1").unwrap();
    let home = anna(Some(address(1)));
    succeed(&throttle, &home).await;
    for attempt in [&home, &anna(Some(address(2)))] {
        for _ in 0..10 {
            guess(&throttle, attempt).await;
        }
        assert!(guess(&throttle, attempt).await.is_some());
    }
    let logins = [" ANNA@example.com"];
    throttle
        .forgive(&id, &logins, Forget::Failures)
        .await
        .unwrap();
    let counter = async || acquire(&throttle, &home).await.unwrap().counter;
    assert_eq!(counter().await, Counter::KnownAddress);
    assert_eq!(peek(&throttle, &anna(Some(address(2)))).await, None);
    throttle
        .forgive(&id, &logins, Forget::Everything)
        .await
        .unwrap();
    assert_eq!(counter().await, Counter::Account);
}

#[tokio::test]
async fn a_network_of_many_failures_is_crowded_and_not_refused() {
    let (throttle, clock) = throttle();
    for n in 0..1000_u32 {
        let attempt = Attempt::new(
            &format!("user{n}"),
            Some(format!("2001:db8:1:{n:x}::1").parse().unwrap()),
        );
        let acquired = acquire(&throttle, &attempt).await.unwrap();
        assert!(!acquired.crowded_network, "{n}");
    }
    let attempt = Attempt::new("zoe", Some("2001:db8:1:ffff::1".parse().unwrap()));
    assert!(acquire(&throttle, &attempt).await.unwrap().crowded_network);
    let elsewhere = Attempt::new("zoe", Some("2001:db8:2::1".parse().unwrap()));
    assert!(
        !acquire(&throttle, &elsewhere)
            .await
            .unwrap()
            .crowded_network
    );
    clock.advance(15 * MINUTE);
    assert!(!acquire(&throttle, &attempt).await.unwrap().crowded_network);
}

#[tokio::test]
async fn compatibility_forms_of_a_login_share_its_counter() {
    let (throttle, _clock) = throttle();
    // Full-width letters, a ligature, and the plain ones.
    for login in ["ｊｏｅ", "JOE", " joe "] {
        for _ in 0..3 {
            guess(&throttle, &Attempt::new(login, None)).await;
        }
    }
    guess(&throttle, &Attempt::new("Joe", None)).await;
    assert_eq!(
        peek(&throttle, &Attempt::new("joe", None)).await,
        Some(SECOND)
    );
    assert_eq!(Attempt::new("ﬁne", None).login, "fine");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stretch_a_delay() {
    let (throttle, clock) = throttle();
    for _ in 0..10 {
        guess(&throttle, &anna(Some(address(1)))).await;
    }
    clock.set(clock.now() - 365 * DAY);
    let key = anna(None);
    assert_eq!(peek(&throttle, &key).await, Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(peek(&throttle, &key).await, None);
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
        let key = Attempt::new(&format!("user{n}"), Some(address(1)));
        assert_eq!(guess(&throttle, &key).await, None);
    }
    // A window of nothing would mean a Retry-After of nothing: it is a second.
    let sixth = Attempt::new("user6", Some(address(1)));
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
    let key = Attempt::new("hunter2-canary", None);
    guess(&throttle, &key).await;
    let shown = format!("{throttle:?} {key:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(counters(&throttle), 1);
}
