//! [`SupabaseThrottle`]: failed sign-ins counted in the database, for all servers in front of it.

use super::client::Call;
use super::{BuildError, SupabaseError, SupabaseStore};
use crate::throttle::{AttemptKey, Limits, Throttle, ThrottleError};
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use serde::Serialize;

/// The shortest secret that names are hashed under: as long as the hash (RFC 2104 §3).
const MIN_SECRET_BYTES: usize = 32;

/// Counts failed sign-ins in the database: as [`MemoryThrottle`](crate::throttle::MemoryThrottle) does and with its
/// defaults, but for any number of servers, and across restarts.
///
/// Each verdict is counted in one atomic step, by the database's clock. Logins and addresses are stored as keyed
/// hashes only. What is forgotten is deleted along the way: counters last a day after the last failure, two
/// days from the 100th on, familiar places 30 days.
///
/// ```no_run
/// # async fn f(secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis::Authenticator;
/// use portcullis::stores::supabase::{SupabaseKey, SupabaseStore, SupabaseThrottle};
///
/// let key = SupabaseKey::new("sb_secret_...")?;
/// let users = SupabaseStore::builder("https://abcdefgh.supabase.co", key).build()?;
/// let throttle = SupabaseThrottle::new(&users, secret)?;
/// let authenticator = Authenticator::builder(users).throttle(throttle).build()?;
/// # Ok(())
/// # }
/// ```
pub struct SupabaseThrottle {
    store: SupabaseStore,
    limits: Limits,
    key: hmac::Key,
}

/// What the database's functions take. What is none is left out: PostgREST then uses the function's default.
#[derive(Serialize)]
struct Attempt {
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    limits: Counts,
}

#[derive(Serialize)]
struct Counts {
    account_failures: u32,
    address_failures: u32,
    /// Seconds.
    address_window: f64,
}

impl SupabaseThrottle {
    /// Counts in the store's database. All servers on it need the same `secret`, of 32 bytes or more: they find each
    /// other's counters by it. The secret that signs tokens will do; it is used apart from them.
    ///
    /// # Errors
    /// [`BuildError::ShortSecret`].
    pub fn new(store: &SupabaseStore, secret: &[u8]) -> Result<Self, BuildError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(BuildError::ShortSecret);
        }
        Ok(Self {
            store: store.clone(),
            limits: Limits::default(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        })
    }

    /// Sets how many failures in a row an account has before delays begin. Default: 10. More than 100 is 100.
    #[must_use]
    pub fn account_failures(mut self, failures: NonZeroU32) -> Self {
        self.limits = self.limits.account_failures(failures);
        self
    }

    /// Sets how many failures an address has within a window. Default: 100.
    #[must_use]
    pub fn address_failures(mut self, failures: NonZeroU32) -> Self {
        self.limits = self.limits.address_failures(failures);
        self
    }

    /// Sets how long an address's window is. Default: 15 minutes. Less than a second is a second.
    #[must_use]
    pub fn address_window(mut self, window: Duration) -> Self {
        self.limits = self.limits.address_window(window);
        self
    }

    fn arguments(&self, key: &AttemptKey) -> Attempt {
        let source = key.source.map(|source| source.to_string());
        let address = source.as_deref();
        Attempt {
            account: self.name("account", &[&key.account]),
            pair: address.map(|address| self.name("pair", &[&key.account, address])),
            address: address.map(|address| self.name("address", &[address])),
            limits: Counts {
                account_failures: self.limits.account_failures,
                // The database counts in signed numbers.
                address_failures: self.limits.address_failures.min(i32::MAX.unsigned_abs()),
                address_window: self.limits.address_window.as_secs_f64(),
            },
        }
    }

    /// A keyed hash of what is counted. Each part is followed by what stands in none, so that no two lists meet.
    fn name(&self, kind: &str, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in ["portcullis throttle", kind].iter().chain(parts) {
            context.update(part.as_bytes());
            context.update(&[0xff]);
        }
        format!(
            "{kind} {}",
            URL_SAFE_NO_PAD.encode_to_string(context.sign())
        )
    }

    /// Calls one of the functions: they answer null, or the seconds to wait.
    async fn call(&self, call: Result<Call<'_>, SupabaseError>) -> Result<(), ThrottleError> {
        let unavailable = |error: SupabaseError| ThrottleError::Unavailable(Box::new(error));
        let answer = self.store.client().send(call.map_err(unavailable)?).await;
        let wait = answer
            .and_then(|answer| answer.json::<Option<f64>>())
            .map_err(unavailable)?;
        match wait {
            None => Ok(()),
            Some(seconds) => Err(ThrottleError::Limited {
                retry_after: Duration::try_from_secs_f64(seconds)
                    .unwrap_or_default()
                    .max(Duration::from_millis(1)),
            }),
        }
    }
}

impl Throttle for SupabaseThrottle {
    async fn attempt(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let arguments = self.arguments(key);
        self.call(Call::question("rpc/portcullis_attempt", &[], &arguments))
            .await
    }

    async fn failed(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let arguments = self.arguments(key);
        self.call(Call::function("rpc/portcullis_failed", &[], &arguments))
            .await
    }

    async fn succeeded(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        let arguments = self.arguments(key);
        self.call(Call::function("rpc/portcullis_succeeded", &[], &arguments))
            .await
    }
}

impl fmt::Debug for SupabaseThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupabaseThrottle")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
