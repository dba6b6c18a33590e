//! Charges that are given back: in the background, in batches, once, and only where nothing came between.

use super::{account, admitted, attempt, fail, failures, succeed, throttle, timeless, until};
use crate::stack::{Fault, Recorded, Stack};
use core::time::Duration;
use portcullis::throttle::{Attempt, Forget, Success, Throttle as _, ThrottleError};
use std::time::Instant;

const COUNTERS: &str = "select count(*) from portcullis_counters";

fn is_refund(request: &Recorded) -> bool {
    request.path.ends_with("/portcullis_throttle_refund")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_before_the_answer_is_not_charged() {
    let place = timeless();
    let throttle = throttle(&place);
    place.gateway.delay(Duration::from_millis(40));
    // Before it is sent, on the way there, on the way back, and with the answer at hand.
    for wait in (0..90).step_by(3) {
        let attempt = attempt("anna@example.com", Some("192.0.2.1"));
        let acquired = throttle.acquire(&attempt);
        if let Ok(acquired) = tokio::time::timeout(Duration::from_millis(wait), acquired).await {
            throttle.not_made(acquired.unwrap().charge);
        }
    }
    until(&place, COUNTERS, "0").await;
    // Nor does anything count as in flight for good.
    place.gateway.mend();
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    for _ in 0..10 {
        fail(&throttle, &anna).await;
    }
    let last = throttle.acquire(&anna).await;
    assert!(
        matches!(last, Err(ThrottleError::Limited { .. })),
        "{last:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_given_back_in_few_requests_and_nobody_waits_for_them() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let mut charges = Vec::new();
    for number in 0..150 {
        let address = format!("2001:db8:{number:x}::1");
        let attempt = attempt(&format!("u{number}@example.com"), Some(&address));
        charges.push(admitted(&throttle, &attempt).await.charge);
    }
    place.gateway.record();
    place.gateway.delay(Duration::from_millis(500));
    let started = Instant::now();
    for charge in charges {
        throttle.not_made(charge);
    }
    assert!(started.elapsed() < Duration::from_millis(500));
    until(&place, COUNTERS, "0").await;
    let requests = place
        .gateway
        .taken()
        .iter()
        .filter(|request| is_refund(request))
        .count();
    assert!((1..=4).contains(&requests), "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_back_still_counts_as_in_flight() {
    let place = timeless();
    let throttle = throttle(&place);
    let anna = attempt("anna@example.com", None);
    for _ in 0..9 {
        fail(&throttle, &anna).await;
    }
    let tenth = admitted(&throttle, &anna).await;
    place.gateway.fault_where(Fault::BlackHole, is_refund);
    throttle.not_made(tenth.charge);
    let next = throttle.acquire(&anna).await;
    assert!(matches!(next, Err(ThrottleError::Busy)), "{next:?}");
}

/// The database has done it, and its answer is lost: the request is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_answer_is_lost_is_sent_again_and_given_back_once() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    for _ in 0..3 {
        fail(&throttle, &anna).await;
    }
    let charge = admitted(&throttle, &anna).await.charge;
    place.gateway.record();
    place.gateway.fault_next(1, Fault::LostAnswer);
    throttle.not_made(charge);
    let started = Instant::now();
    let mut sent = 0;
    while sent < 2 {
        assert!(started.elapsed() < super::PATIENCE, "sent {sent} times");
        sent += place
            .gateway
            .taken()
            .iter()
            .filter(|request| is_refund(request))
            .count();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((failures(&place, false), failures(&place, true)), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_back_to_a_counter_that_was_cleared_or_has_begun_anew() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    let given = "select count(*) from portcullis_refunds";
    // Cleared by a success, forgiven, and forgotten with its window.
    let charge = admitted(&throttle, &anna).await.charge;
    succeed(&throttle, &anna, None).await;
    place.sql("delete from portcullis_known_addresses");
    fail(&throttle, &anna).await;
    throttle.not_made(charge);
    until(&place, given, "1").await;
    assert_eq!((failures(&place, false), failures(&place, true)), (1, 1));

    let charge = admitted(&throttle, &anna).await.charge;
    throttle
        .forgive(&account(), &["anna@example.com"], Forget::Failures)
        .await
        .unwrap();
    fail(&throttle, &anna).await;
    throttle.not_made(charge);
    until(&place, given, "2").await;
    assert_eq!((failures(&place, false), failures(&place, true)), (1, 2));

    let charge = admitted(&throttle, &anna).await.charge;
    place.sql("update portcullis_counters set forget_at = now()");
    fail(&throttle, &anna).await;
    throttle.not_made(charge);
    until(&place, given, "3").await;
    assert_eq!((failures(&place, false), failures(&place, true)), (1, 1));
}

/// A crash between the steps: whatever was charged stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_outlives_the_process_that_made_it() {
    let place = timeless();
    let anna: Attempt = attempt("anna@example.com", Some("192.0.2.1"));
    for _ in 0..10 {
        let throttle = throttle(&place);
        drop(admitted(&throttle, &anna).await);
        drop(throttle);
    }
    assert_eq!((failures(&place, false), failures(&place, true)), (10, 10));
    let throttle = throttle(&place);
    assert!(super::is_limited(&throttle.acquire(&anna).await));
}

/// Dropped at any moment, a success is stored or it is not: never a part of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_nobody_waits_for_is_whole_or_not_at_all() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let account = account();
    let mut stored = 0;
    for number in 0..24 {
        let login = format!("u{number}@example.com");
        let address = format!("192.0.2.{number}");
        let charge = admitted(&throttle, &attempt(&login, Some(&address)))
            .await
            .charge;
        place.gateway.delay(Duration::from_millis(20));
        let success = throttle.success(&charge, Success::new(&account, 0));
        drop(tokio::time::timeout(Duration::from_millis(2 * number), success).await);
        place.gateway.mend();
        let settled = "select count(*) = 0 from pg_stat_activity where state = 'active'
            and query like '%portcullis_throttle_success%' and pid <> pg_backend_pid()";
        until(&place, settled, "t").await;
        let state = place.sql(
            "select (select count(*) from portcullis_known_addresses), (select sum(failures) from portcullis_counters
                where is_address), (select sum(failures) from portcullis_counters where not is_address)",
        );
        if state == "1||" {
            stored += 1;
        } else {
            assert_eq!(state, "0|1|1", "{number}");
        }
        place.sql("truncate portcullis_known_addresses, portcullis_counters");
    }
    assert!(stored < 24);
}
