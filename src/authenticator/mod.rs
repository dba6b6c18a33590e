//! [`Authenticator`]: the one place that knows the order of a sign-in.

mod admission;
mod builder;
mod charge;
mod credentials;
mod current;
mod error;
mod hash_class;
mod hash_queue;
mod recent;
mod sign_in;
mod verdict;

pub use builder::AuthenticatorBuilder;
pub use credentials::{Credentials, SignedIn};
pub use current::current_user;
#[cfg(feature = "axum")]
pub(crate) use current::still_there;
pub use error::{CurrentUserError, HashError, SignInError};
pub use hash_class::HashQueueStatus;

use crate::event::Observer;
use crate::password::{Password, PasswordHash, PasswordHasher};
use crate::store::UserStore;
use crate::throttle::{Forget, MemoryThrottle, Throttle, ThrottleError};
use crate::user::UserId;
use admission::Admission;
use core::fmt;
use hash_class::Class;
use hash_queue::HashQueue;
use recent::Recent;
use std::sync::Arc;

/// Signs people in: throttle, look up, verify off the async threads, judge, re-hash.
///
/// # Who waits for whom
///
/// A sign-in is one of at most 1,024 at a time, of which one client address holds 16 (a known address of an account 4 of its
/// own, a device 2), and a quarter is kept for known addresses and devices. Hashes run on the threads of an
/// [`Offload`](crate::offload::Offload); behind them wait three classes of at most 64 each, which are served 4 : 2 : 1:
/// devices, known addresses and signed-in users; logins without failures; all others. In each class one counter has at most a
/// quarter, and outside the first one address hashes on at most half of the threads. Without room a sign-in is
/// answered [`SignInError::Busy`], and its charge is given back.
///
/// Cheap to clone; clones share everything.
pub struct Authenticator<S, T = MemoryThrottle> {
    shared: Arc<Shared<S, T>>,
}

struct Shared<S, T> {
    store: S,
    throttle: T,
    hasher: PasswordHasher,
    offload: Arc<dyn crate::offload::Offload>,
    observer: Arc<dyn Observer>,
    admission: Arc<Admission>,
    queue: Arc<HashQueue>,
    recent: Recent,
}

impl<S: UserStore> Authenticator<S> {
    /// Starts with a store and the defaults: [`MemoryThrottle`], [`HashParams::default`](crate::password::HashParams::default), [`HashPool::default`](crate::offload::HashPool::default).
    pub fn builder(store: S) -> AuthenticatorBuilder<S> {
        AuthenticatorBuilder::new(store)
    }
}

impl<S: UserStore, T: Throttle> Authenticator<S, T> {
    /// Hashes a new password with the authenticator's parameters, off the async threads, in the last class of the hash queue.
    ///
    /// For callers who are not signed in, as in a registration. Use [`hash_password_of`](Self::hash_password_of) for those who are.
    ///
    /// # Errors
    /// [`HashError`] if there is no room now, or the password is empty or over the size limit: ask `PasswordPolicy::check` first.
    pub async fn hash_password(&self, password: Password) -> Result<PasswordHash, HashError> {
        self.hash(Class::Other, None, password).await
    }

    /// Hashes a new password on behalf of a signed-in user, who waits behind other users only and not behind strangers.
    ///
    /// # Errors
    /// [`HashError`] if there is no room now (a user has at most a quarter of it), or the password is empty or over the size limit: ask `PasswordPolicy::check` first.
    pub async fn hash_password_of(
        &self,
        user: &UserId,
        password: Password,
    ) -> Result<PasswordHash, HashError> {
        let key = self.shared.recent.user_key(user);
        self.hash(Class::Known, Some(key), password).await
    }

    async fn hash(
        &self,
        class: Class,
        counter: Option<u64>,
        password: Password,
    ) -> Result<PasswordHash, HashError> {
        let hasher = self.shared.hasher.clone();
        let slot =
            (self.shared.queue.reserve(class, counter, None)).map_err(HashError::Overloaded)?;
        let work = move || hasher.hash(&password);
        slot.run(Arc::default(), work)
            .await
            .map_err(HashError::Overloaded)?
            .map_err(HashError::Failed)
    }

    /// Clears the failures of an account under its logins, and with [`Forget::Everything`] its known addresses and devices:
    /// call it after a password reset, an administrator's change of password, a deletion, or a change of e-mail address (with the
    /// old and the new one).
    ///
    /// # Errors
    /// [`ThrottleError::Unavailable`].
    pub async fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> Result<(), ThrottleError> {
        self.shared.throttle.forgive(account, logins, what).await
    }

    /// The store that accounts are looked up in.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// How many hashes run and wait, for metrics.
    pub fn hash_queue(&self) -> HashQueueStatus {
        self.shared.queue.status()
    }
}

impl<S, T> Clone for Authenticator<S, T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, T> fmt::Debug for Authenticator<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("hasher", &self.shared.hasher)
            .field("offload", &self.shared.offload)
            .finish_non_exhaustive()
    }
}
