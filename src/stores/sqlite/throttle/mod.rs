//! [`SqliteThrottle`]: failed sign-ins counted in the database file, so that they survive a restart.

mod counters;
mod devices;
mod known_addresses;
mod steps;

use super::{SqliteError, SqliteStore};
use crate::clock::{Clock, SystemClock};
use crate::opaque::ServerSecret;
use crate::stores::refunds::Refunds;
use crate::throttle::{
    Acquired, Attempt, Forget, InFlight, Limits, Success, Throttle, ThrottleError,
};
use crate::user::UserId;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::{Arc, OnceLock};
use steps::Shared;
pub use steps::SqliteCharge;
use tokio::runtime::Handle;

/// Charges that are given back in one transaction: as many as a flood can have refused while one waits for its turn.
const REFUNDS: usize = 1024;

/// Counts failed sign-ins in the database of a [`SqliteStore`]: as [`MemoryThrottle`](crate::throttle::MemoryThrottle) does
/// and with its defaults, but across restarts, and for all processes on one file.
///
/// ```
/// use portcullis::Authenticator;
/// use portcullis::opaque::ServerSecret;
/// use portcullis::stores::sqlite::{SqliteStore, SqliteThrottle};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("users.db");
/// # let secret = *b"of the server, 32 bytes or more!";
/// let users = SqliteStore::open(&path).await?;
/// let throttle = SqliteThrottle::new(&users, ServerSecret::new(&secret)?);
/// let authenticator = Authenticator::builder(users).throttle(throttle).build()?;
/// # Ok(())
/// # }
/// ```
///
/// Logins and addresses are stored as keyed hashes only, device tokens as hashes. Each attempt deletes a few forgotten rows:
/// counters last 30 days after the last failure, known addresses 30 days, devices 180 days.
///
/// # Durability
///
/// Counters have a connection of their own with `synchronous = NORMAL`: an attempt does not wait for the disk. A crash of
/// the program loses nothing. A power cut may lose what was written in the last moments; the database stays intact.
/// That is safe: a few failures are forgotten, a counter may not be cleared, and an address or a device that was
/// recorded just then may count as new. [`forgive`](Throttle::forgive) waits for the disk.
///
/// With [`SqliteStore::with_pool`] it uses one connection of that pool at a time, with the settings of its owner.
///
/// # Time
///
/// Times are those of the system's clock, on which all processes of a machine agree. A counter that was written while
/// the clock was ahead counts as written now: it delays nobody for longer than it would have.
pub struct SqliteThrottle {
    shared: Shared,
    in_flight: InFlight<String>,
    refunds: OnceLock<Refunds<SqliteCharge>>,
}

impl SqliteThrottle {
    /// Counts in the store's database. All processes on it need the same secret: they find each other's counters by it.
    pub fn new(store: &SqliteStore, secret: ServerSecret) -> Self {
        Self {
            shared: Shared {
                store: store.clone(),
                secret,
                limits: Limits::default(),
                capacity: 100_000,
                clock: Arc::new(SystemClock),
                inserted: Arc::default(),
            },
            in_flight: InFlight::default(),
            refunds: OnceLock::new(),
        }
    }

    /// Sets how many failures in a row a counter has before delays begin. Default: 10. More than 100 is 100.
    #[must_use]
    pub fn account_failures(mut self, failures: NonZeroU32) -> Self {
        self.shared.limits = self.shared.limits.account_failures(failures);
        self
    }

    /// Sets how many failures an address has within a window. Default: 100.
    #[must_use]
    pub fn address_failures(mut self, failures: NonZeroU32) -> Self {
        self.shared.limits = self.shared.limits.address_failures(failures);
        self
    }

    /// Sets how long an address's window is. Default: 15 minutes. Less than a second is a second.
    #[must_use]
    pub fn address_window(mut self, window: Duration) -> Self {
        self.shared.limits = self.shared.limits.address_window(window);
        self
    }

    /// Sets how many counters of accounts are kept, and how many of addresses. Default: 100,000. Less than 16 is 16.
    ///
    /// Of the processes on one file each may exceed it by an eighth, and by 256 at most.
    #[must_use]
    pub fn capacity(mut self, entries: u32) -> Self {
        self.shared.capacity = entries.max(16);
        self
    }

    /// Takes the time from elsewhere. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.shared.clock = Arc::new(clock);
        self
    }

    /// Starts the task that gives charges back, on the runtime of the first attempt.
    fn start_refunds(&self) {
        if let (None, Ok(runtime)) = (self.refunds.get(), Handle::try_current()) {
            self.refunds.get_or_init(|| {
                let shared = self.shared.clone();
                Refunds::start(&runtime, REFUNDS, move |charges| {
                    let shared = shared.clone();
                    async move {
                        // What cannot be given back stays charged, and is not tried again: that might give it back twice.
                        let _stays_charged = shared.refund(&charges).await;
                    }
                })
            });
        }
    }
}

impl Throttle for SqliteThrottle {
    type Charge = SqliteCharge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        Some(&self.shared.secret)
    }

    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<SqliteCharge>, ThrottleError> {
        self.start_refunds();
        self.shared.acquire(attempt, &self.in_flight).await
    }

    async fn success(
        &self,
        charge: &SqliteCharge,
        success: Success<'_>,
    ) -> Result<(), ThrottleError> {
        let recorded = self.shared.success(charge, success).await;
        self.shared.store.named(recorded).map_err(unavailable)
    }

    fn not_made(&self, charge: SqliteCharge) {
        if let Some(refunds) = self.refunds.get() {
            refunds.push(charge);
        }
    }

    async fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> Result<(), ThrottleError> {
        let forgiven = self.shared.forgive(account, logins, what).await;
        self.shared.store.named(forgiven).map_err(unavailable)
    }
}

/// As SQL has numbers.
fn places_per_account() -> i64 {
    i64::try_from(Limits::PLACES_PER_ACCOUNT).unwrap_or(i64::MAX)
}

fn unavailable(error: SqliteError) -> ThrottleError {
    ThrottleError::Unavailable(Box::new(error))
}

impl fmt::Debug for SqliteThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteThrottle")
            .field("limits", &self.shared.limits)
            .field("capacity", &self.shared.capacity)
            .field("in_flight", &self.in_flight.total())
            .finish_non_exhaustive()
    }
}
