//! [`SupabaseThrottle`]: failed sign-ins counted in the database, for all servers in front of it.

mod charge;
mod legacy;
mod messages;
mod names;

pub use charge::SupabaseCharge;

use super::SupabaseStore;
use super::client::Call;
use super::error::{Kind, SupabaseError};
use crate::opaque::ServerSecret;
use crate::stores::refunds::Refunds;
use crate::throttle::{
    Acquired, Attempt, Forget, InFlight, Limits, Success, Throttle, ThrottleError,
};
use crate::user::UserId;
use charge::Unclaimed;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use legacy::LegacySecret;
use messages::{AcquireArguments, Answer, Counts, ForgiveArguments, SuccessArguments};
use names::Names;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

/// Charges that are given back in one request. It locks their counters, and attempts on these wait meanwhile.
const REFUNDS: usize = 64;

/// Counts failed sign-ins in the database: as [`MemoryThrottle`](crate::throttle::MemoryThrottle) does and with its
/// defaults, but for any number of servers, and across restarts.
///
/// [`acquire`](Throttle::acquire), [`success`](Throttle::success) and [`forgive`](Throttle::forgive) are one request and
/// one atomic step each, by the database's clock; a failure needs no further request, and charges are given back in
/// batches by a task of the runtime that first acquired. At most half of the store's requests in flight are the
/// throttle's, so that sign-ins cannot keep look-ups waiting.
///
/// Logins and addresses are stored as keyed hashes only. There are at most some 100,000 counters of accounts and as many
/// of addresses; what is forgotten is deleted along the way, and if that is not enough, those with the fewest failures.
///
/// ```no_run
/// # async fn f(secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::Authenticator;
/// use portcullis::opaque::ServerSecret;
/// use portcullis::stores::supabase::{SupabaseKey, SupabaseStore, SupabaseThrottle};
///
/// let key = SupabaseKey::new("sb_secret_...")?;
/// let users = SupabaseStore::builder("https://abcdefgh.supabase.co", key).build()?;
/// let throttle = SupabaseThrottle::new(&users, ServerSecret::new(secret)?);
/// let authenticator = Authenticator::builder(users).throttle(throttle).build()?;
/// # Ok(())
/// # }
/// ```
pub struct SupabaseThrottle {
    shared: Arc<Shared>,
    limits: Limits,
    secret: ServerSecret,
    legacy: Option<LegacySecret>,
    refunds: OnceLock<Arc<Refunds<SupabaseCharge>>>,
}

/// Which requests wait for each other.
#[derive(Clone, Copy)]
enum Class {
    /// Attempts that are not of a device or a known address.
    Attempts,
    /// Those that are, right passwords, and charges that are given back.
    Others,
}

struct Permit {
    _of_all: OwnedSemaphorePermit,
    _of_attempts: Option<OwnedSemaphorePermit>,
}

/// What the throttle shares with its tasks.
struct Shared {
    store: SupabaseStore,
    /// Half of the requests that the store may have in flight.
    requests: Arc<Semaphore>,
    /// Three quarters of those, for attempts that are not of a device or a known address.
    attempts: Arc<Semaphore>,
    in_flight: InFlight<String>,
}

impl SupabaseThrottle {
    /// Counts in the store's database. All servers on it need the same secret: they find each other's counters by it.
    pub fn new(store: &SupabaseStore, secret: ServerSecret) -> Self {
        let requests = store.client().requests_in_flight().wrapping_shr(1).max(1);
        let attempts = requests.saturating_sub(requests.wrapping_shr(2));
        Self {
            shared: Arc::new(Shared {
                store: store.clone(),
                requests: Arc::new(Semaphore::new(requests)),
                attempts: Arc::new(Semaphore::new(attempts)),
                in_flight: InFlight::default(),
            }),
            limits: Limits::default(),
            secret,
            legacy: None,
            refunds: OnceLock::new(),
        }
    }

    /// Also judges by what servers of version 0.1 counted under this secret (their `SECRET_KEY`), so that an upgrade
    /// forgets neither failures nor known addresses. Remove the call when no server of 0.1 has run for 30 days: then all that it
    /// counted is forgotten. The method is gone in 0.3.
    #[must_use]
    pub fn legacy_secret(mut self, secret: &[u8]) -> Self {
        self.legacy = Some(LegacySecret::new(secret));
        self
    }

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

    /// The task that gives charges back; started by the first attempt.
    fn refunds(&self, runtime: &Handle) -> Arc<Refunds<SupabaseCharge>> {
        let start = || {
            let shared = Arc::clone(&self.shared);
            let give_back = move |charges| Arc::clone(&shared).give_back(charges);
            Arc::new(Refunds::start(runtime, REFUNDS, give_back))
        };
        Arc::clone(self.refunds.get_or_init(start))
    }
}

