//! A sign-in that is dropped at any of its awaits: every hash that began is paid for or succeeded, and nothing else is charged.

use super::*;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

/// Passes on to another throttle, and waits before and after each step.
struct Waiting(Arc<MemoryThrottle>);

/// Is pending once.
async fn wait() {
    let mut waited = false;
    core::future::poll_fn(|_| {
        if core::mem::replace(&mut waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl Throttle for Waiting {
    type Charge = <MemoryThrottle as Throttle>::Charge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        self.0.server_secret()
    }
    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<Self::Charge>, ThrottleError> {
        wait().await;
        self.0.acquire(attempt).await
    }
    async fn success(&self, charge: &Self::Charge, s: Success<'_>) -> Result<(), ThrottleError> {
        wait().await;
        self.0.success(charge, s).await?;
        wait().await;
        Ok(())
    }
    fn not_made(&self, charge: Self::Charge) {
        self.0.not_made(charge);
    }
    async fn forgive(&self, id: &UserId, l: &[&str], what: Forget) -> Result<(), ThrottleError> {
        self.0.forgive(id, l, what).await
    }
}

/// Keeps jobs until they are run, and counts those that ran.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Job>>>);

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Kept")
    }
}

impl Offload for Kept {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        self.0.lock().unwrap().push(job);
        Ok(())
    }

    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}

impl Kept {
    fn run(&self) -> u32 {
        let jobs = core::mem::take(&mut *self.0.lock().unwrap());
        let count = u32::try_from(jobs.len()).unwrap();
        for job in jobs {
            job();
        }
        count
    }
}

async fn failures(throttle: &MemoryThrottle) -> u32 {
    let attempt = Attempt::new("anna@example.com", None);
    let acquired = throttle.acquire(&attempt).await.unwrap();
    throttle.not_made(acquired.charge);
    acquired.failures
}

#[tokio::test]
async fn every_hash_that_began_is_charged_wherever_the_future_is_dropped() {
    let stage = Stage::new().await;
    for password in ["wrong", RIGHT] {
        // More polls than the longest sign-in takes; a hash runs after each, or only at the end.
        for (polls, runs_at_once) in (1..12).flat_map(|n| [(n, true), (n, false)]) {
            let throttle = Arc::new(MemoryThrottle::default().clock(stage.clock.clone()));
            let kept = Kept::default();
            let authenticator = Authenticator::builder(stage.store.clone())
                .hasher(cheap())
                .offload(kept.clone())
                .throttle(Waiting(Arc::clone(&throttle)))
                .build()
                .unwrap();
            let mut hashes = 0;
            let mut answer = None;
            {
                let credentials = Credentials::new("anna@example.com", password);
                let mut sign_in = pin!(authenticator.sign_in(credentials));
                let mut context = Context::from_waker(Waker::noop());
                for _ in 0..polls {
                    if let Poll::Ready(ready) = sign_in.as_mut().poll(&mut context) {
                        answer = Some(ready.is_ok());
                        break;
                    }
                    if runs_at_once {
                        hashes += kept.run();
                    }
                }
            }
            hashes += kept.run();
            let what = format!("{password} {polls} {runs_at_once} {answer:?}");
            assert!(hashes <= 1, "{what}");
            let charged = failures(&throttle).await;
            match answer {
                Some(true) => assert_eq!((hashes, charged), (1, 0), "{what}"),
                Some(false) => assert_eq!((hashes, charged), (1, 1), "{what}"),
                // Dropped after the success was stored, or before.
                None if password == RIGHT => assert!(charged <= hashes, "{what}"),
                None => assert_eq!(charged, hashes, "{what}"),
            }
            let status = authenticator.hash_queue();
            assert_eq!((status.running, status.waiting_other), (0, 0), "{what}");
        }
    }
}
