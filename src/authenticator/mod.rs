//! [`Authenticator`]: the one place that knows the order of a sign-in.

mod builder;
mod current;
mod error;

pub use builder::AuthenticatorBuilder;
pub use current::current_user;
#[cfg(feature = "axum")]
pub(crate) use current::still_there;
pub use error::{CurrentUserError, HashError, SignInError};

use crate::event::{Event, Observer, RefusedBecause, Unobserved};
use crate::offload::{self, Offload};
use crate::password::{Password, PasswordError, PasswordHash, PasswordHasher, Verdict};
use crate::store::{Account, AccountStatus, UserStore};
use crate::throttle::{AttemptKey, MemoryThrottle, Throttle, ThrottleError};
use crate::token::Subject;
use crate::user::UserId;
use core::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest login looked up, in bytes; anything longer names nobody.
const MAX_LOGIN_BYTES: usize = 1024;

/// What a person typed to sign in, and where it came from. Spent by [`Authenticator::sign_in`].
pub struct Credentials {
    login: String,
    password: Password,
    source: Option<IpAddr>,
}

impl Credentials {
    /// A login (an e-mail address, a user name) and a password.
    pub fn new(login: impl Into<String>, password: impl Into<Password>) -> Self {
        Self {
            login: login.into(),
            password: password.into(),
            source: None,
        }
    }

    /// Says which address the attempt came from, so that guesses are counted per address too.
    ///
    /// Take it from the connection. A header such as `X-Forwarded-For` can be believed only as far as your own
    /// proxies wrote it. Default: none, and only the account is counted.
    #[must_use]
    pub fn source(mut self, address: IpAddr) -> Self {
        self.source = Some(address);
        self
    }
}

/// The login is hidden too: people type passwords into it.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Somebody who proved who it is. Give it to `TokenIssuer::issue`, or start a session of your own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedIn<U> {
    /// What the person is known by.
    pub id: UserId,
    /// The application's own type.
    pub user: U,
    /// The account's epoch, which goes into tokens so that a change of password ends them.
    pub epoch: u64,
}

impl<'a, U> From<&'a SignedIn<U>> for Subject<'a> {
    fn from(signed_in: &'a SignedIn<U>) -> Self {
        Self::from(&signed_in.id).epoch(signed_in.epoch)
    }
}

/// Signs people in: throttle, look up, verify off the async threads, judge, re-hash.
///
/// Cheap to clone; clones share everything.
pub struct Authenticator<S, T = MemoryThrottle> {
    shared: Arc<Shared<S, T>>,
}

struct Shared<S, T> {
    store: S,
    throttle: T,
    hasher: PasswordHasher,
    offload: Arc<dyn Offload>,
    observer: Arc<dyn Observer>,
}

impl<S: UserStore> Authenticator<S> {
    /// Starts with a store and the defaults: [`MemoryThrottle`], [`HashParams::default`](crate::password::HashParams::default), [`HashPool::default`](crate::offload::HashPool::default).
    pub fn builder(store: S) -> AuthenticatorBuilder<S> {
        AuthenticatorBuilder {
            store,
            throttle: MemoryThrottle::default(),
            hasher: None,
            offload: None,
            observer: Arc::new(Unobserved),
        }
    }
}

impl<S: UserStore, T: Throttle> Authenticator<S, T> {
    /// Finds out whether the credentials are good.
    ///
    /// The same hashing work is done whether or not the account exists, has a password, or is disabled, and
    /// each of these cases counts as a failure.
    ///
    /// # Errors
    /// See [`SignInError`]; [`Refusal`](crate::Refusal) converts from it and is the response.
    pub async fn sign_in(
        &self,
        credentials: Credentials,
    ) -> Result<SignedIn<S::User>, SignInError> {
        let Credentials {
            login,
            password,
            source,
        } = credentials;
        let key = AttemptKey::new(&login, source);
        let attempted = self.shared.throttle.attempt(&key).await;
        self.pass(attempted, None, source)?;

        let account = self.find(&login, source).await?;
        let id = account.as_ref().map(|account| &account.id);
        let hash = account
            .as_ref()
            .and_then(|account| account.password_hash.clone());
        let (verdict, password) = self.verify(password, hash, source).await?;

        let refused = match (&account, verdict) {
            (None, _) => Some(RefusedBecause::UnknownLogin),
            (Some(account), _) if account.password_hash.is_none() => {
                Some(RefusedBecause::NoPassword)
            }
            (Some(_), Verdict::Unusable) => Some(RefusedBecause::UnusableHash),
            // `verify` has answered `Failed` already; should that change, nobody gets in.
            (Some(_), Verdict::Mismatch | Verdict::Failed) => Some(RefusedBecause::WrongPassword),
            // Only now, after proof: "disabled" tells a stranger nothing.
            (Some(account), _) if account.status != AccountStatus::Active => {
                Some(RefusedBecause::Disabled)
            }
            (Some(_), Verdict::Match | Verdict::Outdated) => None,
        };
        if let Some(reason) = refused {
            let counted = self.shared.throttle.failed(&key).await;
            self.pass(counted, id, source)?;
            self.shared
                .observer
                .observe(Event::Refused { id, source, reason });
            return Err(match reason {
                RefusedBecause::Disabled => SignInError::Disabled,
                _ => SignInError::InvalidCredentials,
            });
        }
        let counted = self.shared.throttle.succeeded(&key).await;
        self.pass(counted, id, source)?;

        let Some(account) = account else {
            return Err(SignInError::InvalidCredentials);
        };
        if verdict == Verdict::Outdated {
            self.rehash(&account, password).await;
        }
        let Account {
            id, user, epoch, ..
        } = account;
        self.shared
            .observer
            .observe(Event::SignedIn { id: &id, source });
        Ok(SignedIn { id, user, epoch })
    }

