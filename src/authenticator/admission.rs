//! How many sign-ins this process works on at one time, and how many of them one client may hold.

use crate::throttle::Attempt;
use core::num::NonZeroUsize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most places that one client address, one known address of an account, and one device hold.
const OF_ADDRESS: usize = 16;
const OF_KNOWN_ADDRESS: usize = 4;
const OF_DEVICE: usize = 2;

/// The places for attempts. A quarter is kept for devices and known addresses, so that strangers cannot take all.
#[derive(Debug)]
pub(super) struct Admission {
    places: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_holder: HashMap<Holder, usize>,
}

/// On whose account a place is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Address(IpAddr),
    /// By the counter's key.
    KnownAddress(u64),
    Device([u8; 16]),
}

/// A place, held until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    holder: Option<Holder>,
}

impl Admission {
    pub(super) fn new(places: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            places: places.get(),
            held: Mutex::default(),
        })
    }

    /// Takes a place, if there is one. `known_address` is the key of the attempt's known address, if this process knows it.
    pub(super) fn enter(
        self: &Arc<Self>,
        attempt: &Attempt,
        known_address: Option<u64>,
    ) -> Option<Place> {
        let device = attempt.device.map(|device| Holder::Device(device.id));
        let known = known_address.map(Holder::KnownAddress);
        let address = attempt.address.map(Holder::Address);
        let mut held = self.lock();
        let reserved = self.places.wrapping_shr(2);
        let has_room = |holder: &Option<Holder>, most: usize| {
            let held = holder.and_then(|holder| held.by_holder.get(&holder));
            held.copied().unwrap_or_default() < most
        };
        let privileged = [(device, OF_DEVICE), (known, OF_KNOWN_ADDRESS)]
            .into_iter()
            .find(|(holder, most)| holder.is_some() && has_room(holder, *most))
            .map(|(holder, _)| holder);
        let (holder, places) = match privileged {
            Some(holder) => (holder, self.places),
            None if has_room(&address, OF_ADDRESS) => {
                (address, self.places.saturating_sub(reserved))
            }
            None => return None,
        };
        if held.total >= places {
            return None;
        }
        held.total = held.total.saturating_add(1);
        if let Some(holder) = holder {
            let count = held.by_holder.entry(holder).or_default();
            *count = count.saturating_add(1);
        }
        drop(held);
        Some(Place {
            admission: Arc::clone(self),
            holder,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // No code that can panic runs under the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.admission.lock();
        held.total = held.total.saturating_sub(1);
        let Some(holder) = &self.holder else { return };
        if let Some(count) = held.by_holder.get_mut(holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.by_holder.remove(holder);
            }
        }
    }
}
