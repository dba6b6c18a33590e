//! What the database's functions take and answer.

use super::charge::SupabaseCharge;
use super::names::{DeviceRow, Names};
use super::unavailable;
use crate::stores::new_id;
use crate::stores::supabase::error::{Kind, SupabaseError};
use crate::throttle::{
    Acquired, Attempt, Counter, Device, Forget, InFlight, Limits, Success, ThrottleError,
};
use crate::user::UserId;
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use http::StatusCode;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(super) struct Counts {
    account_failures: u32,
    address_failures: u32,
    /// Seconds.
    address_window: f64,
}

impl Counts {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            account_failures: limits.account_failures,
            // The database counts in signed numbers.
            address_failures: limits.address_failures.min(i32::MAX.unsigned_abs()),
            address_window: limits.address_window.as_secs_f64(),
        }
    }
}

/// What `portcullis_throttle_acquire` takes.
#[derive(Serialize)]
pub(super) struct AcquireArguments<'a> {
    attempt: AttemptArgument<'a>,
    limits: &'a Counts,
}

#[derive(Serialize)]
struct AttemptArgument<'a> {
    #[serde(flatten)]
    names: &'a Names,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceRow>,
    in_flight: InFlightCounts,
}

#[derive(Serialize)]
struct InFlightCounts {
    account: u32,
    known_address: u32,
    device: u32,
    all_devices: u32,
    address: u32,
}

impl<'a> AcquireArguments<'a> {
    pub(super) fn new(
        names: &'a Names,
        attempt: &Attempt,
        in_flight: &InFlight<String>,
        limits: &'a Counts,
    ) -> Self {
        let device = attempt.device.as_ref().map(DeviceRow::new);
        let count = |name: Option<&String>| name.map_or(0, |name| in_flight.count(name));
        let in_flight = InFlightCounts {
            account: count(names.account.first()),
            known_address: count(names.known_address.first()),
            device: count(device.as_ref().map(|device| &device.id)),
            all_devices: count(names.all_devices.first()),
            address: count(names.address.first()),
        };
        Self {
            attempt: AttemptArgument {
                names,
                device,
                in_flight,
            },
            limits,
        }
    }
}

/// A failure that was charged to a counter, and what it takes to give it back.
#[derive(Deserialize, Serialize)]
pub(super) struct ChargedCounter {
    name: String,
    generation: String,
    since_before: String,
}

/// All that an attempt was charged for.
#[derive(Deserialize)]
pub(super) struct Charged {
    counter: ChargedCounter,
    all_devices: Option<ChargedCounter>,
    address: Option<ChargedCounter>,
    network: Option<ChargedCounter>,
}

impl Charged {
    /// The attempt's own counter is the first.
    pub(super) fn all(&self) -> impl Iterator<Item = &ChargedCounter> {
        [Some(&self.counter), self.all_devices.as_ref()]
            .into_iter()
            .flatten()
            .chain(self.of_address())
    }

