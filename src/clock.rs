//! Where "now" comes from, so that tests can turn the clock.

use core::fmt::Debug;
use std::time::{Instant, SystemTime};

/// A source of the current time.
///
/// [`SystemTime`] rather than a calendar type: reading it costs a few nanoseconds, and
/// `time::OffsetDateTime::from` converts it where a calendar is wanted.
pub trait Clock: Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system: the default for tokens, and for counters in a database file.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The time as the operating system told it once, moved on by its monotonic clock: setting the system's clock back or
/// ahead has no effect on it. For counters and delays in this process.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    begun: SystemTime,
    since: Instant,
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self {
            begun: SystemTime::now(),
            since: Instant::now(),
        }
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> SystemTime {
        self.begun
            .checked_add(self.since.elapsed())
            .unwrap_or(self.begun)
    }
}
