//! [`Charge`]: what an attempt was charged, until it is decided.

use crate::throttle::{Success, Throttle, ThrottleError};
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// A charge that goes back if it is dropped before the hash has begun: whoever hangs up later has paid.
pub(super) struct Charge<'a, T: Throttle> {
    throttle: &'a T,
    open: Option<T::Charge>,
    begun: Arc<AtomicBool>,
}

impl<'a, T: Throttle> Charge<'a, T> {
    pub(super) fn new(throttle: &'a T, charge: T::Charge) -> Self {
        Self {
            throttle,
            open: Some(charge),
            begun: Arc::default(),
        }
    }

    /// Is set when the hash begins.
    pub(super) fn begun(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.begun)
    }

    /// Tells the throttle of a right password; gives the charge back if that cannot be stored.
    pub(super) async fn success(self, success: Success<'_>) -> Result<(), ThrottleError> {
        let Some(charge) = &self.open else {
            return Ok(());
        };
        let stored = self.throttle.success(charge, success).await;
        if stored.is_err() {
            self.give_back();
        }
        stored
    }

    /// Gives it back although the hash has begun: nothing was learned of the password.
    pub(super) fn give_back(mut self) {
        if let Some(charge) = self.open.take() {
            self.throttle.not_made(charge);
        }
    }
}

impl<T: Throttle> Drop for Charge<'_, T> {
    fn drop(&mut self) {
        if let Some(charge) = self.open.take()
            && !self.begun.load(Ordering::Acquire)
        {
            self.throttle.not_made(charge);
        }
    }
}
