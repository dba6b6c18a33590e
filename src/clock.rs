//! Where "now" comes from, so that tests can turn the clock.

use core::fmt::Debug;
use std::time::SystemTime;

/// A source of the current time.
///
/// [`SystemTime`] rather than a calendar type: reading it costs a few nanoseconds, and
/// `time::OffsetDateTime::from` converts it where a calendar is wanted.
pub trait Clock: Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system: the default everywhere.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
