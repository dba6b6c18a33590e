//! The order of a sign-in: admission, charge, look-up, hash, verdict, success.

use super::charge::Charge;
use super::hash_class::Class;
use super::hash_queue::Slot;
use super::verdict::{belongs, judge, verify};
use super::{Authenticator, Credentials, SignInError, SignedIn};
use crate::event::{Event, RefusedBecause};
use crate::password::{Password, PasswordError, Verdict};
use crate::store::{Account, UserStore};
use crate::throttle::{Attempt, Counter, DeviceToken, Success, Throttle, ThrottleError};
use crate::user::{self, UserId};
use std::net::IpAddr;

/// The longest login looked up, in bytes; anything longer names nobody.
const MAX_LOGIN_BYTES: usize = 1024;

/// An attempt that was charged and has room in the hash queue.
struct Admitted<'a, T: Throttle> {
    charge: Charge<'a, T>,
    counter: Counter,
    slot: Slot,
}

impl<S: UserStore, T: Throttle> Authenticator<S, T> {
    /// Finds out whether the credentials are good.
    ///
    /// The attempt is charged as a failure before anything is looked up, and given back when it succeeds or was never made.
    /// The same hashing work is done whether or not the account exists, has a password, or is disabled, and each of
    /// these cases stays a failure. A login with control or invisible characters names nobody.
    ///
    /// The future may be dropped at any time. Before the hash begins that costs nothing, or at most a failure if the throttle was just
    /// storing it; afterwards it is a failure.
    ///
    /// # Errors
    /// See [`SignInError`]; `Refusal::from(&error)` turns it into a response.
    pub async fn sign_in(
        &self,
        credentials: Credentials,
    ) -> Result<SignedIn<S::User>, SignInError> {
        let Credentials {
            login,
            password,
            source,
            device_token,
        } = credentials;
        let shared = &*self.shared;
        let mut attempt = Attempt::new(&login, source);
        if let (Some(token), Some(secret)) = (&device_token, shared.throttle.server_secret()) {
            attempt.device = token.verify(secret, &attempt.login);
        }
        let known_address = shared.recent.known_address(&attempt);
        attempt.seems_known = known_address.is_some();
        let Some(place) = shared.admission.enter(&attempt, known_address) else {
            return Err(self.busy(source));
        };
        let mut admitted = self.acquire(&attempt, source).await?;
        let account = self.find(&login, source).await?;
        if !belongs(&admitted.counter, account.as_ref()) {
            // The device's account is gone, or its password was changed: the token is void.
            drop(admitted);
            attempt.device = None;
            admitted = self.acquire(&attempt, source).await?;
        }
        let Admitted {
            charge,
            counter,
            slot,
        } = admitted;

        let hash = account
            .as_ref()
            .and_then(|account| account.password_hash.clone());
        let hasher = shared.hasher.clone();
        let begun = charge.begun();
        let hashing = slot.run(begun, move || {
            // Held until the hash ends, or a client that hangs up could have more at work than it may.
            let _place = place;
            verify(&hasher, password, hash.as_ref())
        });
        let (verdict, password) = match hashing.await {
            Ok((Verdict::Failed, _)) => {
                charge.give_back();
                return Err(self.unavailable(source, PasswordError::NO_MEMORY));
            }
            Ok(found) => found,
            Err(lost) => {
                charge.give_back();
                return Err(self.unavailable(source, lost));
            }
        };
        let account = match judge(account, verdict) {
            Ok(account) => account,
            Err((reason, account)) => {
                let id = account.as_ref().map(|account| &account.id);
                let event = Event::Refused { id, source, reason };
                shared.observer.observe(event);
                return Err(match reason {
                    RefusedBecause::Disabled => SignInError::Disabled,
                    _ => SignInError::InvalidCredentials,
                });
            }
        };
        let device_token = self
            .succeed(charge, &attempt, &counter, &account, device_token.as_ref())
            .await
            .map_err(|error| self.throttle_error(error, Some(&account.id), source))?;
        if verdict == Verdict::Outdated {
            self.rehash(&account, password).await;
        }
        let Account {
            id, user, epoch, ..
        } = account;
        shared.observer.observe(Event::SignedIn { id: &id, source });
        Ok(SignedIn {
            id,
            user,
            epoch,
            device_token,
        })
    }