impl Shared {
    /// Waits for one of the throttle's requests, for as long as a request may take in all.
    ///
    /// Requests in the class of `attempts` wait for each other first: a flood of them delays the others by one request.
    async fn permit(&self, class: Class) -> Result<(Permit, Instant), SupabaseError> {
        let end = self.store.client().end();
        let permit = async {
            let of_attempts = match class {
                Class::Attempts => Some(Arc::clone(&self.attempts).acquire_owned().await.ok()?),
                Class::Others => None,
            };
            let of_all = Arc::clone(&self.requests).acquire_owned().await.ok()?;
            Some(Permit {
                _of_all: of_all,
                _of_attempts: of_attempts,
            })
        };
        match tokio::time::timeout_at(end, permit).await {
            Ok(Some(permit)) => Ok((permit, end)),
            _ => Err(SupabaseError::new(Kind::Crowded)),
        }
    }

    /// Calls a function that answers `true`.
    async fn command(&self, call: Call<'_>) -> Result<(), SupabaseError> {
        let (_permit, end) = self.permit(Class::Others).await?;
        let answer = self.store.client().send_until(call, end).await?;
        answer.json::<bool>().map(drop)
    }

    /// Gives charges back. They count as in flight until that is done or has failed for good; then they stay charged.
    async fn give_back(self: Arc<Self>, charges: Vec<SupabaseCharge>) {
        let refunds: Vec<_> = charges.iter().map(SupabaseCharge::refund).collect();
        let arguments = serde_json::json!({
            "attempts": refunds,
            // Longer than a request may be on its way after nobody waits for it any more.
            "keep_seconds": (self.store.client().timeout().as_secs_f64() * 10.0).max(60.0),
        });
        // The database gives an attempt back only once, so the request may be repeated.
        let call = Call::question("rpc/portcullis_throttle_refund", &[], &arguments);
        if let Ok(call) = call {
            drop(self.command(call).await);
        }
    }
}

fn unavailable(error: SupabaseError) -> ThrottleError {
    ThrottleError::Unavailable(Box::new(error))
}

impl Throttle for SupabaseThrottle {
    type Charge = SupabaseCharge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        Some(&self.secret)
    }

    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<SupabaseCharge>, ThrottleError> {
        let runtime =
            Handle::try_current().map_err(|_| unavailable(SupabaseError::new(Kind::Dropped)))?;
        let shared = Arc::clone(&self.shared);
        let class = if attempt.device.is_some() || attempt.seems_known {
            Class::Others
        } else {
            Class::Attempts
        };
        let (permit, end) = shared.permit(class).await.map_err(unavailable)?;
        let names = Names::new(&self.secret, self.legacy.as_ref(), attempt);
        let limits = Counts::new(&self.limits);
        let arguments = AcquireArguments::new(&names, attempt, &shared.in_flight, &limits);
        let call = Call::function("rpc/portcullis_throttle_acquire", &[], &arguments)
            .map_err(unavailable)?;
        // From now on it may be charged, under which of these is not known yet.
        let pending = shared.in_flight.open(names.candidates(attempt));
        let device = attempt.device;
        let refunds = self.refunds(&runtime);
        let (sender, receiver) = oneshot::channel();
        // A task of its own, so that the charge goes back if whoever asked goes away before the answer.
        runtime.spawn(async move {
            let answer = shared.store.client().send_until(call, end).await;
            drop(permit);
            let acquired = answer.map_err(unavailable).and_then(|answer| {
                let answer: Answer = answer.json().map_err(unavailable)?;
                answer.acquired(names, device, &shared.in_flight)
            });
            drop(pending);
            let unclaimed = acquired.map(|acquired| Unclaimed::new(acquired, refunds));
            drop(sender.send(unclaimed));
        });
        match receiver.await {
            Ok(acquired) => acquired?
                .claim()
                .ok_or_else(|| unavailable(SupabaseError::new(Kind::Dropped))),
            Err(_) => Err(unavailable(SupabaseError::new(Kind::Dropped))),
        }
    }

    async fn success(
        &self,
        charge: &SupabaseCharge,
        success: Success<'_>,
    ) -> Result<(), ThrottleError> {
        let arguments = serde_json::json!({ "success": SuccessArguments::new(charge, success) });
        let call = Call::function("rpc/portcullis_throttle_success", &[], &arguments)
            .map_err(unavailable)?;
        charge.set_sent();
        self.shared.command(call).await.map_err(unavailable)
    }

    fn not_made(&self, charge: SupabaseCharge) {
        // There is a task wherever there is a charge.
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
        let names = logins.iter().map(|login| {
            let attempt = Attempt::new(login, None);
            Names::new(&self.secret, self.legacy.as_ref(), &attempt)
        });
        let arguments = ForgiveArguments::new(account, names, what);
        let call = Call::function("rpc/portcullis_throttle_forgive", &[], &arguments)
            .map_err(unavailable)?;
        self.shared.command(call).await.map_err(unavailable)
    }
}

impl fmt::Debug for SupabaseThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupabaseThrottle")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
