//! For the tests of an application (feature `test-util`): a clock to turn, cheap hashing, and
//! [`conformance`], the suite any store must pass.
//!
//! Not for production: [`cheap_hash_params`] are as weak as stored hashes may be.

pub mod conformance;

use crate::clock::Clock;
use crate::password::HashParams;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that stands still until it is told otherwise. Clones show the same time.
///
/// ```
/// use core::time::Duration;
/// use portcullis::clock::Clock;
/// use portcullis::test_util::ManualClock;
///
/// let clock = ManualClock::default();
/// let shared = clock.clone();
/// let before = shared.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(shared.now().duration_since(before)?, Duration::from_secs(60));
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<SystemTime>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: SystemTime) -> Self {
        Self {
            now: Arc::new(Mutex::new(now)),
        }
    }

    /// Sets the clock, also back.
    pub fn set(&self, now: SystemTime) {
        *self.lock() = now;
    }

    /// Moves the clock forward. It stops at the last time the system can tell.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        *now = now.checked_add(by).unwrap_or(*now);
    }

    fn lock(&self) -> MutexGuard<'_, SystemTime> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows 15 June 2025, 15:06:40 UTC: a round 1,750,000,000 seconds.
impl Default for ManualClock {
    fn default() -> Self {
        let round = Duration::from_secs(1_750_000_000);
        Self::new(UNIX_EPOCH.checked_add(round).unwrap_or(UNIX_EPOCH))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.lock()
    }
}

/// The cheapest parameters a stored hash may have: 1 MiB, one pass, one lane; about a millisecond.
pub fn cheap_hash_params() -> HashParams {
    HashParams::CHEAP
}
