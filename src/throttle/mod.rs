//! [`Throttle`]: how often a password may be guessed, per account, known address, device and client address.
//!
//! An attempt falls on exactly one counter of an account: that of its **device** (a valid [`DeviceToken`]), that of its
//! **known address** (an earlier success from there), or the **account's** own. What strangers do on the account's counter
//! takes nothing from a device or a known address. Failures count for the client's address too.

mod attempt;
mod device;
mod in_flight;
mod limits;
mod memory;

pub use attempt::Attempt;
pub use device::{Device, DeviceToken};
#[cfg(any(feature = "sqlite", feature = "supabase"))]
pub(crate) use in_flight::{InFlight, OpenCharge};
pub use limits::{Count, CounterKind, Limits};
pub use memory::{MemoryCharge, MemoryThrottle};

use crate::opaque::ServerSecret;
use crate::user::UserId;
use core::time::Duration;
use std::sync::Arc;

/// Why an attempt was not admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThrottleError {
    /// Too many failures of late.
    #[error("too many failed sign-ins, try again later")]
    Limited {
        /// How long to wait until the next attempt is admitted. Never zero.
        retry_after: Duration,
    },
    /// The limit is reached only through attempts of this process that are not decided yet. Safe to retry in a moment.
    #[error("too many sign-ins at once, try again")]
    Busy,
    /// The counters could not be read or written. No attempt is admitted then.
    #[error("the sign-in throttle is unavailable")]
    Unavailable(#[source] Box<dyn core::error::Error + Send + Sync>),
}

/// Counts failed sign-ins.
///
/// An attempt is **charged first**, as a failure, and given back when it succeeds or was never made. So a client that
/// hangs up has paid, a crash loses no failure, and parallel guesses cannot slip past a limit that is checked
/// afterwards. Each method is one atomic step on the counters.
pub trait Throttle: Send + Sync + 'static {
    /// What it takes to give a charge back. Dropping it keeps the failure.
    type Charge: Send + Sync + 'static;

    /// The secret that device tokens are made and recognized under. Without one there are no device tokens.
    fn server_secret(&self) -> Option<&ServerSecret>;

    /// Judges the counter that the attempt falls on and the address's, and charges one failure to each.
    ///
    /// If the future is dropped, what it charged is given back, or stays charged: the caller cannot tell.
    ///
    /// # Errors
    /// [`ThrottleError::Limited`] or [`ThrottleError::Busy`]: nothing is charged. [`ThrottleError::Unavailable`]: it may be charged,
    /// if the answer was lost.
    fn acquire(
        &self,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Acquired<Self::Charge>, ThrottleError>> + Send;

    /// Gives the address's charge back, clears the counter, and records the known address and the device.
    ///
    /// The sign-in is answered only after this is stored.
    ///
    /// # Errors
    /// [`ThrottleError::Unavailable`]. The caller then gives the charge to [`not_made`](Self::not_made).
    fn success(
        &self,
        charge: &Self::Charge,
        success: Success<'_>,
    ) -> impl Future<Output = Result<(), ThrottleError>> + Send;

    /// Gives the whole charge back: the password was never looked at. Only within the same window, and only if nothing
    /// cleared the counter since; once for a charge. It does not wait; what is lost stays charged.
    fn not_made(&self, charge: Self::Charge);

    /// Clears the failures of an account under all its logins; with [`Forget::Everything`] also its known addresses and
    /// devices. For a password reset, an administrator's change of password, a deletion or a change of e-mail
    /// address, and for unlocking.
    ///
    /// `logins` lists every login by which the account is found, and was before a change. Counters of client addresses stay. A sign-in
    /// with the old password that is under way at this moment may still record its address as known.
    ///
    /// # Errors
    /// [`ThrottleError::Unavailable`].
    fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> impl Future<Output = Result<(), ThrottleError>> + Send;
}

