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
    names: Vec<Names>,
    device: Option<Device>,
    counter: fn(&Names) -> Option<&String>,
    charged: Vec<Charged>,
    _open: OpenCharge<String>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "each name is read by a function of this shape"
)]
fn account(names: &Names) -> Option<&String> {
    Some(&names.account)
}

fn known_address(names: &Names) -> Option<&String> {
    names.known_address.as_ref()
}

fn device(names: &Names) -> Option<&String> {
    names.device.as_ref()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "each name is read by a function of this shape"
)]
fn all_devices(names: &Names) -> Option<&String> {
    Some(&names.all_devices)
}

fn address(names: &Names) -> Option<&String> {
    names.address.as_ref()
}

fn network(names: &Names) -> Option<&String> {
    names.network.as_ref()
}

fn texts(names: &[Names], of: fn(&Names) -> Option<&String>) -> Vec<&str> {
    names.iter().filter_map(of).map(String::as_str).collect()
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
        charged.await.map_err(unavailable)?
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
        let logins = texts(&names, account);
        let known = match &attempt.device {
            Some(device) => devices::find(&mut db, &logins, device, now).await?,
            None => None,
        };
        let pairs = texts(&names, known_address);
        let known_device = known.as_ref().map(|known| known.device);
        let (name_of, counter): (fn(&Names) -> Option<&String>, _) = match known {
            Some(known) => (
                device,
                Counter::Device {
                    account: known.account,
                    token_version: known.token_version,
                },
            ),
            None if !pairs.is_empty()
                && known_addresses::is_known(&mut db, &pairs, now).await? =>
            {
                (known_address, Counter::KnownAddress)
            }
            None => (account, Counter::Account),
        };
        let mut wanted = vec![(CounterKind::Consecutive, name_of)];
        if known_device.is_some() {
            wanted.push((CounterKind::AllDevices, all_devices));
        }
        wanted.push((CounterKind::Address, address));
        wanted.push((CounterKind::Network, network));

        let all = wanted.iter().flat_map(|(_, name)| texts(&names, *name));
        let all: Vec<&str> = all.collect();
        let mut counters = Counters::read(&mut db, self.limits, &all, now).await?;
        let verdicts = wanted.iter().map(|(kind, name)| {
            let is_judged = match kind {
                CounterKind::Consecutive | CounterKind::AllDevices => true,
                CounterKind::Address => counter == Counter::Account,
                CounterKind::Network => false,
            };
            let names = || names.iter().filter_map(name).filter(|_| is_judged);
            let open = names().map(|name| in_flight.count(name)).sum();
            let time = counters::time(now);
            self.limits.judge(*kind, counters.sum(names()), open, time)
        });
        if let Err(refusal) = strictest(verdicts) {
            // Nothing is charged, but a time that the clock has yet to reach is put right.
            counters.write(&mut db).await?;
            db.commit().await?;
            return Ok(Err(refusal));
        }
        let failures = |name| counters.sum(names.iter().filter_map(name)).failures;
        let (before, of_network) = (failures(name_of), failures(network));

        let first = names.first();
        let mut charged = Vec::with_capacity(wanted.len());
        for (kind, name) in wanted {
            let name = first.and_then(name);
            charged.extend(name.map(|name| counters.charge(name, kind, generation)));
        }
        let is_counted = |charged: &&Charged| charged.kind != CounterKind::Network;
        let open = charged.iter().filter(is_counted);
        let open = in_flight.open(open.map(|charged| charged.name.clone()).collect());
        let new = counters.write(&mut db).await?;
        self.evict(&mut db, new, now).await?;
        db.commit().await?;
        let charge = SqliteCharge {
            names,
            device: known_device,
            counter: name_of,
            charged,
            _open: open,
        };
        let mut acquired = Acquired::new(charge, counter, before);
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
        let mut cleared = texts(&charge.names, charge.counter);
        if charge.device.is_some() {
            cleared.extend(texts(&charge.names, all_devices));
        }
        let mut all = cleared.clone();
        all.extend(charge.charged.iter().map(|charged| charged.name.as_str()));
        let mut counters = Counters::read(&mut db, self.limits, &all, now).await?;
        for charged in &charge.charged {
            if matches!(charged.kind, CounterKind::Address | CounterKind::Network) {
                counters.refund(charged);
            }
        }
        for name in cleared {
            counters.clear(name);
        }
        counters.write(&mut db).await?;
        let logins = texts(&charge.names, account);
        let addresses = texts(&charge.names, known_address);
        known_addresses::record(&mut db, &logins, &addresses, now).await?;
        for device in [charge.device, success.new_device].into_iter().flatten() {
            let (account, version) = (success.account, success.token_version);
            devices::record(&mut db, &logins, &device, account, version, now).await?;
        }
        db.commit().await
    }

    /// Gives whole charges back.
    pub(super) async fn refund(&self, charges: &[SqliteCharge]) -> Result<(), SqliteError> {
        let mut db = self.begin(WriteKind::Attempts).await?;
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
        let names_of = |login: &&str| {
            let attempt = Attempt::new(login, None);
            throttle_names::of_attempt(&self.secret, &attempt)
        };
        let names: Vec<Names> = logins.iter().flat_map(names_of).collect();
        let logins = texts(&names, self::account);
        let everything = what == Forget::Everything;
        let of_account = everything.then_some(account);
        let mut db = self.store.begin().await?;
        let addresses = known_addresses::of_login(&mut db, &logins).await?;
        let found = devices::of_login(&mut db, &logins, of_account).await?;
        let devices = found.into_iter().flat_map(|device| {
            let attempt = Attempt::new("", None).device(device);
            throttle_names::of_attempt(&self.secret, &attempt)
        });
        let devices: Vec<String> = devices.filter_map(|names| names.device).collect();
        let mut cleared = logins.clone();
        cleared.extend(texts(&names, all_devices));
        cleared.extend(addresses.iter().chain(&devices).map(String::as_str));
        counters::clear(&mut db, &cleared).await?;
        if everything {
            known_addresses::forget(&mut db, &logins).await?;
            devices::forget(&mut db, &logins, account).await?;
        }
        db.commit().await
    }
}

/// Shows no name.
impl fmt::Debug for SqliteCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteCharge").finish_non_exhaustive()
    }
}
