//! The steps of an attempt, each one transaction.

use super::counters::{self, Charged, Counters, Micros, micros};
use super::{SqliteError, devices, known_addresses, unavailable};
use crate::clock::Clock;
use crate::opaque::ServerSecret;
use crate::stores::sqlite::SqliteStore;
use crate::stores::sqlite::write::{Write, WriteKind};
use crate::stores::throttle_names::{self, Names};
use crate::throttle::{
    Acquired, Attempt, Counter, CounterKind, Device, Forget, InFlight, Limits, OpenCharge, Success,
    ThrottleError, strictest,
};
use crate::user::UserId;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// After how many new counters there is a look for what is forgotten or too much; fewer where the capacity is small.
const EVICTION_INTERVAL: u32 = 256;

/// What the counters are read and written with.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: SqliteStore,
    pub(super) secret: ServerSecret,
    pub(super) limits: Limits,
    pub(super) capacity: u32,
    pub(super) clock: Arc<dyn Clock>,
    /// How many counters this process has inserted.
    pub(super) inserted: Arc<AtomicU32>,
}

/// What an attempt was charged for.
pub struct SqliteCharge {
    names: Names,
    device: Option<Device>,
    /// What a success clears: the counter's name under each secret, and of a device that of all of them.
    cleared: Vec<String>,
    charged: Vec<Charged>,
    _open: OpenCharge<String>,
}

/// A counter that an attempt falls on.
struct Wanted<'a> {
    kind: CounterKind,
    /// Under each secret.
    names: &'a [String],
    charged: &'a String,
}

impl<'a> Wanted<'a> {
    fn new(kind: CounterKind, names: &'a [String]) -> Option<Self> {
        let charged = names.first()?;
        Some(Self {
            kind,
            names,
            charged,
        })
    }
}

impl Shared {
    /// Not before the write lock is held: otherwise another attempt could be written later and yet be older.
    fn now(&self) -> Micros {
        micros(self.clock.now())
    }

    async fn begin(&self, kind: WriteKind) -> Result<Write, SqliteError> {
        let connections = &*self.store.connections;
        (connections.writes)
            .begin(kind, &connections.attempts)
            .await
    }

    pub(super) async fn acquire(
        &self,
        attempt: &Attempt,
        in_flight: &InFlight<String>,
    ) -> Result<Acquired<SqliteCharge>, ThrottleError> {
        let mut generation = [0; 8];
        aws_lc_rs::rand::fill(&mut generation)
            .map_err(|_| unavailable(SqliteError::new("no random bytes")))?;
        let charged = self.charge(attempt, in_flight, i64::from_ne_bytes(generation));
        self.store.named(charged.await).map_err(unavailable)?
    }

    /// Judges and charges. `in_flight` is looked at and added to under the write lock, so that it is exact.
    async fn charge(
        &self,
        attempt: &Attempt,
        in_flight: &InFlight<String>,
        generation: i64,
    ) -> Result<Result<Acquired<SqliteCharge>, ThrottleError>, SqliteError> {
        let names = throttle_names::of_attempt(&self.secret, attempt);
        let kind = if attempt.device.is_some() || attempt.seems_known {
            WriteKind::KnownAttempts
        } else {
            WriteKind::Attempts
        };
        let mut db = self.begin(kind).await?;
        let now = self.now();
        let (counter, device, charged) = find_counter(&mut db, attempt, &names, now).await?;
        let own = Wanted {
            kind: CounterKind::Consecutive,
            names: match counter {
                Counter::Device { .. } => &names.device,
                Counter::KnownAddress => &names.known_address,
                Counter::Account => &names.account,
            },
            charged: &charged,
        };
        let all_devices =
            device.and_then(|_| Wanted::new(CounterKind::AllDevices, &names.all_devices));
        let address = Wanted::new(CounterKind::Address, &names.address);
        let network = Wanted::new(CounterKind::Network, &names.network);
        let wanted = [Some(own), all_devices, address, network];
        let wanted: Vec<Wanted<'_>> = wanted.into_iter().flatten().collect();

        let all = wanted.iter().flat_map(|one| one.names);
        let all: Vec<&str> = all.map(String::as_str).collect();
        let mut counters = Counters::read(&mut db, self.limits, &all, now).await?;
        let is_judged = |one: &&Wanted<'_>| match one.kind {
            CounterKind::Consecutive | CounterKind::AllDevices => true,
            CounterKind::Address => counter == Counter::Account,
            CounterKind::Network => false,
        };
        let verdicts = wanted.iter().filter(is_judged).map(|one| {
            let open = one.names.iter().map(|name| in_flight.count(name)).sum();
            let (count, time) = (counters.sum(one.names), counters::time(now));
            self.limits.judge(one.kind, count, open, time)
        });
        if let Err(refusal) = strictest(verdicts) {
            // Nothing is charged, but a time that the clock has yet to reach is put right.
            counters.write(&mut db).await?;
            db.commit().await?;
            return Ok(Err(refusal));
        }
        let failures = wanted.first().map(|own| counters.sum(own.names).failures);
        let of_network = counters.sum(&names.network).failures;