/// An attempt that was admitted and charged.
#[derive(Debug)]
#[non_exhaustive]
pub struct Acquired<C> {
    /// To be given back.
    pub charge: C,
    /// The counter that the attempt falls on.
    pub counter: Counter,
    /// How many failures this counter had before.
    pub failures: u32,
    /// Whether the address's /48 network is over [`Limits::NETWORK_FAILURES`].
    pub crowded_network: bool,
}

impl<C> Acquired<C> {
    /// An attempt on a counter that had `failures` failures before.
    pub fn new(charge: C, counter: Counter, failures: u32) -> Self {
        Self {
            charge,
            counter,
            failures,
            crowded_network: false,
        }
    }
}

/// Which counter an attempt falls on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counter {
    /// The account's, by login.
    Account,
    /// That of a login and an address it has signed in from.
    KnownAddress,
    /// The device's.
    Device {
        /// The account that the device belongs to.
        account: UserId,
        /// The account's epoch when the device was recorded.
        token_version: u64,
    },
}

/// What a right password tells the throttle.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Success<'a> {
    /// The account that was signed in to.
    pub account: &'a UserId,
    /// Its epoch.
    pub token_version: u64,
    /// A new device to record.
    pub new_device: Option<Device>,
}

impl<'a> Success<'a> {
    /// A sign-in to an account, with no new device.
    pub fn new(account: &'a UserId, token_version: u64) -> Self {
        Self {
            account,
            token_version,
            new_device: None,
        }
    }

    /// Records a new device.
    #[must_use]
    pub fn new_device(mut self, device: Option<Device>) -> Self {
        self.new_device = device;
        self
    }
}

/// What [`Throttle::forgive`] deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forget {
    /// The counters of failures only: unlocking.
    Failures,
    /// Known addresses and devices too: whoever had them may be somebody else now.
    Everything,
}

impl<T: Throttle> Throttle for Arc<T> {
    type Charge = T::Charge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        T::server_secret(self)
    }

    fn acquire(
        &self,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Acquired<T::Charge>, ThrottleError>> + Send {
        T::acquire(self, attempt)
    }

    fn success(
        &self,
        charge: &T::Charge,
        success: Success<'_>,
    ) -> impl Future<Output = Result<(), ThrottleError>> + Send {
        T::success(self, charge, success)
    }

    fn not_made(&self, charge: T::Charge) {
        T::not_made(self, charge);
    }

    fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> impl Future<Output = Result<(), ThrottleError>> + Send {
        T::forgive(self, account, logins, what)
    }
}

/// The refusal that holds longest, of several counters.
pub(crate) fn strictest(
    verdicts: impl IntoIterator<Item = Result<(), ThrottleError>>,
) -> Result<(), ThrottleError> {
    let mut strictest = Ok(());
    for verdict in verdicts {
        let wait = |verdict: &Result<(), ThrottleError>| match verdict {
            Ok(()) => None,
            Err(ThrottleError::Limited { retry_after }) => Some(*retry_after),
            Err(_) => Some(Duration::ZERO),
        };
        if wait(&verdict) > wait(&strictest) {
            strictest = verdict;
        }
    }
    strictest
}

/// Counts nothing and admits everything, for applications that throttle in front of the server. There are no device tokens.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Unthrottled;

impl Throttle for Unthrottled {
    type Charge = ();

    fn server_secret(&self) -> Option<&ServerSecret> {
        None
    }

    async fn acquire(&self, _attempt: &Attempt) -> Result<Acquired<()>, ThrottleError> {
        Ok(Acquired::new((), Counter::Account, 0))
    }

    async fn success(&self, _charge: &(), _success: Success<'_>) -> Result<(), ThrottleError> {
        Ok(())
    }

    fn not_made(&self, _charge: ()) {}

    async fn forgive(
        &self,
        _account: &UserId,
        _logins: &[&str],
        _what: Forget,
    ) -> Result<(), ThrottleError> {
        Ok(())
    }
}
