//! [`SupabaseCharge`]: what an attempt was charged for, and the way back.

use super::messages::{Charged, Refund};
use super::names::Names;
use crate::stores::refunds::Refunds;
use crate::throttle::{Acquired, Counter, Device, OpenCharge};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// What an attempt was charged for.
pub struct SupabaseCharge {
    /// Of this attempt alone, so that it is given back once.
    pub(super) id: String,
    /// When it was charged, in the database's words.
    pub(super) at: String,
    pub(super) charged: Box<Charged>,
    pub(super) names: Box<Names>,
    pub(super) counter: Counter,
    /// The device, if the attempt fell on its counter.
    pub(super) device: Option<Device>,
    /// Whether the database may know of a success.
    pub(super) is_sent: AtomicBool,
    /// Counts as in flight until this is dropped.
    pub(super) _open: OpenCharge<String>,
}

impl SupabaseCharge {
    /// Takes note that a success was sent, whatever came of it.
    pub(super) fn set_sent(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }

    pub(super) fn refund(&self) -> Refund<'_> {
        Refund {
            id: &self.id,
            at: &self.at,
            charged: self.charged.all().collect(),
            unless_cleared: self.is_sent.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for SupabaseCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupabaseCharge").finish_non_exhaustive()
    }
}

/// A charge on its way to whoever asked for it; given back if nobody takes it.
pub(super) struct Unclaimed {
    acquired: Option<Acquired<SupabaseCharge>>,
    refunds: Arc<Refunds<SupabaseCharge>>,
}

impl Unclaimed {
    pub(super) fn new(
        acquired: Acquired<SupabaseCharge>,
        refunds: Arc<Refunds<SupabaseCharge>>,
    ) -> Self {
        Self {
            acquired: Some(acquired),
            refunds,
        }
    }

    pub(super) fn claim(mut self) -> Option<Acquired<SupabaseCharge>> {
        self.acquired.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(acquired) = self.acquired.take() {
            self.refunds.push(acquired.charge);
        }
    }
}
