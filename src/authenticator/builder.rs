//! [`AuthenticatorBuilder`]: what an [`Authenticator`] works with, and the defaults.

use super::{Authenticator, Shared};
use crate::event::Observer;
use crate::offload::{HashPool, Offload};
use crate::password::{HashParams, PasswordError, PasswordHasher};
use crate::store::UserStore;
use crate::throttle::{MemoryThrottle, Throttle};
use core::fmt;
use std::sync::Arc;

/// Puts an [`Authenticator`] together.
pub struct AuthenticatorBuilder<S, T = MemoryThrottle> {
    pub(super) store: S,
    pub(super) throttle: T,
    pub(super) hasher: Option<PasswordHasher>,
    pub(super) offload: Option<Arc<dyn Offload>>,
    pub(super) observer: Arc<dyn Observer>,
}

impl<S: UserStore, T: Throttle> AuthenticatorBuilder<S, T> {
    /// Counts failures elsewhere. Default: [`MemoryThrottle`], in this process.
    pub fn throttle<T2: Throttle>(self, throttle: T2) -> AuthenticatorBuilder<S, T2> {
        let Self {
            store,
            throttle: _,
            hasher,
            offload,
            observer,
        } = self;
        AuthenticatorBuilder {
            store,
            throttle,
            hasher,
            offload,
            observer,
        }
    }

    /// Hashes with other parameters. Default: [`HashParams::default`], as OWASP asks.
    #[must_use]
    pub fn hasher(mut self, hasher: PasswordHasher) -> Self {
        self.hasher = Some(hasher);
        self
    }

    /// Hashes elsewhere. Default: [`HashPool::default`].
    #[must_use]
    pub fn offload(mut self, offload: impl Offload + 'static) -> Self {
        self.offload = Some(Arc::new(offload));
        self
    }

    /// Tells somebody what happens. Default: nobody.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Makes the authenticator, and the decoy hash if no hasher was given.
    ///
    /// # Errors
    /// [`PasswordError`] if there is no memory or randomness for the decoy hash.
    pub fn build(self) -> Result<Authenticator<S, T>, PasswordError> {
        let hasher = match self.hasher {
            Some(hasher) => hasher,
            None => PasswordHasher::new(HashParams::default())?,
        };
        let offload = self
            .offload
            .unwrap_or_else(|| Arc::new(HashPool::default()));
        let (store, throttle, observer) = (self.store, self.throttle, self.observer);
        Ok(Authenticator {
            shared: Arc::new(Shared {
                store,
                throttle,
                hasher,
                offload,
                observer,
            }),
        })
    }
}

impl<S, T> fmt::Debug for AuthenticatorBuilder<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("hasher", &self.hasher)
            .finish_non_exhaustive()
    }
}
