//! [`Limits`]: how many failures are let through, how long each delays, and for how long it is counted.

use super::ThrottleError;
use core::num::NonZeroU32;
use core::time::Duration;
use std::time::SystemTime;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many failures are let through. Every throttle of this crate keeps these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Failures in a row on one counter before delays begin. Default: 10.
    pub account_failures: u32,
    /// Failures of one address within a window. Default: 100.
    pub address_failures: u32,
    /// The length of an address's window. Default: 15 minutes.
    pub address_window: Duration,
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CounterKind {
    /// Failures in a row: of an account, of an account from one known address, or of one device.
    Consecutive,
    /// Failures in a row of all devices of an account together.
    AllDevices,
    /// Failures of an address within a window, whatever the account.
    Address,
    /// The same of a /48 network of IPv6. It never refuses an attempt, but delays it: see [`Limits::NETWORK_FAILURES`].
    Network,
}

/// The state of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// How many failures.
    pub failures: u32,
    /// When the last failure was; for addresses and networks, when the window began.
    pub since: SystemTime,
}

/// 10 failures in a row on a counter, 100 in 15 minutes for an address.
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
    /// The most failures in a row on one counter (NIST SP 800-63B-4 §3.2.2): from the 100th on each delays by 24 hours.
    pub const HARD_LIMIT: u32 = 100;

    /// From that many failures of a /48 network in a window on, attempts from its other addresses wait in the last class of
    /// the hash queue.
    pub const NETWORK_FAILURES: u32 = 1000;

    /// The most known addresses, and the most devices, of one account.
    pub const PLACES_PER_ACCOUNT: usize = 16;

    /// How long failures in a row are counted after the last one. Were it a day, ten more guesses could be made each day.
    pub const COUNTER_MEMORY: Duration = DAY.saturating_mul(30);

    /// How long an address stays known after a sign-in.
    pub const KNOWN_ADDRESS_MEMORY: Duration = DAY.saturating_mul(30);

    /// How long a device stays known after a sign-in.
    pub const DEVICE_MEMORY: Duration = DAY.saturating_mul(180);

    /// Sets the failures in a row before delays begin. More than [`HARD_LIMIT`](Self::HARD_LIMIT) is that limit.
    #[must_use]
    pub fn account_failures(mut self, failures: NonZeroU32) -> Self {
        self.account_failures = failures.get().min(Self::HARD_LIMIT);
        self
    }

    /// Sets the failures of an address within a window.
    #[must_use]
    pub fn address_failures(mut self, failures: NonZeroU32) -> Self {
        self.address_failures = failures.get();
        self
    }

    /// Sets the length of an address's window. Less than a second is a second.
    #[must_use]
    pub fn address_window(mut self, window: Duration) -> Self {
        self.address_window = window.max(Duration::from_secs(1));
        self
    }

    /// From how many failures on a counter refuses.
    fn threshold(&self, kind: CounterKind) -> u32 {
        match kind {
            CounterKind::Consecutive => self.account_failures,
            CounterKind::AllDevices => Self::HARD_LIMIT,
            CounterKind::Address => self.address_failures,
            CounterKind::Network => u32::MAX,
        }
    }

    /// How long no attempt is admitted after failure number `failures`: from the 10th failure in a row on 1 s, 2 s, 4 s … up to
    /// 1 h, from the 100th on 24 h; of an address the rest of its window.
    pub fn delay(&self, kind: CounterKind, failures: u32) -> Duration {
        let Some(over) = failures.checked_sub(self.threshold(kind)) else {
            return Duration::ZERO;
        };
        match kind {
            CounterKind::Address => self.address_window,
            CounterKind::Network => Duration::ZERO,
            _ if failures >= Self::HARD_LIMIT => DAY,
            _ => Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(HOUR),
        }
    }

    /// How long a counter is kept after `since`: [`COUNTER_MEMORY`](Self::COUNTER_MEMORY), and those of addresses and networks for
    /// their window.
    pub fn memory(&self, kind: CounterKind) -> Duration {
        match kind {
            CounterKind::Address | CounterKind::Network => self.address_window,
            CounterKind::Consecutive | CounterKind::AllDevices => Self::COUNTER_MEMORY,
        }
    }

    /// Tells whether a count is too old to matter.
    pub fn is_forgotten(&self, kind: CounterKind, count: Count, now: SystemTime) -> bool {
        elapsed(count.since, now) >= self.memory(kind)
    }

    /// Decides whether an attempt that falls on this counter may be made now.
    ///
    /// `in_flight` is how many of the failures are attempts of this process that are not decided yet, or charges that
    /// are on their way back.
    ///
    /// # Errors
    /// [`ThrottleError::Limited`]; [`ThrottleError::Busy`] where the limit is reached only through what is in flight.
    pub fn judge(
        &self,
        kind: CounterKind,
        count: Count,
        in_flight: u32,
        now: SystemTime,
    ) -> Result<(), ThrottleError> {
        let wait = self
            .delay(kind, count.failures)
            .checked_sub(elapsed(count.since, now))
            .filter(|wait| !wait.is_zero());
        match wait {
            None => Ok(()),
            Some(_) if count.failures.saturating_sub(in_flight) < self.threshold(kind) => {
                Err(ThrottleError::Busy)
            }
            Some(retry_after) => Err(ThrottleError::Limited { retry_after }),
        }
    }
}

impl Count {
    /// A counter's state.
    pub fn new(failures: u32, since: SystemTime) -> Self {
        Self { failures, since }
    }
}

/// A clock that was set back must not stretch a delay: time before `since` counts as none elapsed.
fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or_default()
}
