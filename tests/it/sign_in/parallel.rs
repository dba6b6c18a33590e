//! Many sign-ins at the same moment: guesses gain nothing, people lose nothing.

use super::*;

/// Signs in `attempts` times at the same moment, each from an address of its own.
async fn at_once(
    stage: &Stage,
    attempts: usize,
    password: impl Fn(usize) -> String,
) -> Vec<Result<SignedIn<User>, SignInError>> {
    let authenticator = Authenticator::builder(stage.store.clone())
        .hasher(cheap())
        .offload(HashPool::new(NonZeroUsize::new(2).unwrap()))
        .observer(stage.seen.clone())
        .throttle(MemoryThrottle::default().clock(stage.clock.clone()))
        .build()
        .unwrap();
    let barrier = Arc::new(Barrier::new(attempts));
    let tasks: Vec<_> = (0..attempts)
        .map(|n| {
            let (authenticator, barrier) = (authenticator.clone(), Arc::clone(&barrier));
            let password = password(n);
            tokio::spawn(async move {
                barrier.wait().await;
                let source = IpAddr::from([10, 0, 0, u8::try_from(n).unwrap()]);
                loop {
                    let credentials = Credentials::new("anna@example.com", password.clone());
                    match authenticator.sign_in(credentials.source(source)).await {
                        // As a client does that is told to come back.
                        Err(SignInError::Busy) => tokio::task::yield_now().await,
                        answer => return answer,
                    }
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parallel_guesses_do_not_beat_the_limit() {
    let stage = Stage::new().await;
    // The clock stands still, so no delay runs out meanwhile.
    let answers = at_once(&stage, 200, |n| format!("guess {n}")).await;
    let (mut told, mut withheld) = (0, 0);
    for answer in answers {
        match answer.unwrap_err() {
            SignInError::InvalidCredentials => told += 1,
            SignInError::Throttled { retry_after } => {
                withheld += 1;
                assert!(!retry_after.is_zero());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((told, withheld), (10, 190));
    let seen = stage.seen.take();
    let wrong = |event: &&String| event.contains("WrongPassword");
    assert_eq!(seen.iter().filter(wrong).count(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_devices_of_one_person_sign_in_at_once() {
    let stage = Stage::new().await;
    let answers = at_once(&stage, 32, |_| RIGHT.to_owned()).await;
    assert_eq!(answers.len(), 32);
    for answer in answers {
        answer.unwrap();
    }
}
