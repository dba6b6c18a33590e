//! [`MemoryThrottle`]: counters in this process.

use super::counters::{Counters, Familiar, Key, Kind, Limits};
use super::{AttemptKey, Throttle, ThrottleError};
use crate::clock::{Clock, SystemClock};
use core::fmt;
use core::hash::BuildHasher as _;
use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Counts failed sign-ins in memory: the default, and enough for one process.
///
/// Only failures count; an attempt that is refused neither counts nor prolongs anything.
///
/// - **An account**: 10 failures in a row go through without delay; from the 10th on the next attempt counts only
///   after 1 s, 2 s, 4 s, … up to 1 h, and 24 h from the 100th on (NIST SP 800-63B-4 §3.2.2: no more than 100 in a
///   row). A right password ends the row, and so do 24 h without a failure (after the 100th: without one that was let
///   through).
/// - **An address**: 100 failures in 15 minutes, whatever the accounts; then nothing until those are over. A
///   right password gives nothing back, or whoever owns one account could go on guessing at others.
/// - **No lock-out of the owner**: for 30 days after a sign-in its address is familiar for that account, and
///   failures from there are counted apart. So an attacker elsewhere can delay strangers to that place only.
///
/// Memory is bounded: 100,000 counters and as many familiar places, some 16 MB when full. When it is, counters past
/// their time are dropped first, then those with the fewest failures. Names are kept as keyed hashes. Nothing
/// survives a restart; several processes behind one name count each for itself: for more, implement [`Throttle`]
/// on what they share, as `stores::supabase::SupabaseThrottle` does.
///
/// ```
/// use core::{num::NonZeroU32, time::Duration};
/// use portcullis::throttle::MemoryThrottle;
/// let five = NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN);
/// let throttle = MemoryThrottle::default()
///     .account_failures(five)
///     .address_window(Duration::from_secs(60 * 60));
/// ```
pub struct MemoryThrottle {
    limits: Limits,
    capacity: usize,
    clock: Arc<dyn Clock>,
    /// Two independent keyed hashes: a name can't be made up to fall on another's counter.
    keys: (RandomState, RandomState),
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counters: Counters,
    familiar: Familiar,
}

/// Whom an attempt is counted for.
struct Counted {
    account: Key,
    pair: Option<Key>,
    address: Option<Key>,
}

impl MemoryThrottle {
    /// Sets how many failures in a row an account has before delays begin. Default: 10. More than 100 is 100.
    #[must_use]
    pub fn account_failures(mut self, failures: NonZeroU32) -> Self {
        self.limits = self.limits.account_failures(failures);
        self
    }

    /// Sets how many failures an address has within a window. Default: 100.
    #[must_use]
    pub fn address_failures(mut self, failures: NonZeroU32) -> Self {
        self.limits = self.limits.address_failures(failures);
        self
    }

    /// Sets how long an address's window is. Default: 15 minutes. Less than a second is a second.
    #[must_use]
    pub fn address_window(mut self, window: Duration) -> Self {
        self.limits = self.limits.address_window(window);
        self
    }

    /// Sets how many counters are kept, and how many familiar places. Default: 100,000. Less than 16 is 16.
    #[must_use]
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries.max(16);
        self
    }

    /// Takes the time from elsewhere. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn counted(&self, key: &AttemptKey) -> Counted {
        let hash = |account: Option<&str>, source| {
            let named = (account, source);
            (self.keys.0.hash_one(named), self.keys.1.hash_one(named))
        };
        Counted {
            account: hash(Some(&key.account), None),
            pair: key
                .source
                .map(|source| hash(Some(&key.account), Some(source))),
            address: key.source.map(|source| hash(None, Some(source))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counter that this attempt's failure falls on, unless it is refused.
    fn admit(
        &self,
        state: &mut State,
        counted: &Counted,
        now: SystemTime,
    ) -> Result<Key, ThrottleError> {
        let row = counted
            .pair
            .filter(|pair| state.familiar.contains(*pair, now))
            .unwrap_or(counted.account);
        let waits = [Some(row), counted.address]
            .into_iter()
            .flatten()
            .filter_map(|key| state.counters.wait(key, &self.limits, now));
        match waits.max() {
            None => Ok(row),
            Some(retry_after) => Err(ThrottleError::Limited { retry_after }),
        }
    }
}

impl Throttle for MemoryThrottle {
    async fn attempt(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let (counted, now) = (self.counted(key), self.clock.now());
        self.admit(&mut self.lock(), &counted, now).map(drop)
    }

    async fn failed(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let (counted, now) = (self.counted(key), self.clock.now());
        let state = &mut *self.lock();
        let row = self.admit(state, &counted, now)?;
        let State { counters, .. } = state;
        counters.make_room(2, self.capacity, &self.limits, now);
        counters.count(row, Kind::Account, &self.limits, now);
        if let Some(address) = counted.address {
            counters.count(address, Kind::Address, &self.limits, now);
        }
        Ok(())
    }

    async fn succeeded(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let (counted, now) = (self.counted(key), self.clock.now());
        let state = &mut *self.lock();
        self.admit(state, &counted, now)?;
        let State { counters, familiar } = state;
        counters.forget(counted.account);
        if let Some(pair) = counted.pair {
            counters.forget(pair);
            familiar.remember(pair, self.capacity, now);
        }
        Ok(())
    }
}

/// 10 failures in a row for an account, 100 in 15 minutes for an address, 100,000 counters.
impl Default for MemoryThrottle {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            capacity: 100_000,
            clock: Arc::new(SystemClock),
            keys: (RandomState::new(), RandomState::new()),
            state: Mutex::default(),
        }
    }
}

impl fmt::Debug for MemoryThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("MemoryThrottle")
            .field("limits", &self.limits)
            .field("capacity", &self.capacity)
            .field("counters", &state.counters.len())
            .field("familiar", &state.familiar.len())
            .finish_non_exhaustive()
    }
}
