//! Who exists can't be told by the time of a refusal, and a leak that is planted is noticed.
//!
//! Its own binary and one test after the other, so that nothing runs beside them. Samples of two classes are taken in turn, so that what the
//! machine does meanwhile meets both; the slowest are cropped; Welch's t says whether a difference is more than
//! chance (over 4.5, as dudect has it), the effect size whether it is more than a rounding error of the work.
#![cfg(feature = "test-util")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests may stop at the first surprise"
)]

mod queue;

use portcullis::UserStore as _;
use portcullis::authenticator::{Authenticator, Credentials};
use portcullis::directory::{NewUser, UserChanges, UserDirectory as _};
use portcullis::offload::Inline;
use portcullis::password::{HashParams, Password, PasswordHash, PasswordHasher};
use portcullis::store::AccountStatus;
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::cheap_hash_params;
use portcullis::throttle::{MemoryThrottle, Unthrottled};
#[cfg(feature = "sqlite")]
use portcullis::{
    opaque::ServerSecret,
    stores::sqlite::{SqliteStore, SqliteThrottle},
};
use queue::QUEUE;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const RIGHT: &str = "correct horse battery staple";

/// A login and a password that are refused.
type Class = (&'static str, &'static str);

const UNKNOWN: Class = ("nobody@example.com", RIGHT);
const WRONG: Class = ("anna@example.com", "wrong");
const DISABLED: Class = ("dora@example.com", RIGHT);
const NO_PASSWORD: Class = ("nora@example.com", RIGHT);
const UNUSABLE: Class = ("ulla@example.com", RIGHT);

struct Stage {
    store: MemoryStore,
    authenticator: Authenticator<MemoryStore, Unthrottled>,
}

impl Stage {
    async fn new(hasher: PasswordHasher, hash: PasswordHash) -> Self {
        let store = MemoryStore::new();
        let unusable = PasswordHash::from_stored("$2b$12$R9h/cIPz0gi.URNNX3kh2O");
        for (class, hash) in [
            (WRONG, Some(hash.clone())),
            (DISABLED, Some(hash)),
            (NO_PASSWORD, None),
            (UNUSABLE, Some(unusable)),
        ] {
            let mut new = NewUser::new(class.0.parse().unwrap());
            new.password_hash = hash;
            let id = store.create(new).await.unwrap().id;
            if class == DISABLED {
                let mut changes = UserChanges::default();
                changes.status = Some(AccountStatus::Disabled);
                store.update(None, &id, changes, None).await.unwrap();
            }
        }
        let authenticator = Authenticator::builder(store.clone())
            .hasher(hasher)
            .offload(Inline::default())
            .throttle(Unthrottled::default())
            .build()
            .unwrap();
        Self {
            store,
            authenticator,
        }
    }

    async fn sign_in(&self, (login, password): Class) {
        let credentials = Credentials::new(login, password);
        self.authenticator.sign_in(credentials).await.unwrap_err();
    }

    /// What many programs do: nobody by that name, so nothing to verify.
    async fn leaky_sign_in(&self, class: Class) {
        if self.store.find_by_login(class.0).await.unwrap().is_some() {
            self.sign_in(class).await;
        }
    }

    /// Another one: the status is looked at before the password.
    async fn hasty_sign_in(&self, class: Class) {
        let account = self.store.find_by_login(class.0).await.unwrap();
        if account.is_none_or(|account| account.status == AccountStatus::Active) {
            self.sign_in(class).await;
        }
    }
}

struct Difference {
    welch_t: f64,
    /// The difference of the means, as a part of the smaller of them.
    effect: f64,
}

impl Difference {
    fn is_leak(&self) -> bool {
        self.welch_t.abs() > 4.5 && self.effect > 0.05
    }
}

/// Runs both classes in turn and compares the times.
async fn compare(rounds: usize, classes: [Class; 2], sign_in: impl AsyncFn(Class)) -> Difference {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // The order changes, so that going first is no difference.
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let start = Instant::now();
            sign_in(classes[which]).await;
            times[which].push(start.elapsed().as_secs_f64());
        }
    }
    difference(times)
}

