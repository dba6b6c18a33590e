//! [`MemoryThrottle`]: counters in this process.

mod counters;
mod places;
mod steps;

use super::in_flight::{InFlight, OpenCharge};
use super::{CounterKind, Device, Limits, ThrottleError};
use crate::clock::{Clock, MonotonicClock};
use crate::opaque::ServerSecret;
use core::fmt;
use core::hash::BuildHasher as _;
use core::num::NonZeroU32;
use core::time::Duration;
use counters::{Charged, Counters, Key};
use places::Places;
use std::collections::hash_map::RandomState;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Counts failed sign-ins in memory: the default, and enough for one process whose counters may end with it.
///
/// - **A counter of an account**: 10 failures in a row go through without delay; from the 10th on the next attempt is admitted
///   only after 1 s, 2 s, 4 s, … up to 1 h, and 24 h from the 100th on (NIST SP 800-63B-4 §3.2.2: no more than 100
///   in a row). A right password clears the counter, and so do 30 days without a failure. All devices of
///   an account together have at most 100 failures in a row.
/// - **An address**: 100 failures in 15 minutes, whatever the accounts; then no attempt on an account's own counter until the
///   window is over. Known addresses and devices are not stopped by it.
/// - **Known addresses**: at most 16 for each account, for 30 days after their last sign-in; devices: at most 16, for 180 days.
///
/// Memory is bounded: 100,000 counters of accounts, as many of addresses, and the known addresses and devices of 100,000
/// accounts. Where it is full, forgotten counters go first, then those with the fewest failures; of accounts the least
/// recently used. Names are kept as keyed hashes. Nothing survives a restart, and each of several processes counts for
/// itself: `stores::sqlite::SqliteThrottle` and `stores::supabase::SupabaseThrottle` keep counters in the database.
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
    server_secret: Option<ServerSecret>,
    /// Two independent keyed hashes: a name cannot be made up to fall on another's counter.
    keys: (RandomState, RandomState),
    in_flight: InFlight<Key>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: Counters,
    addresses: Counters,
    places: Places,
}

/// What is hashed to a [`Key`].
#[derive(Hash)]
enum Name<'a> {
    Account(&'a str),
    AllDevices(&'a str),
    KnownAddress(&'a str, IpAddr),
    Device(&'a [u8; 16]),
    Address(IpAddr),
    Network(IpAddr),
}

/// What an attempt was charged for.
#[derive(Debug)]
pub struct MemoryCharge {
    login: Key,
    pair: Option<Key>,
    device: Option<Device>,
    counter: Key,
    all_devices: Option<Key>,
    on_accounts: Vec<Charged>,
    on_addresses: Vec<Charged>,
    _open: OpenCharge<Key>,
}

impl MemoryThrottle {
    /// Sets how many failures in a row a counter has before delays begin. Default: 10. More than 100 is 100.
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

    /// Sets how many counters of accounts are kept, how many of addresses, and the known addresses and devices of how many
    /// accounts. Default: 100,000. Less than 16 is 16.
    #[must_use]
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries.max(16);
        self
    }

    /// Takes the time from elsewhere. Default: [`MonotonicClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn key(&self, name: &Name<'_>) -> Key {
        (self.keys.0.hash_one(name), self.keys.1.hash_one(name))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_admitted(
        &self,
        counters: &mut Counters,
        kind: CounterKind,
        key: Key,
        now: SystemTime,
    ) -> Result<(), ThrottleError> {
        let count = counters.get(key, &self.limits, now);
        let in_flight = self.in_flight.count(&key);
        self.limits.judge(kind, count, in_flight, now)
    }
}

/// 10 failures in a row on a counter, 100 in 15 minutes for an address, 100,000 counters.
impl Default for MemoryThrottle {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            capacity: 100_000,
            clock: Arc::new(MonotonicClock::default()),
            server_secret: ServerSecret::generate().ok(),
            keys: (RandomState::new(), RandomState::new()),
            in_flight: InFlight::default(),
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
            .field("accounts", &state.accounts.len())
            .field("addresses", &state.addresses.len())
            .field("places", &state.places.len())
            .finish_non_exhaustive()
    }
}
