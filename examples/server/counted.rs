//! Where failed sign-ins are counted: in this process, or in the database that several servers share.

use crate::config::ConfigError;
use crate::storage::Storage;
use portcullis::UserId;
use portcullis::opaque::ServerSecret;
use portcullis::stores::supabase::{SupabaseCharge, SupabaseThrottle};
use portcullis::throttle::{
    Acquired, Attempt, Forget, MemoryCharge, MemoryThrottle, Success, Throttle, ThrottleError,
};
use std::sync::Arc;

/// The throttle that goes with the store.
#[derive(Clone, Debug)]
pub(crate) enum Counted {
    /// One server on a file of its own: in memory.
    Here(Arc<MemoryThrottle>),
    /// Any number of servers on one database: there.
    There(Arc<SupabaseThrottle>),
}

/// What an attempt was charged for, there or here.
#[derive(Debug)]
pub(crate) enum Charge {
    Here(MemoryCharge),
    There(SupabaseCharge),
}

impl Counted {
    /// Chooses by the store. Names are counted under hashes that are keyed by `SECRET_KEY`, which servers share.
    pub(crate) fn beside(storage: &Storage, secret: Option<&str>) -> Result<Self, ConfigError> {
        match (storage, secret) {
            (Storage::Supabase(store), Some(secret)) => {
                let server_secret = ServerSecret::new(secret.as_bytes())
                    .map_err(|_| ConfigError::new("SECRET_KEY must have at least 32 bytes"))?;
                let throttle = SupabaseThrottle::new(store, server_secret)
                    // Servers of 0.1 count under this secret.
                    .legacy_secret(secret.as_bytes());
                Ok(Self::There(Arc::new(throttle)))
            }
            _ => Ok(Self::Here(Arc::default())),
        }
    }
}

impl Throttle for Counted {
    type Charge = Charge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        match self {
            Self::Here(throttle) => throttle.server_secret(),
            Self::There(throttle) => throttle.server_secret(),
        }
    }

    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<Charge>, ThrottleError> {
        match self {
            Self::Here(throttle) => Ok(wrap(throttle.acquire(attempt).await?, Charge::Here)),
            Self::There(throttle) => Ok(wrap(throttle.acquire(attempt).await?, Charge::There)),
        }
    }

    async fn success(&self, charge: &Charge, success: Success<'_>) -> Result<(), ThrottleError> {
        match (self, charge) {
            (Self::Here(throttle), Charge::Here(charge)) => throttle.success(charge, success).await,
            (Self::There(throttle), Charge::There(charge)) => {
                throttle.success(charge, success).await
            }
            _ => Ok(()),
        }
    }

    fn not_made(&self, charge: Charge) {
        match (self, charge) {
            (Self::Here(throttle), Charge::Here(charge)) => throttle.not_made(charge),
            (Self::There(throttle), Charge::There(charge)) => throttle.not_made(charge),
            _ => {}
        }
    }

    async fn forgive(
        &self,
        account: &UserId,
        logins: &[&str],
        what: Forget,
    ) -> Result<(), ThrottleError> {
        match self {
            Self::Here(throttle) => throttle.forgive(account, logins, what).await,
            Self::There(throttle) => throttle.forgive(account, logins, what).await,
        }
    }
}

fn wrap<C>(acquired: Acquired<C>, charge: impl FnOnce(C) -> Charge) -> Acquired<Charge> {
    let crowded_network = acquired.crowded_network;
    let mut wrapped = Acquired::new(charge(acquired.charge), acquired.counter, acquired.failures);
    wrapped.crowded_network = crowded_network;
    wrapped
}