    /// Hashes a new password with the authenticator's parameters, off the async threads.
    ///
    /// # Errors
    /// [`HashError`] if there is no room now, or the password is over the size limit.
    pub async fn hash_password(&self, password: Password) -> Result<PasswordHash, HashError> {
        let hasher = self.shared.hasher.clone();
        offload::run(&*self.shared.offload, move || hasher.hash(&password))
            .await
            .map_err(HashError::Overloaded)?
            .map_err(HashError::Failed)
    }

    /// The store that accounts are looked up in.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    async fn find(
        &self,
        login: &str,
        source: Option<IpAddr>,
    ) -> Result<Option<Account<S::User>>, SignInError> {
        if login.len() > MAX_LOGIN_BYTES {
            return Ok(None);
        }
        self.shared
            .store
            .find_by_login(login)
            .await
            .map_err(|error| {
                self.shared.observer.observe(Event::Unavailable {
                    source,
                    error: &error,
                });
                SignInError::Unavailable(Box::new(error))
            })
    }

    async fn verify(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
        source: Option<IpAddr>,
    ) -> Result<(Verdict, Password), SignInError> {
        let hasher = self.shared.hasher.clone();
        let work = move || {
            let verdict = match &hash {
                Some(hash) => hasher.verify(&password, hash),
                None => hasher.verify_decoy(&password),
            };
            (verdict, password)
        };
        let worked = offload::run(&*self.shared.offload, work)
            .await
            .map_err(|lost| {
                self.shared.observer.observe(Event::Unavailable {
                    source,
                    error: &lost,
                });
                SignInError::Overloaded(lost)
            })?;
        // Nothing is known of the password then: it must not count as a wrong one.
        if worked.0 == Verdict::Failed {
            let error = PasswordError::NO_MEMORY;
            self.shared.observer.observe(Event::Unavailable {
                source,
                error: &error,
            });
            return Err(SignInError::Unavailable(Box::new(error)));
        }
        Ok(worked)
    }

    /// Replaces an outdated hash. Whatever goes wrong, the person is signed in.
    async fn rehash(&self, account: &Account<S::User>, password: Password) {
        let (id, observer) = (&account.id, &self.shared.observer);
        let Some(old) = &account.password_hash else {
            return;
        };
        match self.hash_password(password).await {
            Err(error) => observer.observe(Event::RehashFailed { id, error: &error }),
            Ok(new) => match self.shared.store.replace_password_hash(id, old, &new).await {
                Ok(true) => observer.observe(Event::Rehashed { id }),
                // The password was changed meanwhile: that hash is newer than ours.
                Ok(false) => {}
                Err(error) => observer.observe(Event::RehashFailed { id, error: &error }),
            },
        }
    }

    fn pass(
        &self,
        asked: Result<(), ThrottleError>,
        id: Option<&UserId>,
        source: Option<IpAddr>,
    ) -> Result<(), SignInError> {
        match asked {
            Ok(()) => Ok(()),
            Err(ThrottleError::Limited { retry_after }) => {
                self.shared.observer.observe(Event::Refused {
                    id,
                    source,
                    reason: RefusedBecause::Throttled,
                });
                Err(SignInError::Throttled { retry_after })
            }
            Err(ThrottleError::Unavailable(error)) => {
                self.shared.observer.observe(Event::Unavailable {
                    source,
                    error: &*error,
                });
                Err(SignInError::Unavailable(error))
            }
        }
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
