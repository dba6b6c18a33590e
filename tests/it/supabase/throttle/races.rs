//! Many attempts at one moment, through several servers.

use super::{PATIENCE, account, attempt, device, failures, throttle, timeless, until};
use crate::stack::{Place, Stack};
use crate::supabase::builder_at;
use core::num::NonZeroUsize;
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::opaque::ServerSecret;
use portcullis::stores::supabase::SupabaseThrottle;
use portcullis::throttle::{Attempt, Forget, Success, Throttle, ThrottleError};
use std::sync::Arc;

fn servers(place: &Place, count: usize) -> Vec<Arc<SupabaseThrottle>> {
    (0..count).map(|_| Arc::new(throttle(place))).collect()
}

/// Makes the attempts at one moment, in turn through the servers, and leaves each as a failure. Tells how many were admitted.
async fn admitted_of(servers: &[Arc<SupabaseThrottle>], attempts: Vec<Attempt>) -> usize {
    let made = attempts.into_iter().enumerate().map(|(number, attempt)| {
        let server = Arc::clone(&servers[number % servers.len()]);
        tokio::spawn(async move {
            match server.acquire(&attempt).await {
                Ok(_) => true,
                Err(ThrottleError::Limited { .. } | ThrottleError::Busy) => false,
                Err(error) => panic!("{error:?}"),
            }
        })
    });
    let made = join_all(made.collect::<Vec<_>>()).await;
    made.into_iter()
        .filter(|made| *made.as_ref().unwrap())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_attempts_at_one_account_exactly_as_many_are_admitted_as_may_fail() {
    let place = timeless();
    let servers = servers(&place, 3);
    let guesses = (0..60)
        .map(|guess| attempt("anna@example.com", Some(&format!("198.51.100.{guess}"))))
        .collect();
    assert_eq!(admitted_of(&servers, guesses).await, 10);
    assert_eq!((failures(&place, false), failures(&place, true)), (10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_attempts_from_one_address_exactly_as_many_are_admitted_as_may_fail() {
    let place = timeless();
    let servers = servers(&place, 3);
    let guesses = (0..140)
        .map(|guess| attempt(&format!("u{guess}@example.com"), Some("198.51.100.7")))
        .collect();
    assert_eq!(admitted_of(&servers, guesses).await, 100);
    assert_eq!(
        (failures(&place, false), failures(&place, true)),
        (100, 100)
    );
}

/// More than the address may fail with, of whom each is right: only those that are still in flight count.
#[tokio::test(flavor = "multi_thread")]
async fn eleven_devices_of_one_moment_are_busy_at_most_and_all_get_in() {
    let place = timeless();
    let throttle = throttle(&place);
    let anna = attempt("anna@example.com", None);
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(throttle.acquire(&anna).await.unwrap().charge);
    }
    let eleventh = throttle.acquire(&anna).await;
    assert!(matches!(eleventh, Err(ThrottleError::Busy)), "{eleventh:?}");
    // Another server can't know that they are still being judged.
    let elsewhere = super::throttle(&place).acquire(&anna).await;
    assert!(super::is_limited(&elsewhere), "{elsewhere:?}");
    let account = account();
    for charge in open {
        throttle
            .success(&charge, Success::new(&account, 0))
            .await
            .unwrap();
    }
    drop(throttle.acquire(&anna).await.unwrap());
}

/// One client's work: attempts on the same few accounts from the same few addresses, with every outcome.
async fn work(throttle: Arc<SupabaseThrottle>, client: usize) -> Result<(), ThrottleError> {
    let account = account();
    for round in 0..12 {
        let number = client * 7 + round * 5;
        let login = format!("u{}@example.com", number % 3);
        let mut attempt = attempt(&login, Some(&format!("2001:db8:1:{}::1", number % 4)));
        let laptop = device(&login);
        if number.is_multiple_of(5) {
            attempt = attempt.device(laptop);
        }
        match throttle.acquire(&attempt).await {
            Ok(acquired) => match number % 4 {
                0 => {
                    let success = Success::new(&account, 0).new_device(Some(laptop));
                    throttle.success(&acquired.charge, success).await?;
                }
                1 => throttle.not_made(acquired.charge),
                2 => {
                    let what = if round % 2 == 0 {
                        Forget::Failures
                    } else {
                        Forget::Everything
                    };
                    let logins = ["u0@example.com", "u1@example.com", "u2@example.com"];
                    throttle
                        .forgive(&account, &logins[number % 3..], what)
                        .await?;
                }
                _ => drop(acquired),
            },
            Err(ThrottleError::Limited { .. } | ThrottleError::Busy) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_on_crossing_names_never_block_each_other_for_good() {
    let place = Stack::shared().place();
    let secrets = [[1; 32], [2; 32]];
    let servers: Vec<_> = (0..4)
        .map(|number| {
            // Half of them have the new secret at the front already.
            let (first, second) = (secrets[number % 2], secrets[1 - number % 2]);
            let secret = ServerSecret::new(&first)
                .unwrap()
                .with_previous(&second)
                .unwrap();
            let store = builder_at(&place.url, &place)
                .timeout(PATIENCE)
                .build()
                .unwrap();
            Arc::new(SupabaseThrottle::new(&store, secret).legacy_secret(&[3; 32]))
        })
        .collect();
    let clients =
        (0..64).map(|client| tokio::spawn(work(Arc::clone(&servers[client % 4]), client)));
    for client in join_all(clients.collect::<Vec<_>>()).await {
        client.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_leave_half_of_the_stores_requests_to_others_and_a_quarter_of_theirs_to_the_known()
{
    for (requests, of_strangers) in [(8, 3), (16, 6), (1, 1)] {
        // A gateway counts the most there were ever at one time, so each has one of its own.
        let place = Stack::shared().place();
        let store = builder_at(&place.url, &place)
            .requests_in_flight(NonZeroUsize::new(requests).unwrap())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let throttle = SupabaseThrottle::new(&store, super::secret());
        place.gateway.delay(Duration::from_millis(30));
        let attempts = (0..12).map(|number| attempt(&format!("u{number}@example.com"), None));
        let attempts: Vec<_> = attempts.collect();
        let made = join_all(attempts.iter().map(|attempt| throttle.acquire(attempt))).await;
        assert!(made.iter().all(Result::is_ok));
        for made in made {
            throttle.not_made(made.unwrap().charge);
        }
        until(&place, "select count(*) from portcullis_counters", "0").await;
        assert_eq!(place.gateway.busiest(), of_strangers);
    }
}

/// Else two that lock the same rows would take them in different orders, each time that one comes in between.
#[tokio::test(flavor = "multi_thread")]
async fn counters_that_were_not_locked_before_are_not_touched_later() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    let charge = throttle.acquire(&anna).await.unwrap().charge;
    // As if all of them had come only afterwards.
    place.sql(
        "create or replace function portcullis_throttle_lock_rows(names text[]) returns setof uuid
            language sql set search_path = '' as $$ select null::uuid where false $$",
    );
    let account = account();
    let (success, logins) = (Success::new(&account, 0), ["anna@example.com"]);
    throttle.success(&charge, success).await.unwrap();
    assert_eq!(failures(&place, false), 1);
    throttle
        .forgive(&account, &logins, Forget::Everything)
        .await
        .unwrap();
    assert_eq!(failures(&place, false), 1);
}
