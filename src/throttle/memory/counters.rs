//! A bounded number of failure counters.

use crate::throttle::{Count, CounterKind, Limits};
use std::collections::HashMap;
use std::time::SystemTime;

/// A keyed hash of what is counted. The text is not kept: it may be a password typed into the wrong field.
pub(super) type Key = (u64, u64);

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: CounterKind,
    count: Count,
    /// Differs between a counter and the one that takes its place after it was cleared or forgotten.
    generation: u64,
}

/// A failure that was charged to a counter, and what it takes to give it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charged {
    key: Key,
    generation: u64,
    at: SystemTime,
    since_before: SystemTime,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    map: HashMap<Key, Entry>,
    generations: u64,
}

impl Counters {
    /// The state of a counter; one that is absent or forgotten has no failures.
    pub(super) fn get(&mut self, key: Key, limits: &Limits, now: SystemTime) -> Count {
        let entry = (self.map.get_mut(&key))
            .filter(|entry| !limits.is_forgotten(entry.kind, entry.count, now));
        entry.map_or(Count::new(0, now), |entry| {
            // A clock that was set back must not stretch a delay of a second to years.
            entry.count.since = entry.count.since.min(now);
            entry.count
        })
    }

    /// Counts one failure.
    pub(super) fn charge(
        &mut self,
        key: Key,
        kind: CounterKind,
        limits: &Limits,
        now: SystemTime,
    ) -> Charged {
        self.generations = self.generations.saturating_add(1);
        let fresh = Entry {
            kind,
            count: Count::new(0, now),
            generation: self.generations,
        };
        let entry = self.map.entry(key).or_insert(fresh);
        if limits.is_forgotten(kind, entry.count, now) {
            *entry = fresh;
        }
        let charged = Charged {
            key,
            generation: entry.generation,
            at: now,
            since_before: entry.count.since,
        };
        entry.count.failures = entry.count.failures.saturating_add(1);
        if matches!(kind, CounterKind::Consecutive | CounterKind::AllDevices) {
            entry.count.since = now;
        }
        charged
    }

    /// Gives a failure back, unless the counter was cleared or has begun a new window since.
    pub(super) fn refund(&mut self, charged: &Charged) {
        let Some(entry) = self.map.get_mut(&charged.key) else {
            return;
        };
        if entry.generation != charged.generation {
            return;
        }
        entry.count.failures = entry.count.failures.saturating_sub(1);
        if entry.count.since == charged.at {
            entry.count.since = charged.since_before;
        }
        if entry.count.failures == 0 {
            self.map.remove(&charged.key);
        }
    }

    pub(super) fn clear(&mut self, key: Key) {
        self.map.remove(&key);
    }

    /// Makes room for `wanted` more: forgotten counters go first, then those with the fewest failures, so that a flood of
    /// made-up names cannot push out the counter of an account under attack.
    pub(super) fn make_room(
        &mut self,
        wanted: usize,
        capacity: usize,
        limits: &Limits,
        now: SystemTime,
    ) {
        if self.map.len().saturating_add(wanted) <= capacity {
            return;
        }
        self.map
            .retain(|_, entry| !limits.is_forgotten(entry.kind, entry.count, now));
        evict_lowest(&mut self.map, wanted, capacity, |entry| {
            (entry.count.failures, entry.count.since)
        });
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }
}

/// Removes the entries of lowest rank until an eighth of the capacity is free (and room for `wanted`): all at once,
/// since looking through all entries for each new one would let a flood hold the lock.
pub(super) fn evict_lowest<V, R: Ord>(
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
