//! The steps of an attempt, each under one lock.

use super::{MemoryCharge, MemoryThrottle, Name};
use crate::opaque::ServerSecret;
use crate::throttle::{
    Acquired, Attempt, Counter, CounterKind, Forget, Limits, Success, Throttle, ThrottleError,
    strictest,
};
use crate::user::UserId;

impl Throttle for MemoryThrottle {
    type Charge = MemoryCharge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        self.server_secret.as_ref()
    }

    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<MemoryCharge>, ThrottleError> {
        let now = self.clock.now();
        let login = self.key(&Name::Account(&attempt.login));
        let named = |address| self.key(&Name::KnownAddress(&attempt.login, address));
        let pair = attempt.address.map(named);
        let address = attempt.address.map(|ip| self.key(&Name::Address(ip)));
        let network = attempt.network().map(|ip| self.key(&Name::Network(ip)));
        let state = &mut *self.lock();

        let known = attempt
            .device
            .and_then(|device| state.places.device(login, &device, now));
        let device = known.map(|known| known.device);
        let (key, counter) = match (known, pair) {
            (Some(known), _) => (
                self.key(&Name::Device(&known.device.id)),
                Counter::Device {
                    account: known.account.clone(),
                    token_version: known.token_version,
                },
            ),
            (None, Some(pair)) if state.places.knows_address(login, pair, now) => {
                (pair, Counter::KnownAddress)
            }
            (None, _) => (login, Counter::Account),
        };
        let all_devices = device.map(|_| self.key(&Name::AllDevices(&attempt.login)));

        let mut verdicts =
            vec![self.is_admitted(&mut state.accounts, CounterKind::Consecutive, key, now)];
        if let Some(all) = all_devices {
            verdicts.push(self.is_admitted(&mut state.accounts, CounterKind::AllDevices, all, now));
        }
        if let (Counter::Account, Some(address)) = (&counter, address) {
            verdicts.push(self.is_admitted(
                &mut state.addresses,
                CounterKind::Address,
                address,
                now,
            ));
        }
        strictest(verdicts)?;

        let failures = state.accounts.get(key, &self.limits, now).failures;
        let crowded_network = network.is_some_and(|network| {
            let count = state.addresses.get(network, &self.limits, now);
            count.failures >= Limits::NETWORK_FAILURES
        });
        state
            .accounts
            .make_room(2, self.capacity, &self.limits, now);
        state
            .addresses
            .make_room(2, self.capacity, &self.limits, now);
        let mut on_accounts = Vec::with_capacity(2);
        on_accounts.push((state.accounts).charge(key, CounterKind::Consecutive, &self.limits, now));
        on_accounts.extend(
            all_devices.map(|all| {
                (state.accounts).charge(all, CounterKind::AllDevices, &self.limits, now)
            }),
        );
        let mut on_addresses = Vec::with_capacity(2);
        for (kind, key) in [
            (CounterKind::Address, address),
            (CounterKind::Network, network),
        ] {
            let charge = |key| state.addresses.charge(key, kind, &self.limits, now);
            on_addresses.extend(key.map(charge));
        }
        let open = [Some(key), all_devices, address];
        let charge = MemoryCharge {
            login,
            pair,
            device,
            counter: key,
            all_devices,
            on_accounts,
            on_addresses,
            _open: self.in_flight.open(open.into_iter().flatten().collect()),
        };
        Ok(Acquired {
            charge,
            counter,
            failures,
            crowded_network,
        })
    }

    async fn success(
        &self,
        charge: &MemoryCharge,
        success: Success<'_>,
    ) -> Result<(), ThrottleError> {
        let now = self.clock.now();
        let state = &mut *self.lock();
        for charged in &charge.on_addresses {
            state.addresses.refund(charged);
        }
        state.accounts.clear(charge.counter);
        if let Some(all_devices) = charge.all_devices {
            state.accounts.clear(all_devices);
        }
        let (login, capacity) = (charge.login, self.capacity);
        if let Some(pair) = charge.pair {
            state.places.remember_address(login, pair, capacity, now);
        }
        for device in [charge.device, success.new_device].into_iter().flatten() {
            let owner = (success.account.clone(), success.token_version);
            (state.places).remember_device(login, device, owner, capacity, now);
        }
        Ok(())
    }

    fn not_made(&self, charge: MemoryCharge) {
        let state = &mut *self.lock();
        for charged in &charge.on_accounts {
            state.accounts.refund(charged);
        }
        for charged in &charge.on_addresses {
            state.addresses.refund(charged);
        }
    }

    async fn forgive(
        &self,
        _account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> Result<(), ThrottleError> {
        let state = &mut *self.lock();
        for login in logins {
            let login = Attempt::new(login, None).login;
            let key = self.key(&Name::Account(&login));
            let (addresses, devices) = state.places.of_login(key);
            let devices = devices.iter().map(|device| Name::Device(&device.id));
            let devices = devices.map(|name| self.key(&name));
            let own = [key, self.key(&Name::AllDevices(&login))];
            for key in own.into_iter().chain(addresses).chain(devices) {
                state.accounts.clear(key);
            }
            if what == Forget::Everything {
                state.places.forget(key);
            }
        }
        Ok(())
    }
}
