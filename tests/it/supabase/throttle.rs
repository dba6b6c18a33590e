//! Failures counted in the database: as in memory, for all servers, and nobody slips past.

use super::store;
use crate::stack::{Place, Stack};
use core::num::NonZeroU32;
use core::time::Duration;
use portcullis::stores::supabase::{BuildError, SupabaseThrottle};
use portcullis::test_util::ManualClock;
use portcullis::throttle::{AttemptKey, MemoryThrottle, Throttle, ThrottleError};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

const SECRET: &[u8] = b"canary secret of all the servers";

fn throttle(place: &Place) -> SupabaseThrottle {
    SupabaseThrottle::new(&store(place), SECRET).unwrap()
}

fn key(account: &str, source: Option<&str>) -> AttemptKey {
    let source = source.map(|text| text.parse::<IpAddr>().unwrap());
    AttemptKey::new(account, source)
}

/// Lets time pass in the database.
fn advance(place: &Place, by: Duration) {
    let by = by.as_secs_f64();
    place.sql(&format!(
        "update portcullis_attempts set since = since - make_interval(secs => {by}),
            forget_at = forget_at - make_interval(secs => {by})"
    ));
}

/// How long to wait; zero for "let through".
fn wait(answer: Result<(), ThrottleError>) -> Duration {
    match answer {
        Ok(()) => Duration::ZERO,
        Err(ThrottleError::Limited { retry_after }) => retry_after,
        Err(error) => panic!("{error:?}"),
    }
}

/// The same story told to both; where they differ by more than the time it takes to tell, it is a fault.
#[tokio::test(flavor = "multi_thread")]
async fn it_counts_as_the_throttle_in_memory_does() {
    for mut seed in [1_u64, 2, 3] {
        let place = Stack::shared().place();
        let (five, eight) = (NonZeroU32::new(5).unwrap(), NonZeroU32::new(8).unwrap());
        let window = Duration::from_secs(600);
        let there = throttle(&place)
            .account_failures(five)
            .address_failures(eight)
            .address_window(window);
        let clock = ManualClock::default();
        let here = MemoryThrottle::default()
            .account_failures(five)
            .address_failures(eight)
            .address_window(window)
            .clock(clock.clone());
        let (began, at_first) = (Instant::now(), SystemTime::now());
        let mut skipped = Duration::ZERO;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let keys = [
            key("anna@example.com", Some("192.0.2.1")),
            key("anna@example.com", Some("192.0.2.2")),
            key("bert@example.com", Some("192.0.2.1")),
            key("anna@example.com", None),
        ];
        for step in 0..120 {
            // Mostly failures, or there would be nothing to count.
            let (key, verb) = (&keys[usize::try_from(next(4)).unwrap()], next(8));
            let passes = [0, 0, 0, 2, 5, 70, 700, 90_000][usize::try_from(next(8)).unwrap()];
            let passes = Duration::from_millis(passes * 1000);
            skipped += passes;
            advance(&place, passes);
            clock.set(at_first + skipped + began.elapsed());
            let (one, other) = match verb {
                0 => (here.succeeded(key).await, there.succeeded(key).await),
                1 => (here.attempt(key).await, there.attempt(key).await),
                _ => (here.failed(key).await, there.failed(key).await),
            };
            let (one, other) = (wait(one), wait(other));
            assert!(
                one.abs_diff(other) < Duration::from_secs(1),
                "seed {seed}, step {step}: {one:?} in memory, {other:?} in the database"
            );
            if one.is_zero() != other.is_zero() {
                // It fell on the edge, and from here on they have counted differently.
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_parallel_guesses_on_several_servers_no_more_get_a_verdict_than_in_a_row() {
    let place = Stack::shared().place();
    let servers: Vec<Arc<SupabaseThrottle>> = (0..3).map(|_| Arc::new(throttle(&place))).collect();
    let mut guesses = Vec::new();
    for guess in 0..60 {
        let server = Arc::clone(&servers[guess % 3]);
        let key = key("anna@example.com", Some(&format!("198.51.100.{guess}")));
        guesses.push(tokio::spawn(async move {
            wait(server.failed(&key).await).is_zero()
        }));
    }
    let mut verdicts = 0;
    for guess in guesses {
        verdicts += u32::from(guess.await.unwrap());
    }
    assert_eq!(verdicts, 10);
    let owner = key("anna@example.com", Some("203.0.113.9"));
    assert!(!wait(servers[0].attempt(&owner).await).is_zero());
}

#[tokio::test]
async fn an_owner_is_let_in_at_its_own_place_while_others_guess() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let (owner, thief) = (
        key("anna@example.com", Some("192.0.2.1")),
        key("anna@example.com", Some("203.0.113.9")),
    );
    throttle.succeeded(&owner).await.unwrap();
    for _ in 0..12 {
        drop(throttle.failed(&thief).await);
    }
    assert!(!wait(throttle.attempt(&thief).await).is_zero());
    throttle.attempt(&owner).await.unwrap();
    throttle.succeeded(&owner).await.unwrap();
}

#[tokio::test]
async fn names_and_addresses_are_not_in_the_table_and_what_is_forgotten_goes() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    for name in ["anna@example.com", "hunter2 typed into the wrong field"] {
        throttle
            .failed(&key(name, Some("192.0.2.1")))
            .await
            .unwrap();
    }
    let rows = place.sql("select * from portcullis_attempts");
    assert_eq!(rows.trim().lines().count(), 3, "{rows}");
    for word in ["anna", "hunter2", "192.0.2.1"] {
        assert!(!rows.contains(word), "{rows}");
    }
    advance(&place, Duration::from_secs(2 * 24 * 60 * 60));
    throttle
        .failed(&key("bert@example.com", None))
        .await
        .unwrap();
    let rows = place.sql("select key from portcullis_attempts");
    assert_eq!(rows.trim().lines().count(), 1, "{rows}");
}

#[tokio::test]
async fn servers_find_each_others_counters_by_one_secret() {
    let place = Stack::shared().place();
    let anna = key("anna@example.com", None);
    let (one, same) = (throttle(&place), throttle(&place));
    let other = SupabaseThrottle::new(&store(&place), &[7; 32]).unwrap();
    for _ in 0..10 {
        one.failed(&anna).await.unwrap();
    }
    assert!(!wait(same.attempt(&anna).await).is_zero());
    other.attempt(&anna).await.unwrap();
    let short = SupabaseThrottle::new(&store(&place), &[7; 31]).unwrap_err();
    assert_eq!(short, BuildError::ShortSecret);
    assert!(!format!("{one:?}").contains("canary"));
}
