//! Look-ups whose caller goes away, or whose runtime ends, in the midst of a question that others share.

use super::builder_at;
use super::lookups::{AT_ONCE, busy, email, find, people, store};
use super::town::PATIENCE;
use crate::stack::{Fault, Stack};
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::{Refusal, UserStore as _};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_takes_nobodys_answer_along() {
    let place = Stack::shared().place();
    let store = store(&place);
    let people = people(&place, 30);
    place.gateway.delay(Duration::from_secs(1));
    // The first start the questions, the others share those that come next.
    let first = busy(&place, &store, &people).await;
    let others: Vec<_> = people[AT_ONCE..]
        .iter()
        .map(|(id, _)| find(&store, id))
        .collect();
    let same: Vec<_> = people[AT_ONCE..]
        .iter()
        .map(|(id, _)| find(&store, id))
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for gone in first.iter().chain(others.iter().step_by(2)) {
        gone.abort();
    }
    for ((_, address), (other, same)) in people[AT_ONCE..].iter().zip(others.into_iter().zip(same))
    {
        assert_eq!(email(same.await.unwrap()).as_ref(), Some(address));
        match other.await {
            Ok(found) => assert_eq!(email(found).as_ref(), Some(address)),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    // And the next are asked as ever.
    for (id, address) in &people[..AT_ONCE] {
        assert_eq!(email(store.find_by_id(id).await).as_ref(), Some(address));
    }
}

fn runtime(threads: usize) -> Runtime {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    }
    .unwrap()
}

/// Tests, and programs that start twice, have more than one runtime; a store may outlive one.
#[test]
fn a_runtime_that_ends_in_the_midst_of_look_ups_holds_up_none_of_the_next() {
    for threads in [1, 2] {
        let place = Stack::shared().place();
        let store = builder_at(&place.url, &place)
            .timeout(PATIENCE * 4)
            .build()
            .unwrap();
        let people = people(&place, 12);
        place.gateway.fault(Fault::BlackHole);
        let ending = runtime(threads);
        let staying = runtime(2);
        ending.block_on(async {
            drop(busy(&place, &store, &people).await);
        });
        // These wait behind the questions of the other.
        let waiting: Vec<_> = {
            let _guard = staying.enter();
            people.iter().map(|(id, _)| find(&store, id)).collect()
        };
        std::thread::sleep(Duration::from_millis(50));
        drop(ending);
        place.gateway.mend();
        staying.block_on(async {
            let started = Instant::now();
            for waiting in waiting {
                let found = tokio::time::timeout(PATIENCE, waiting)
                    .await
                    .expect("it hangs");
                // Nobody is left to answer: asking again would do, and that is for the client.
                if let Err(error) = found.unwrap() {
                    assert_eq!(Refusal::store(&error), Refusal::UNAVAILABLE, "{error}");
                }
            }
            for _ in 0..3 {
                let found = join_all(people.iter().map(|(id, _)| find(&store, id))).await;
                for ((_, address), found) in people.iter().zip(found) {
                    assert_eq!(email(found.unwrap()).as_ref(), Some(address));
                }
            }
            assert!(started.elapsed() < PATIENCE);
        });
    }
}