    fn of_address(&self) -> impl Iterator<Item = &ChargedCounter> {
        [self.address.as_ref(), self.network.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// What `portcullis_throttle_acquire` answers: one of these.
#[derive(Deserialize)]
pub(super) struct Answer {
    /// Microseconds.
    limited: Option<u64>,
    #[serde(default)]
    busy: bool,
    admitted: Option<Admitted>,
}

#[derive(Deserialize)]
struct Admitted {
    counter: CounterName,
    failures: u32,
    crowded_network: bool,
    at: String,
    account_id: Option<String>,
    token_version: Option<u64>,
    charged: Charged,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CounterName {
    Account,
    KnownAddress,
    Device,
}

impl Answer {
    pub(super) fn acquired(
        self,
        names: Names,
        device: Option<Device>,
        in_flight: &InFlight<String>,
    ) -> Result<Acquired<SupabaseCharge>, ThrottleError> {
        let misbehaved =
            |what| unavailable(SupabaseError::new(Kind::Misbehaved(StatusCode::OK, what)));
        if let Some(wait) = self.limited {
            let retry_after = Duration::from_micros(wait).max(Duration::from_millis(1));
            return Err(ThrottleError::Limited { retry_after });
        }
        if self.busy {
            return Err(ThrottleError::Busy);
        }
        let admitted = self
            .admitted
            .ok_or_else(|| misbehaved("no verdict of the throttle"))?;
        let device = device.filter(|_| matches!(admitted.counter, CounterName::Device));
        let (counter, own) = match admitted.counter {
            CounterName::Account => (Counter::Account, names.account.first().cloned()),
            CounterName::KnownAddress => {
                (Counter::KnownAddress, names.known_address.first().cloned())
            }
            CounterName::Device => {
                let account = admitted
                    .account_id
                    .map(UserId::from_stored)
                    .and_then(Result::ok);
                let (Some(account), Some(token_version)) = (account, admitted.token_version) else {
                    return Err(misbehaved("a device of no account"));
                };
                let counter = Counter::Device {
                    account,
                    token_version,
                };
                (counter, device.map(|device| DeviceRow::new(&device).id))
            }
        };
        let all_devices = device.and_then(|_| names.all_devices.first().cloned());
        let open = [own, all_devices, names.address.first().cloned()];
        let id = new_id().map_err(|error| ThrottleError::Unavailable(Box::new(error)))?;
        let charge = SupabaseCharge {
            id: id.as_str().to_owned(),
            at: admitted.at,
            charged: Box::new(admitted.charged),
            names: Box::new(names),
            counter: counter.clone(),
            device,
            is_sent: AtomicBool::new(false),
            _open: in_flight.open(open.into_iter().flatten().collect()),
        };
        let mut acquired = Acquired::new(charge, counter, admitted.failures);
        acquired.crowded_network = admitted.crowded_network;
        Ok(acquired)
    }
}

/// What `portcullis_throttle_success` takes.
#[derive(Serialize)]
pub(super) struct SuccessArguments<'a> {
    id: &'a str,
    at: &'a str,
    refund: Vec<&'a ChargedCounter>,
    clear: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_clear: Option<&'a str>,
    account: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    known_address: &'a [String],
    account_id: &'a str,
    token_version: u64,
    devices: Vec<DeviceRow>,
}

impl<'a> SuccessArguments<'a> {
    pub(super) fn new(charge: &'a SupabaseCharge, success: Success<'a>) -> Self {
        let names = &charge.names;
        let legacy = names.legacy.as_ref();
        let (counted, legacy_clear): (&[String], _) = match charge.counter {
            Counter::Account => (&names.account, legacy.map(|names| names.account.as_str())),
            Counter::KnownAddress => (
                &names.known_address,
                legacy.and_then(|names| names.known_address.as_deref()),
            ),
            Counter::Device { .. } => (&names.all_devices, None),
        };
        let clear = [charge.charged.counter.name.as_str()]
            .into_iter()
            .chain(counted.iter().map(String::as_str));
        let devices = [charge.device, success.new_device].into_iter().flatten();
        Self {
            id: &charge.id,
            at: &charge.at,
            refund: charge.charged.of_address().collect(),
            clear: clear.collect(),
            legacy_clear,
            account: &names.account,
            known_address: &names.known_address,
            account_id: success.account.as_str(),
            token_version: success.token_version,
            devices: devices.map(|device| DeviceRow::new(&device)).collect(),
        }
    }
}

/// One of what `portcullis_throttle_refund` takes.
#[derive(Serialize)]
pub(super) struct Refund<'a> {
    pub(super) id: &'a str,
    pub(super) at: &'a str,
    pub(super) charged: Vec<&'a ChargedCounter>,
    /// A success was sent, and nobody knows whether it is stored.
    pub(super) unless_cleared: bool,
}

/// What `portcullis_throttle_forgive` takes.
#[derive(Serialize)]
pub(super) struct ForgiveArguments<'a> {
    account_id: &'a str,
    names: ForgivenNames,
    everything: bool,
}

#[derive(Default, Serialize)]
struct ForgivenNames {
    account: Vec<String>,
    all_devices: Vec<String>,
    legacy: Vec<String>,
}

impl<'a> ForgiveArguments<'a> {
    pub(super) fn new(
        account: &'a UserId,
        names: impl Iterator<Item = Names>,
        what: Forget,
    ) -> Self {
        let mut forgiven = ForgivenNames::default();
        for names in names {
            forgiven.account.extend(names.account);
            forgiven.all_devices.extend(names.all_devices);
            (forgiven.legacy).extend(names.legacy.map(|legacy| legacy.account));
        }
        Self {
            account_id: account.as_str(),
            names: forgiven,
            everything: what == Forget::Everything,
        }
    }
}
