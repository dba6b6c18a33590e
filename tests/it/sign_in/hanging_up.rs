//! Clients that hang up: before the hash begins it costs them nothing, afterwards they have paid; and at no await is anything
//! else lost.

use super::*;

/// Takes jobs on and runs them when told to.
#[derive(Clone, Debug)]
struct Held(Arc<Mutex<Jobs>>, usize);

#[derive(Default)]
struct Jobs(Vec<Job>);

impl core::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} jobs", self.0.len())
    }
}

impl Held {
    fn run(&self) -> usize {
        let jobs = core::mem::take(&mut self.0.lock().unwrap().0);
        let count = jobs.len();
        for job in jobs {
            job();
        }
        count
    }
}

impl Offload for Held {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        self.0.lock().unwrap().0.push(job);
        Ok(())
    }

    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.1).unwrap()
    }
}

struct Hanging {
    stage: Stage,
    held: Held,
    throttle: Arc<MemoryThrottle>,
    authenticator: Authenticator<Staged, Arc<MemoryThrottle>>,
}

async fn hanging() -> Hanging {
    hanging_on(1).await
}

async fn hanging_on(threads: usize) -> Hanging {
    let stage = Stage::new().await;
    let held = Held(Arc::default(), threads);
    let throttle = Arc::new(MemoryThrottle::default().clock(stage.clock.clone()));
    let authenticator = Authenticator::builder(stage.store.clone())
        .hasher(cheap())
        .offload(held.clone())
        .throttle(Arc::clone(&throttle))
        .build()
        .unwrap();
    Hanging {
        stage,
        held,
        throttle,
        authenticator,
    }
}

impl Hanging {
    async fn failures(&self, address: Option<IpAddr>) -> u32 {
        let attempt = Attempt::new("anna@example.com", address);
        let acquired = self.throttle.acquire(&attempt).await.unwrap();
        let failures = acquired.failures;
        self.throttle.not_made(acquired.charge);
        failures
    }
}

async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) {
    assert!(
        tokio::time::timeout(Duration::ZERO, future).await.is_err(),
        "it waits"
    );
}

fn anna(password: &str) -> Credentials {
    Credentials::new("anna@example.com", password)
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_queue_is_given_back_and_never_hashed() {
    let hanging = hanging().await;
    let mut first = Box::pin(hanging.authenticator.sign_in(anna("wrong")));
    poll_once(&mut first).await;
    let mut second = Box::pin(hanging.authenticator.sign_in(anna("wrong")));
    poll_once(&mut second).await;
    assert_eq!(hanging.authenticator.hash_queue().running, 1);
    assert_eq!(hanging.authenticator.hash_queue().waiting_other, 1);
    assert_eq!(hanging.failures(None).await, 2);
    drop(second);
    assert_eq!(hanging.authenticator.hash_queue().waiting_other, 0);
    assert_eq!(hanging.failures(None).await, 1);
    assert_eq!(hanging.held.run(), 1, "the first alone");
    first.await.unwrap_err();
}

#[tokio::test]
async fn a_client_that_hangs_up_while_its_hash_runs_has_paid() {
    let hanging = hanging().await;
    for n in 1..=10 {
        let mut guess = Box::pin(hanging.authenticator.sign_in(anna(RIGHT)));
        poll_once(&mut guess).await;
        drop(guess);
        assert_eq!(hanging.held.run(), 1);
        if n < 10 {
            assert_eq!(hanging.failures(None).await, n);
        }
    }
    let limited = hanging.authenticator.sign_in(anna(RIGHT)).await;
    assert!(matches!(limited, Err(SignInError::Throttled { .. })));
    hanging.stage.clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn hanging_up_gives_no_address_more_places_than_it_has() {
    let hanging = hanging().await;
    let address = IpAddr::from([192, 0, 2, 1]);
    // Three hundred accounts, each hung up on as soon as its hash could have begun.
    let (mut busy, mut begun) = (0, 0);
    for n in 0..300 {
        let login = format!("user{n}@example.com");
        let credentials = Credentials::new(login, "wrong").source(address);
        let mut guess = Box::pin(hanging.authenticator.sign_in(credentials));
        match tokio::time::timeout(Duration::ZERO, &mut guess).await {
            Ok(Err(SignInError::Busy)) => busy += 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => begun += 1,
        }
    }
    // One hash was begun, and nobody waits for it; those behind it were dropped before theirs.
    assert_eq!((busy, begun), (0, 300));
    assert_eq!(hanging.held.run(), 1);
    // While all wait, the seventeenth has no place.
    let mut waiting = Vec::new();
    for n in 0..16 {
        let credentials = Credentials::new(format!("user{n}"), "wrong").source(address);
        let mut guess = Box::pin(hanging.authenticator.sign_in(credentials));
        poll_once(&mut guess).await;
        waiting.push(guess);
    }
    let more = Credentials::new("more", "wrong").source(address);
    let refused = hanging.authenticator.sign_in(more).await;
    assert!(matches!(refused, Err(SignInError::Busy)));
    let elsewhere = Credentials::new("more", "wrong").source(IpAddr::from([192, 0, 2, 2]));
    let mut elsewhere = Box::pin(hanging.authenticator.sign_in(elsewhere));
    poll_once(&mut elsewhere).await;
}

#[tokio::test]
async fn a_failed_look_up_and_a_lost_hash_are_given_back() {
    let hanging = hanging().await;
    hanging.stage.store.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        hanging
            .authenticator
            .sign_in(anna(RIGHT))
            .await
            .unwrap_err();
    }
    hanging.stage.store.down.store(false, Ordering::SeqCst);
    assert_eq!(hanging.failures(None).await, 0);
    for _ in 0..20 {
        let mut guess = Box::pin(hanging.authenticator.sign_in(anna(RIGHT)));
        poll_once(&mut guess).await;
        // The executor loses it.
        hanging.held.0.lock().unwrap().0.clear();
        assert!(matches!(guess.await, Err(SignInError::Unavailable(_))));
    }
    assert_eq!(hanging.failures(None).await, 0);
}

#[tokio::test]
async fn a_hash_that_nobody_waits_for_holds_its_place_until_it_ends() {
    let hanging = hanging_on(40).await;
    let from = |n: usize| {
        Credentials::new(format!("user{n}"), "wrong").source(IpAddr::from([192, 0, 2, 1]))
    };
    for n in 0..16 {
        let mut guess = Box::pin(hanging.authenticator.sign_in(from(n)));
        poll_once(&mut guess).await;
    }
    assert_eq!(hanging.authenticator.hash_queue().running, 16);
    let refused = hanging.authenticator.sign_in(from(16)).await;
    assert!(matches!(refused, Err(SignInError::Busy)));
    assert_eq!(hanging.held.run(), 16);
    let mut guess = Box::pin(hanging.authenticator.sign_in(from(16)));
    poll_once(&mut guess).await;
}