fn difference(times: [Vec<f64>; 2]) -> Difference {
    let [(mean_a, var_a), (mean_b, var_b)] = times.map(cropped);
    Difference {
        welch_t: (mean_a - mean_b) / (var_a + var_b).sqrt(),
        effect: (mean_a - mean_b).abs() / mean_a.min(mean_b),
    }
}

/// The mean of the faster four fifths, and the variance of that mean.
fn cropped(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_unstable_by(f64::total_cmp);
    times.truncate(times.len() / 5 * 4);
    let n = f64::from(u32::try_from(times.len()).unwrap());
    let mean = times.iter().sum::<f64>() / n;
    let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

/// A leak shows every time; what a busy machine does, does not.
async fn leaks(rounds: usize, classes: [Class; 2], sign_in: impl AsyncFn(Class)) -> bool {
    for _ in 0..3 {
        let difference = compare(rounds, classes, &sign_in).await;
        if !difference.is_leak() {
            return false;
        }
    }
    true
}

/// Held while anything is timed.
static ALONE: Mutex<()> = Mutex::new(());

fn block_on(test: impl Future<Output = ()>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn refusals_take_the_same_time_and_a_planted_leak_does_not() {
    block_on(async {
        let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
        let hash = hasher.hash(&Password::new(RIGHT)).unwrap();
        let stage = Stage::new(hasher, hash).await;
        for class in [WRONG, DISABLED, NO_PASSWORD, UNUSABLE] {
            let leak = leaks(1000, [UNKNOWN, class], async |class| {
                stage.sign_in(class).await;
            });
            assert!(!leak.await, "{class:?} can be told from nobody");
        }
        let early = leaks(100, [UNKNOWN, WRONG], async |class| {
            stage.leaky_sign_in(class).await;
        });
        assert!(early.await, "an early return for nobody goes unnoticed");
        let hasty = leaks(100, [UNKNOWN, DISABLED], async |class| {
            stage.hasty_sign_in(class).await;
        });
        assert!(hasty.await, "a status before proof goes unnoticed");

        // Accounts with hashes cheaper than the decoy.
        let cheap = PasswordHasher::new(cheap_hash_params()).unwrap();
        let hash = cheap.hash(&Password::new(RIGHT)).unwrap();
        let decoy = HashParams::new(7168, 5, 1).unwrap();
        let topped_up = cheap.decoy_params(decoy).unwrap();
        let stage = Stage::new(topped_up, hash).await;
        let legacy = leaks(100, [UNKNOWN, WRONG], async |class| {
            stage.sign_in(class).await;
        });
        assert!(!legacy.await, "old hashes can be told from nobody");
    });
}

/// Compares up to three times, in a new place each time: a leak shows every time; what a busy machine does, does not.
async fn queued_leaks(compare: impl AsyncFn() -> queue::Compared) -> bool {
    for _ in 0..3 {
        let compared = compare().await;
        println!("{compared:?}");
        if !compared.is_leak() {
            return false;
        }
    }
    true
}

#[test]
fn behind_a_full_queue_a_made_up_login_waits_as_long_as_one_that_exists() {
    block_on(async {
        // With these others the queue is full and each finds the last slot; with three times as many most find none.
        for (others, leaky) in [(QUEUE - 1, false), (3 * QUEUE, false), (QUEUE - 1, true)] {
            let leak = queued_leaks(async || {
                let (store, throttle) = (MemoryStore::new(), MemoryThrottle::default());
                queue::compare(store, throttle, others, leaky).await
            });
            assert_eq!(leak.await, leaky, "beside {others} others");
        }
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn behind_a_full_queue_it_waits_as_long_on_sqlite() {
    block_on(async {
        let leak = queued_leaks(async || {
            let folder = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(folder.path().join("users.db"));
            let store = store.await.unwrap();
            let secret = ServerSecret::new(b"a secret for this test, of 32 bytes or more");
            let throttle = SqliteThrottle::new(&store, secret.unwrap());
            queue::compare(store, throttle, QUEUE - 1, false).await
        });
        assert!(!leak.await);
    });
}