        let charged = wanted
            .iter()
            .map(|one| counters.charge(one.charged, one.kind, generation));
        let charged: Vec<Charged> = charged.collect();
        let is_counted = |charged: &&Charged| charged.kind != CounterKind::Network;
        let open = charged.iter().filter(is_counted);
        let open = in_flight.open(open.map(|charged| charged.name.clone()).collect());
        let of_account = |one: &&Wanted<'_>| {
            matches!(one.kind, CounterKind::Consecutive | CounterKind::AllDevices)
        };
        let cleared = wanted.iter().filter(of_account);
        let cleared = cleared.flat_map(|one| one.names).cloned().collect();
        let new = counters.write(&mut db).await?;
        self.evict(&mut db, new, now).await?;
        db.commit().await?;
        let charge = SqliteCharge {
            names,
            device,
            cleared,
            charged,
            _open: open,
        };
        let mut acquired = Acquired::new(charge, counter, failures.unwrap_or_default());
        acquired.crowded_network = of_network >= Limits::NETWORK_FAILURES;
        Ok(Ok(acquired))
    }

    /// Deletes what is forgotten or too much, once in a while.
    async fn evict(&self, db: &mut Write, new: u32, now: Micros) -> Result<(), SqliteError> {
        let interval = EVICTION_INTERVAL.min(self.capacity.wrapping_shr(3)).max(1);
        let before = self.inserted.fetch_add(new, Ordering::Relaxed);
        let after = before.wrapping_add(new);
        // The first one in a process, too: where it restarts often, it might not get further.
        if before == 0 || before.checked_div(interval) != after.checked_div(interval) {
            let most = i64::from(self.capacity.saturating_sub(interval));
            counters::evict(db, &self.limits, most, now).await?;
            known_addresses::evict(db, now).await?;
            devices::evict(db, now).await?;
        }
        Ok(())
    }

    pub(super) async fn success(
        &self,
        charge: &SqliteCharge,
        success: Success<'_>,
    ) -> Result<(), SqliteError> {
        let mut db = self.begin(WriteKind::KnownAttempts).await?;
        let now = self.now();
        let charged = charge.charged.iter().map(|charged| &charged.name);
        let all: Vec<&str> = (charge.cleared.iter().chain(charged))
            .map(String::as_str)
            .collect();
        let mut counters = Counters::read(&mut db, self.limits, &all, now).await?;
        for charged in &charge.charged {
            if matches!(charged.kind, CounterKind::Address | CounterKind::Network) {
                counters.refund(charged);
            }
        }
        for name in &charge.cleared {
            counters.clear(name);
        }
        counters.write(&mut db).await?;
        let (logins, addresses) = (&charge.names.account, &charge.names.known_address);
        known_addresses::record(&mut db, logins, addresses, now).await?;
        for device in [charge.device, success.new_device].into_iter().flatten() {
            let (account, version) = (success.account, success.token_version);
            devices::record(&mut db, logins, &device, account, version, now).await?;
        }
        db.commit().await
    }

    /// Gives whole charges back.
    pub(super) async fn refund(&self, charges: &[SqliteCharge]) -> Result<(), SqliteError> {
        let mut db = self.begin(WriteKind::Refunds).await?;
        let failures = charges.iter().flat_map(|charge| &charge.charged);
        let failures: Vec<&Charged> = failures.collect();
        let names: Vec<&str> = (failures.iter())
            .map(|charged| charged.name.as_str())
            .collect();
        let mut counters = Counters::read(&mut db, self.limits, &names, self.now()).await?;
        for charged in failures {
            counters.refund(charged);
        }
        counters.write(&mut db).await?;
        db.commit().await
    }

    /// Through the store's own connection, which waits for the disk.
    pub(super) async fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> Result<(), SqliteError> {
        let (mut accounts, mut all_devices) = (Vec::new(), Vec::new());
        for login in logins {
            let names = throttle_names::of_attempt(&self.secret, &Attempt::new(login, None));
            accounts.extend(names.account);
            all_devices.extend(names.all_devices);
        }
        let everything = what == Forget::Everything;
        let of_account = everything.then_some(account);
        let mut db = self.store.begin().await?;
        let mut cleared = known_addresses::of_login(&mut db, &accounts).await?;
        for device in devices::of_login(&mut db, &accounts, of_account).await? {
            let attempt = Attempt::new("", None).device(device);
            cleared.extend(throttle_names::of_attempt(&self.secret, &attempt).device);
        }
        cleared.extend(accounts.iter().cloned().chain(all_devices));
        counters::clear(&mut db, &cleared).await?;
        if everything {
            known_addresses::forget(&mut db, &accounts).await?;
            devices::forget(&mut db, &accounts, account).await?;
        }
        db.commit().await
    }
}

/// The counter that an attempt falls on, the device if it is one of the account, and the name to charge.
async fn find_counter(
    db: &mut Write,
    attempt: &Attempt,
    names: &Names,
    now: Micros,
) -> Result<(Counter, Option<Device>, String), SqliteError> {
    let first = |names: &[String]| names.first().cloned().unwrap_or_default();
    if let Some(device) = &attempt.device
        && let Some(known) = devices::find(db, &names.account, device, now).await?
    {
        let counter = Counter::Device {
            account: known.account,
            token_version: known.token_version,
        };
        return Ok((counter, Some(known.device), first(&names.device)));
    }
    match known_addresses::find(db, &names.known_address, now).await? {
        Some(name) => Ok((Counter::KnownAddress, None, name)),
        None => Ok((Counter::Account, None, first(&names.account))),
    }
}

/// Shows no name.
impl fmt::Debug for SqliteCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteCharge").finish_non_exhaustive()
    }
}
