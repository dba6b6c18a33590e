//! What this process has seen of late: how often each counter was used, and which known addresses there are.

use crate::clock::Clock;
use crate::throttle::{Attempt, Counter};
use core::hash::{BuildHasher as _, Hash};
use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// More sign-ins than these on one counter within [`WINDOW`], right, wrong or refused, wait in the last class.
///
/// On an account's own counter a single one: whoever comes again because there was no room shall not wait among those that a
/// flood has never tried before, and a flood that repeats its logins not among those.
const MANY: u32 = 10;
const MANY_OF_ACCOUNT: u32 = 1;
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The most counters, and the most known addresses, that are kept: some 5 MB. Where there are more, all that is kept of
/// that kind is dropped: it only decides who waits first.
const CAPACITY: usize = 100_000;

#[derive(Debug)]
pub(super) struct Recent {
    clock: Arc<dyn Clock>,
    key: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    uses: HashMap<u64, (SystemTime, u32)>,
    known_addresses: HashSet<u64>,
}

impl Recent {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            key: RandomState::new(),
            state: Mutex::default(),
        }
    }

    /// The key of the attempt's known address, if one was seen by this process.
    pub(super) fn known_address(&self, attempt: &Attempt) -> Option<u64> {
        let key = self.address_key(attempt)?;
        self.lock().known_addresses.contains(&key).then_some(key)
    }

    /// Takes note that an address is known for an account, or is not.
    pub(super) fn note_address(&self, attempt: &Attempt, is_known: bool) {
        let Some(key) = self.address_key(attempt) else {
            return;
        };
        let known = &mut self.lock().known_addresses;
        if !is_known {
            known.remove(&key);
            return;
        }
        if known.len() >= CAPACITY && !known.contains(&key) {
            known.clear();
        }
        known.insert(key);
    }

    /// The key of the counter that an attempt falls on.
    pub(super) fn counter_key(&self, attempt: &Attempt, counter: &Counter) -> u64 {
        match counter {
            Counter::Device { .. } => {
                (self.key).hash_one(("device", attempt.device.map(|device| device.id)))
            }
            Counter::KnownAddress => self.address_key(attempt).unwrap_or_default(),
            Counter::Account => self.key.hash_one(("account", &attempt.login)),
        }
    }

    /// The key of what is charged to a signed-in user.
    pub(super) fn user_key(&self, user: impl Hash) -> u64 {
        self.key.hash_one(("user", user))
    }

    /// Takes note of one more use of a counter (by its key), and tells whether there are too many.
    pub(super) fn is_frequent(&self, counter: &Counter, key: u64) -> bool {
        let most = match counter {
            Counter::Account => MANY_OF_ACCOUNT,
            _ => MANY,
        };
        let now = self.clock.now();
        let uses = &mut self.lock().uses;
        if uses.len() >= CAPACITY && !uses.contains_key(&key) {
            uses.clear();
        }
        let (since, count) = uses.entry(key).or_insert((now, 0));
        if now.duration_since(*since).unwrap_or_default() >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count > most
    }

    fn address_key(&self, attempt: &Attempt) -> Option<u64> {
        let address = attempt.address?;
        Some(self.key.hash_one(("address", &attempt.login, address)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
