//! Attempts are charged before they are decided: parallel guesses, charges that go back, and crashes.

use super::*;

#[tokio::test]
async fn of_two_hundred_parallel_guesses_ten_are_admitted_and_the_others_busy() {
    let (throttle, _clock) = throttle();
    let attempt = anna(None);
    let mut admitted = Vec::new();
    for _ in 0..200 {
        match acquire(&throttle, &attempt).await {
            Ok(acquired) => admitted.push(acquired),
            Err(ThrottleError::Busy) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(admitted.len(), 10);
    // Decided, they are failures like others.
    drop(admitted);
    assert_eq!(peek(&throttle, &attempt).await, Some(SECOND));
}

#[tokio::test]
async fn a_charge_that_goes_back_leaves_no_trace() {
    let (throttle, clock) = throttle();
    let attempt = anna(Some(address(1)));
    for _ in 0..11 {
        guess(&throttle, &attempt).await;
        clock.advance(SECOND);
    }
    clock.advance(MINUTE);
    for _ in 0..300 {
        let acquired = acquire(&throttle, &attempt).await.unwrap();
        assert_eq!(acquired.failures, 11);
        throttle.not_made(acquired.charge);
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(guess(&throttle, &attempt).await, None);
    assert_eq!(guess(&throttle, &attempt).await, Some(4 * SECOND));
    // Nor on the address.
    for n in 0..88 {
        let other = Attempt::new(&format!("user{n}"), Some(address(1)));
        assert_eq!(guess(&throttle, &other).await, None, "{n}");
    }
    let last = Attempt::new("last", Some(address(1)));
    assert!(guess(&throttle, &last).await.is_some());
}

#[tokio::test]
async fn a_charge_does_not_go_back_to_a_counter_that_was_cleared_since() {
    let (throttle, _clock) = throttle();
    let attempt = anna(None);
    let late = acquire(&throttle, &attempt).await.unwrap();
    succeed(&throttle, &attempt).await;
    for _ in 0..5 {
        guess(&throttle, &attempt).await;
    }
    throttle.not_made(late.charge);
    assert_eq!(acquire(&throttle, &attempt).await.unwrap().failures, 5);
}

#[tokio::test]
async fn a_charge_does_not_go_back_to_the_next_window_of_an_address() {
    let (throttle, clock) = throttle();
    let from = Some(address(1));
    let late = acquire(&throttle, &Attempt::new("late", from))
        .await
        .unwrap();
    clock.advance(15 * MINUTE);
    for n in 0..100 {
        guess(&throttle, &Attempt::new(&format!("user{n}"), from)).await;
    }
    throttle.not_made(late.charge);
    assert!(peek(&throttle, &Attempt::new("next", from)).await.is_some());
}

#[tokio::test]
async fn a_success_among_failures_in_flight_clears_them() {
    let (throttle, _clock) = throttle();
    let attempt = anna(None);
    let mut in_flight = Vec::new();
    for _ in 0..9 {
        in_flight.push(acquire(&throttle, &attempt).await.unwrap());
    }
    succeed(&throttle, &attempt).await;
    drop(in_flight);
    assert_eq!(acquire(&throttle, &attempt).await.unwrap().failures, 0);
}
