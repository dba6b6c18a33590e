//! Known addresses and devices: a few for each account.

use super::counters::{Key, evict_lowest};
use crate::throttle::{Device, Limits};
use crate::user::UserId;
use core::time::Duration;
use std::collections::HashMap;
use std::time::SystemTime;

/// Where an account was signed in from, by login.
#[derive(Debug, Default)]
pub(super) struct Places {
    accounts: HashMap<Key, Account>,
}

#[derive(Debug, Default)]
struct Account {
    addresses: Vec<(Key, SystemTime)>,
    devices: Vec<KnownDevice>,
}

#[derive(Clone, Debug)]
pub(super) struct KnownDevice {
    pub(super) device: Device,
    pub(super) account: UserId,
    pub(super) token_version: u64,
    last_use: SystemTime,
}

impl Account {
    fn last_use(&self) -> Option<SystemTime> {
        let devices = self.devices.iter().map(|device| device.last_use);
        let addresses = self.addresses.iter().map(|(_, last_use)| *last_use);
        devices.chain(addresses).max()
    }
}

impl Places {
    pub(super) fn knows_address(&self, login: Key, pair: Key, now: SystemTime) -> bool {
        let known = |(key, last_use): &(Key, SystemTime)| {
            *key == pair && is_recent(*last_use, Limits::KNOWN_ADDRESS_MEMORY, now)
        };
        self.accounts
            .get(&login)
            .is_some_and(|account| account.addresses.iter().any(known))
    }

    pub(super) fn device(
        &self,
        login: Key,
        device: &Device,
        now: SystemTime,
    ) -> Option<&KnownDevice> {
        let known = |known: &&KnownDevice| {
            device.is(&known.device) && is_recent(known.last_use, Limits::DEVICE_MEMORY, now)
        };
        self.accounts.get(&login)?.devices.iter().find(known)
    }

    pub(super) fn remember_address(
        &mut self,
        login: Key,
        pair: Key,
        capacity: usize,
        now: SystemTime,
    ) {
        let account = self.account(login, capacity);
        account.addresses.retain(|(key, _)| *key != pair);
        account.addresses.push((pair, now));
        evict_oldest(&mut account.addresses, |(_, last_use)| *last_use);
    }

    pub(super) fn remember_device(
        &mut self,
        login: Key,
        device: Device,
        owner: (UserId, u64),
        capacity: usize,
        now: SystemTime,
    ) {
        let account = self.account(login, capacity);
        account.devices.retain(|known| known.device.id != device.id);
        account.devices.push(KnownDevice {
            device,
            account: owner.0,
            token_version: owner.1,
            last_use: now,
        });
        evict_oldest(&mut account.devices, |device| device.last_use);
    }

    fn account(&mut self, login: Key, capacity: usize) -> &mut Account {
        if self.accounts.len() >= capacity && !self.accounts.contains_key(&login) {
            evict_lowest(&mut self.accounts, 1, capacity, Account::last_use);
        }
        self.accounts.entry(login).or_default()
    }

    /// The keys of a login's known addresses and devices, whose counters are cleared with the account's.
    pub(super) fn of_login(&self, login: Key) -> (Vec<Key>, Vec<Device>) {
        self.accounts
            .get(&login)
            .map_or_else(Default::default, |account| {
                let addresses = account.addresses.iter().map(|(key, _)| *key);
                let devices = account.devices.iter().map(|known| known.device);
                (addresses.collect(), devices.collect())
            })
    }

    pub(super) fn forget(&mut self, login: Key) {
        self.accounts.remove(&login);
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }
}

fn is_recent(last_use: SystemTime, memory: Duration, now: SystemTime) -> bool {
    now.duration_since(last_use).unwrap_or_default() < memory
}

/// Keeps the most recently used.
fn evict_oldest<T>(places: &mut Vec<T>, last_use: impl Fn(&T) -> SystemTime) {
    if places.len() > Limits::PLACES_PER_ACCOUNT {
        let oldest = places
            .iter()
            .enumerate()
            .min_by_key(|(_, place)| last_use(place));
        if let Some((at, _)) = oldest {
            places.remove(at);
        }
    }
}
