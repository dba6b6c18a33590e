//! The same while others wait for hashes: a thousand logins that exist and a thousand that do not, once each, in turn.

use super::{RIGHT, difference};
use core::net::{IpAddr, Ipv4Addr};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use portcullis::authenticator::{Authenticator, Credentials, SignInError};
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::offload::HashPool;
use portcullis::password::{Password, PasswordHasher};
use portcullis::store::UserStore;
use portcullis::test_util::cheap_hash_params;
use portcullis::throttle::Throttle;
use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Instant;

const LOGINS: usize = 1000;
pub(crate) const QUEUE: usize = 8;

/// What a login is told.
type Answers = BTreeMap<&'static str, u32>;

#[derive(Debug)]
pub(crate) struct Compared {
    welch_t: f64,
    /// What those that exist were told, and what the made-up ones were told.
    answers: [Answers; 2],
}

impl Compared {
    /// Whether times, or answers, differ by more than chance.
    pub(crate) fn is_leak(&self) -> bool {
        let [existing, made_up] = &self.answers;
        let of = |answers: &Answers, told: &str| f64::from(answers.get(told).copied().unwrap_or(0));
        let differs = |told: &&str| {
            let (a, b) = (of(existing, told), of(made_up, told));
            (a - b).abs() > 4.5 * (a + b).sqrt()
        };
        let differ = existing.keys().chain(made_up.keys()).any(differs);
        self.welch_t.abs() >= 4.5 || differ
    }
}

fn answer(error: &SignInError) -> &'static str {
    match error {
        SignInError::InvalidCredentials => "invalid credentials",
        SignInError::Busy => "busy",
        SignInError::Throttled { .. } => "throttled",
        _ => "something else",
    }
}

/// Wrong passwords for 1,000 logins that exist and 1,000 that do not, each from an address of its own, while `others` sign in
/// without a pause. A `leaky` program hashes nothing for a login that does not exist.
pub(crate) async fn compare<S, T>(store: S, throttle: T, others: usize, leaky: bool) -> Compared
where
    S: UserStore + UserDirectory + Clone + Sync + 'static,
    T: Throttle + 'static,
{
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    let hash = hasher.hash(&Password::new(RIGHT)).unwrap();
    for n in 0..LOGINS {
        let mut new = NewUser::new(format!("exists{n}@example.com").parse().unwrap());
        new.password_hash = Some(hash.clone());
        store.create(new).await.unwrap();
    }
    let authenticator = Authenticator::builder(store.clone())
        .hasher(hasher)
        .offload(HashPool::new(NonZeroUsize::MIN))
        .hash_queue(NonZeroUsize::new(QUEUE).unwrap())
        .throttle(throttle)
        .build()
        .unwrap();
    let authenticator = Arc::new(authenticator);
    let address = Arc::new(AtomicU32::new(0x0b00_0000));
    let next = |address: &AtomicU32| {
        let n = address.fetch_add(1, Ordering::Relaxed);
        IpAddr::from(Ipv4Addr::from(n))
    };
    let over = Arc::new(AtomicBool::new(false));
    let mut flood = tokio::task::JoinSet::new();
    for other in 0..others {
        let (authenticator, address) = (Arc::clone(&authenticator), Arc::clone(&address));
        let over = Arc::clone(&over);
        flood.spawn(async move {
            for n in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let login = format!("other{other}-{n}@example.com");
                let credentials = Credentials::new(login, "wrong").source(next(&address));
                if let Err(SignInError::Busy) = authenticator.sign_in(credentials).await {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    // All of them wait before the first one is timed.
    while authenticator.hash_queue().waiting_no_failures < others.min(QUEUE) - 1 {
        tokio::task::yield_now().await;
    }

    let (mut times, mut answers) = ([Vec::new(), Vec::new()], [Answers::new(), Answers::new()]);
    let chance = std::hash::RandomState::new();
    for n in 0..LOGINS {
        let first = usize::from(chance.hash_one(n) % 2 == 0);
        for turn in 0..2 {
            // By chance, so that going first is no difference and nothing keeps step with it.
            let which = first ^ turn;
            let login = format!("{}{n}@example.com", ["exists", "nobody"][which]);
            let credentials = Credentials::new(login.as_str(), "wrong").source(next(&address));
            let begun = Instant::now();
            let is_hashed = !leaky || store.find_by_login(&login).await.unwrap().is_some();
            let told = if is_hashed {
                answer(&authenticator.sign_in(credentials).await.unwrap_err())
            } else {
                "invalid credentials"
            };
            times[which].push(begun.elapsed().as_secs_f64());
            *answers[which].entry(told).or_default() += 1;
        }
    }
    over.store(true, Ordering::Relaxed);
    flood.join_all().await;
    Compared {
        welch_t: difference(times).welch_t,
        answers,
    }
}