    /// Charges the attempt and takes room in the hash queue for it.
    async fn acquire(
        &self,
        attempt: &Attempt,
        source: Option<IpAddr>,
    ) -> Result<Admitted<'_, T>, SignInError> {
        let shared = &*self.shared;
        let acquired = (shared.throttle.acquire(attempt).await)
            .map_err(|error| self.throttle_error(error, None, source))?;
        let charge = Charge::new(&shared.throttle, acquired.charge);
        let counter = acquired.counter;
        let key = shared.recent.counter_key(attempt, &counter);
        let is_frequent = shared.recent.is_frequent(&counter, key);
        if !matches!(counter, Counter::Device { .. }) {
            let is_known = counter == Counter::KnownAddress;
            shared.recent.note_address(attempt, is_known);
        }
        let class = match &counter {
            _ if is_frequent => Class::Other,
            Counter::Device { .. } | Counter::KnownAddress => Class::Known,
            Counter::Account if acquired.crowded_network || acquired.failures > 0 => Class::Other,
            Counter::Account => Class::NoFailures,
        };
        let address = attempt.address.filter(|_| counter == Counter::Account);
        let slot =
            (shared.queue.reserve(class, Some(key), address)).map_err(|_lost| self.busy(source))?;
        Ok(Admitted {
            charge,
            counter,
            slot,
        })
    }

    /// Tells the throttle of a right password, and gives a device token where one was asked for and none is valid, or the one
    /// that was sent is of an older server secret.
    async fn succeed(
        &self,
        charge: Charge<'_, T>,
        attempt: &Attempt,
        counter: &Counter,
        account: &Account<S::User>,
        sent: Option<&DeviceToken>,
    ) -> Result<Option<DeviceToken>, ThrottleError> {
        let shared = &*self.shared;
        let (token, device) = shared
            .throttle
            .server_secret()
            .filter(|secret| {
                let is_good = matches!(counter, Counter::Device { .. });
                sent.is_some_and(|token| !is_good || !token.is_current(secret))
            })
            .and_then(|secret| DeviceToken::issue(secret, &attempt.login))
            .unzip();
        let success = Success::new(&account.id, account.epoch).new_device(device);
        charge.success(success).await?;
        shared.recent.note_address(attempt, true);
        Ok(token)
    }

    async fn find(
        &self,
        login: &str,
        source: Option<IpAddr>,
    ) -> Result<Option<Account<S::User>>, SignInError> {
        let login = login.trim();
        if login.len() > MAX_LOGIN_BYTES || !user::is_clean(login) {
            return Ok(None);
        }
        (self.shared.store.find_by_login(login).await)
            .map_err(|error| self.unavailable(source, error))
    }

    /// Replaces an outdated hash. Whatever goes wrong, the user is signed in.
    async fn rehash(&self, account: &Account<S::User>, password: Password) {
        let (id, observer) = (&account.id, &self.shared.observer);
        let Some(old) = &account.password_hash else {
            return;
        };
        match self.hash_password_of(id, password).await {
            Err(error) => observer.observe(Event::RehashFailed { id, error: &error }),
            Ok(new) => match self.shared.store.replace_password_hash(id, old, &new).await {
                Ok(true) => observer.observe(Event::Rehashed { id }),
                // The password was changed meanwhile: that hash is newer than ours.
                Ok(false) => {}
                Err(error) => observer.observe(Event::RehashFailed { id, error: &error }),
            },
        }
    }

    fn busy(&self, source: Option<IpAddr>) -> SignInError {
        let (id, reason) = (None, RefusedBecause::Busy);
        let event = Event::Refused { id, source, reason };
        self.shared.observer.observe(event);
        SignInError::Busy
    }

    fn unavailable(
        &self,
        source: Option<IpAddr>,
        error: impl core::error::Error + Send + Sync + 'static,
    ) -> SignInError {
        let event = Event::Unavailable {
            source,
            error: &error,
        };
        self.shared.observer.observe(event);
        SignInError::Unavailable(Box::new(error))
    }

    fn throttle_error(
        &self,
        error: ThrottleError,
        id: Option<&UserId>,
        source: Option<IpAddr>,
    ) -> SignInError {
        match error {
            ThrottleError::Limited { retry_after } => {
                let reason = RefusedBecause::Throttled;
                let event = Event::Refused { id, source, reason };
                self.shared.observer.observe(event);
                SignInError::Throttled { retry_after }
            }
            ThrottleError::Busy => self.busy(source),
            ThrottleError::Unavailable(error) => {
                let event = Event::Unavailable {
                    source,
                    error: &*error,
                };
                self.shared.observer.observe(event);
                SignInError::Unavailable(error)
            }
        }
    }
}
