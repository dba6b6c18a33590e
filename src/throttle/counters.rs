//! The counters behind [`MemoryThrottle`](super::MemoryThrottle): how long each delays, and how few are kept.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::HashMap;
use std::time::SystemTime;

/// A keyed hash of whom is counted. The text is not kept: it may be a password typed into the wrong field.
pub(super) type Key = (u64, u64);

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// NIST SP 800-63B-4 §3.2.2: no more than 100 failures in a row.
pub(super) const MOST_IN_A_ROW: u32 = 100;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Failures in a row for one account, or for one account from one familiar address.
    Account,
    /// Failures of one address within a window, whatever the account.
    Address,
}

/// How many failures are let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) account_failures: u32,
    pub(crate) address_failures: u32,
    pub(crate) address_window: Duration,
}

/// 10 failures in a row for an account, 100 in 15 minutes for an address.
impl Default for Limits {
    fn default() -> Self {
        Self {
            account_failures: 10,
            address_failures: 100,
            address_window: Duration::from_secs(15 * 60),
        }
    }
}

impl Limits {
    pub(crate) fn account_failures(mut self, failures: NonZeroU32) -> Self {
        self.account_failures = failures.get().min(MOST_IN_A_ROW);
        self
    }

    pub(crate) fn address_failures(mut self, failures: NonZeroU32) -> Self {
        self.address_failures = failures.get();
        self
    }

    pub(crate) fn address_window(mut self, window: Duration) -> Self {
        self.address_window = window.max(Duration::from_secs(1));
        self
    }

    /// How long nobody is let through after the failure that is counted as number `failures`.
    fn delay(&self, kind: Kind, failures: u32) -> Duration {
        match kind {
            Kind::Account if failures >= MOST_IN_A_ROW => DAY,
            Kind::Account => failures
                .checked_sub(self.account_failures)
                .map_or(Duration::ZERO, |over| {
                    Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(HOUR)
                }),
            Kind::Address if failures >= self.address_failures => self.address_window,
            Kind::Address => Duration::ZERO,
        }
    }

    /// How long a counter is remembered. At the most in a row it outlives its delay by a day, or each day
    /// would begin with a clean slate for whoever guesses.
    fn memory(&self, kind: Kind, failures: u32) -> Duration {
        match kind {
            Kind::Account if failures >= MOST_IN_A_ROW => DAY.saturating_mul(2),
            Kind::Account => DAY,
            Kind::Address => self.address_window,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    kind: Kind,
    failures: u32,
    /// An account's last failure; the start of an address's window.
    since: SystemTime,
}

impl Counter {
    fn is_forgotten(&self, limits: &Limits, now: SystemTime) -> bool {
        elapsed(self.since, now) >= limits.memory(self.kind, self.failures)
    }
}

/// A bounded number of counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    map: HashMap<Key, Counter>,
}

impl Counters {
    /// How long until the next attempt counts; `None` if it may be made now.
    pub(super) fn wait(&mut self, key: Key, limits: &Limits, now: SystemTime) -> Option<Duration> {
        let counter = self.map.get_mut(&key)?;
        // A clock that was set back must not stretch a delay of a second to years.
        counter.since = counter.since.min(now);
        limits
            .delay(counter.kind, counter.failures)
            .checked_sub(elapsed(counter.since, now))
            .filter(|wait| !wait.is_zero())
    }

    pub(super) fn count(&mut self, key: Key, kind: Kind, limits: &Limits, now: SystemTime) {
        let fresh = Counter {
            kind,
            failures: 0,
            since: now,
        };
        let counter = self.map.entry(key).or_insert(fresh);
        if counter.is_forgotten(limits, now) {
            *counter = fresh;
        }
        counter.failures = counter.failures.saturating_add(1);
        if kind == Kind::Account {
            counter.since = now;
        }
    }

    pub(super) fn forget(&mut self, key: Key) {
        self.map.remove(&key);
    }

    /// Makes room for `wanted` more: counters past their time go first, then those with the fewest failures, so
    /// that a flood of made-up names can't push out the counter of an account under attack.
    pub(super) fn make_room(
        &mut self,
        wanted: usize,
        capacity: usize,
        limits: &Limits,
        now: SystemTime,
    ) {
        if self.map.len().saturating_add(wanted) > capacity {
            self.map
                .retain(|_, counter| !counter.is_forgotten(limits, now));
            shed(&mut self.map, wanted, capacity, |counter| {
                (counter.failures, counter.since)
            });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }
}

/// The places people have signed in from, each until its time is up.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    until: HashMap<Key, SystemTime>,
}

impl Familiar {
    /// How long a place stays familiar after a sign-in.
    const MEMORY: Duration = DAY.saturating_mul(30);

    pub(super) fn contains(&self, key: Key, now: SystemTime) -> bool {
        self.until.get(&key).is_some_and(|until| now < *until)
    }

    pub(super) fn remember(&mut self, key: Key, capacity: usize, now: SystemTime) {
        if self.until.len() >= capacity && !self.until.contains_key(&key) {
            self.until.retain(|_, until| now < *until);
            shed(&mut self.until, 1, capacity, |until| *until);
        }
        self.until
            .insert(key, now.checked_add(Self::MEMORY).unwrap_or(now));
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}

/// Removes the entries of least rank until an eighth of the capacity is free (and room for `wanted`): all at once,
/// since looking through all entries for each new one would let a flood keep the lock.
fn shed<V, R: Ord>(
    map: &mut HashMap<Key, V>,
    wanted: usize,
    capacity: usize,
    rank: impl Fn(&V) -> R,
) {
    let room = wanted.max(capacity.wrapping_shr(3));
    let surplus = map.len().saturating_sub(capacity.saturating_sub(room));
    let mut ranked: Vec<(R, Key)> = map.iter().map(|(key, value)| (rank(value), *key)).collect();
    if surplus < ranked.len() {
        ranked.select_nth_unstable(surplus);
    }
    for (_, key) in ranked.iter().take(surplus) {
        map.remove(key);
    }
}

fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or_default()
}
