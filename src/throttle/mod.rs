//! [`Throttle`]: how often a password may be guessed, per account and per source address.

mod counters;
mod memory;

#[cfg(feature = "supabase")]
pub(crate) use counters::Limits;
pub use memory::MemoryThrottle;

use crate::user::Email;
use core::time::Duration;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Whom an attempt is aimed at and where it comes from.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AttemptKey {
    /// The login in one spelling: the canonical e-mail address, or the trimmed lower-case text.
    pub account: String,
    /// The source address, if the application knows one it can trust; of IPv6 only the /64 prefix, since a
    /// single host owns all of it.
    pub source: Option<IpAddr>,
}

impl AttemptKey {
    /// Brings a login and a source address into the form that counts.
    pub fn new(login: &str, source: Option<IpAddr>) -> Self {
        let account = match Email::parse(login) {
            Ok(email) => email.into(),
            Err(_) => login
                .trim()
                .chars()
                .take(crate::user::MAX_IDENTIFIER_CHARS)
                .collect::<String>()
                .to_lowercase(),
        };
        Self {
            account,
            source: source.map(network),
        }
    }
}

/// Somebody may have typed its password as its login: neither is shown.
impl core::fmt::Debug for AttemptKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AttemptKey")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

/// Why an attempt was not let through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThrottleError {
    /// Too many failures of late.
    #[error("too many failed sign-ins, try again later")]
    Limited {
        /// How long to wait until the next attempt counts. Never zero.
        retry_after: Duration,
    },
    /// The counters could not be asked. Nobody is let through then.
    #[error("the sign-in throttle is unavailable")]
    Unavailable(#[source] Box<dyn core::error::Error + Send + Sync>),
}

/// Counts failed sign-ins.
///
/// The verdict is what is counted, in one atomic step: [`failed`](Self::failed) and
/// [`succeeded`](Self::succeeded) refuse as [`attempt`](Self::attempt) does once the limit is reached, **also
/// when the password was right**. So of any number of parallel guesses no more verdicts get out than of
/// guesses made in a row, while any number of people (or one person's many devices) may sign in at the same
/// moment without being taken for an attack, as they would if attempts counted before they were judged.
pub trait Throttle: Send + Sync + 'static {
    /// Asked before any work is done: is an attempt let through now?
    fn attempt(&self, key: &AttemptKey) -> impl Future<Output = Result<(), ThrottleError>> + Send;

    /// Told that the password was wrong; counts it. `Limited` if the limit had been reached meanwhile.
    fn failed(&self, key: &AttemptKey) -> impl Future<Output = Result<(), ThrottleError>> + Send;

    /// Told that the password was right; forgets the account's failures. `Limited`, and nothing forgotten, if the
    /// limit had been reached meanwhile.
    fn succeeded(&self, key: &AttemptKey)
    -> impl Future<Output = Result<(), ThrottleError>> + Send;
}

impl<T: Throttle> Throttle for Arc<T> {
    fn attempt(&self, key: &AttemptKey) -> impl Future<Output = Result<(), ThrottleError>> + Send {
        T::attempt(self, key)
    }
    fn failed(&self, key: &AttemptKey) -> impl Future<Output = Result<(), ThrottleError>> + Send {
        T::failed(self, key)
    }
    fn succeeded(
        &self,
        key: &AttemptKey,
    ) -> impl Future<Output = Result<(), ThrottleError>> + Send {
        T::succeeded(self, key)
    }
}

/// Counts nothing and lets everything through, for applications that throttle in front of the server.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Unthrottled;

impl Throttle for Unthrottled {
    async fn attempt(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
    async fn failed(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
    async fn succeeded(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
}
