//! [`AuthenticatorBuilder`]: what an [`Authenticator`] works with, and the defaults.

use super::admission::Admission;
use super::hash_queue::HashQueue;
use super::recent::Recent;
use super::{Authenticator, Shared};
use crate::clock::{Clock, MonotonicClock};
use crate::event::{Observer, Unobserved};
use crate::offload::{HashPool, Offload};
use crate::password::{HashParams, PasswordError, PasswordHasher};
use crate::store::UserStore;
use crate::throttle::{MemoryThrottle, Throttle};
use core::fmt;
use core::num::NonZeroUsize;
use std::sync::Arc;

/// Puts an [`Authenticator`] together.
pub struct AuthenticatorBuilder<S, T = MemoryThrottle> {
    store: S,
    throttle: T,
    settings: Settings,
}

/// What does not depend on the kinds of store and throttle.
struct Settings {
    hasher: Option<PasswordHasher>,
    offload: Option<Arc<dyn Offload>>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    queue: NonZeroUsize,
    places: NonZeroUsize,
}

impl<S: UserStore> AuthenticatorBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            throttle: MemoryThrottle::default(),
            settings: Settings {
                hasher: None,
                offload: None,
                observer: Arc::new(Unobserved),
                clock: Arc::new(MonotonicClock::default()),
                queue: NonZeroUsize::MIN.saturating_add(63),
                places: NonZeroUsize::MIN.saturating_add(1023),
            },
        }
    }
}

impl<S: UserStore, T: Throttle> AuthenticatorBuilder<S, T> {
    /// Counts failures elsewhere. Default: [`MemoryThrottle`], in this process.
    pub fn throttle<T2: Throttle>(self, throttle: T2) -> AuthenticatorBuilder<S, T2> {
        let Self {
            store,
            throttle: _,
            settings,
        } = self;
        AuthenticatorBuilder {
            store,
            throttle,
            settings,
        }
    }

    /// Hashes with other parameters. Default: [`HashParams::default`], as OWASP asks.
    #[must_use]
    pub fn hasher(mut self, hasher: PasswordHasher) -> Self {
        self.settings.hasher = Some(hasher);
        self
    }

    /// Hashes elsewhere. Default: [`HashPool::default`].
    #[must_use]
    pub fn offload(mut self, offload: impl Offload + 'static) -> Self {
        self.settings.offload = Some(Arc::new(offload));
        self
    }

    /// Tells somebody what happens. Default: nobody.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.settings.observer = Arc::new(observer);
        self
    }

    /// Sets how many hashes of each of the three classes wait for a thread; more are refused ([`SignInError::Busy`]).
    /// Default: 64, which two threads work off in half a second at the default parameters if no other class waits.
    ///
    /// [`SignInError::Busy`]: super::SignInError::Busy
    #[must_use]
    pub fn hash_queue(mut self, hashes: NonZeroUsize) -> Self {
        self.settings.queue = hashes;
        self
    }

    /// Sets how many sign-ins are under way at one time, each with its credentials in memory; more are refused
    /// ([`SignInError::Busy`]). A quarter is kept for devices and known addresses. Default: 1,024.
    ///
    /// [`SignInError::Busy`]: super::SignInError::Busy
    #[must_use]
    pub fn sign_ins_in_flight(mut self, sign_ins: NonZeroUsize) -> Self {
        self.settings.places = sign_ins;
        self
    }

    /// Takes the time from elsewhere, for the five minutes in which many sign-ins on one counter lose their precedence.
    /// Default: [`MonotonicClock`]. The throttle has a clock of its own: [`MemoryThrottle::clock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Makes the authenticator, and the decoy hash if no hasher was given.
    ///
    /// # Errors
    /// [`PasswordError`] if there is no memory or randomness for the decoy hash.
    pub fn build(self) -> Result<Authenticator<S, T>, PasswordError> {
        let Self {
            store,
            throttle,
            settings,
        } = self;
        let hasher = match settings.hasher {
            Some(hasher) => hasher,
            None => PasswordHasher::new(HashParams::default())?,
        };
        let offload = settings
            .offload
            .unwrap_or_else(|| Arc::new(HashPool::default()));
        Ok(Authenticator {
            shared: Arc::new(Shared {
                store,
                throttle,
                hasher,
                observer: settings.observer,
                admission: Admission::new(settings.places),
                queue: HashQueue::new(Arc::clone(&offload), settings.queue),
                recent: Recent::new(settings.clock),
                offload,
            }),
        })
    }
}

impl<S, T> fmt::Debug for AuthenticatorBuilder<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorBuilder")
            .field("hasher", &self.settings.hasher)
            .finish_non_exhaustive()
    }
}
