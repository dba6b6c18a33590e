//! What a counter owes to attempts that are not decided yet.

use core::hash::Hash;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many charges of this process on each counter are still open.
#[derive(Debug)]
pub(crate) struct InFlight<K>(Arc<Mutex<HashMap<K, u32>>>);

/// Open charges on some counters; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct OpenCharge<K: Hash + Eq> {
    counters: Vec<K>,
    shared: Arc<Mutex<HashMap<K, u32>>>,
}

impl<K: Hash + Eq + Clone> InFlight<K> {
    pub(crate) fn count(&self, counter: &K) -> u32 {
        lock(&self.0).get(counter).copied().unwrap_or_default()
    }

    /// The open charges on all counters.
    #[cfg(feature = "sqlite")]
    pub(crate) fn total(&self) -> u32 {
        lock(&self.0).values().sum()
    }

    pub(crate) fn open(&self, counters: Vec<K>) -> OpenCharge<K> {
        let mut open = lock(&self.0);
        for counter in &counters {
            let count = open.entry(counter.clone()).or_default();
            *count = count.saturating_add(1);
        }
        drop(open);
        OpenCharge {
            counters,
            shared: Arc::clone(&self.0),
        }
    }
}

impl<K> Default for InFlight<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq> Drop for OpenCharge<K> {
    fn drop(&mut self) {
        let mut open = lock(&self.shared);
        for counter in &self.counters {
            if let Some(count) = open.get_mut(counter) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    open.remove(counter);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that can panic runs under the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
