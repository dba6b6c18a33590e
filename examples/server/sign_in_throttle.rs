//! Where failed sign-ins are counted: in the database that keeps the users, so that a restart forgets nothing.

use crate::storage::Storage;
use portcullis::UserId;
use portcullis::opaque::ServerSecret;
use portcullis::stores::sqlite::{SqliteCharge, SqliteStore, SqliteThrottle};
use portcullis::stores::supabase::{SupabaseCharge, SupabaseThrottle};
use portcullis::throttle::{
    Acquired, Attempt, Forget, MemoryCharge, MemoryThrottle, Success, Throttle, ThrottleError,
};
use std::sync::Arc;

/// The throttle that goes with the store.
#[derive(Clone, Debug)]
pub(crate) enum SignInThrottle {
    /// In this process: for the demonstration.
    Memory(Arc<MemoryThrottle>),
    /// In the SQLite file.
    Sqlite(Arc<SqliteThrottle>),
    /// In the database that several servers share.
    Supabase(Arc<SupabaseThrottle>),
}

/// What an attempt was charged for, by the throttle's kind.
pub(crate) enum Charge {
    Memory(MemoryCharge),
    Sqlite(SqliteCharge),
    Supabase(SupabaseCharge),
}

impl SignInThrottle {
    /// Chooses by the configuration. An SQLite file has to be opened first: see [`SignInThrottle::sqlite`].
    pub(crate) fn beside(
        storage: &Storage,
        server_secret: &ServerSecret,
        secret_key: Option<&str>,
    ) -> Self {
        let Storage::Supabase(store) = storage else {
            return Self::Memory(Arc::default());
        };
        let mut throttle = SupabaseThrottle::new(store, server_secret.clone());
        if let Some(secret_key) = secret_key {
            // Version 0.1 counted under names keyed by SECRET_KEY.
            throttle = throttle.legacy_secret(secret_key.as_bytes());
        }
        Self::Supabase(Arc::new(throttle))
    }

    /// Counts in an SQLite file.
    pub(crate) fn sqlite(store: &SqliteStore, server_secret: &ServerSecret) -> Self {
        let throttle = SqliteThrottle::new(store, server_secret.clone());
        Self::Sqlite(Arc::new(throttle))
    }
}

/// Wraps what one of the throttles acquired.
fn wrap<C>(acquired: Acquired<C>, kind: fn(C) -> Charge) -> Acquired<Charge> {
    let mut wrapped = Acquired::new(kind(acquired.charge), acquired.counter, acquired.failures);
    wrapped.crowded_network = acquired.crowded_network;
    wrapped
}

impl Throttle for SignInThrottle {
    type Charge = Charge;

    fn server_secret(&self) -> Option<&ServerSecret> {
        match self {
            Self::Memory(throttle) => throttle.server_secret(),
            Self::Sqlite(throttle) => throttle.server_secret(),
            Self::Supabase(throttle) => throttle.server_secret(),
        }
    }

    async fn acquire(&self, attempt: &Attempt) -> Result<Acquired<Charge>, ThrottleError> {
        Ok(match self {
            Self::Memory(throttle) => wrap(throttle.acquire(attempt).await?, Charge::Memory),
            Self::Sqlite(throttle) => wrap(throttle.acquire(attempt).await?, Charge::Sqlite),
            Self::Supabase(throttle) => wrap(throttle.acquire(attempt).await?, Charge::Supabase),
        })
    }

    async fn success(&self, charge: &Charge, success: Success<'_>) -> Result<(), ThrottleError> {
        match (self, charge) {
            (Self::Memory(throttle), Charge::Memory(charge)) => {
                throttle.success(charge, success).await
            }
            (Self::Sqlite(throttle), Charge::Sqlite(charge)) => {
                throttle.success(charge, success).await
            }
            (Self::Supabase(throttle), Charge::Supabase(charge)) => {
                throttle.success(charge, success).await
            }
            // A charge comes back to the throttle that made it.
            _ => Err(ThrottleError::Unavailable(
                "another throttle's charge".into(),
            )),
        }
    }

    fn not_made(&self, charge: Charge) {
        match (self, charge) {
            (Self::Memory(throttle), Charge::Memory(charge)) => throttle.not_made(charge),
            (Self::Sqlite(throttle), Charge::Sqlite(charge)) => throttle.not_made(charge),
            (Self::Supabase(throttle), Charge::Supabase(charge)) => throttle.not_made(charge),
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
            Self::Memory(throttle) => throttle.forgive(account, logins, what).await,
            Self::Sqlite(throttle) => throttle.forgive(account, logins, what).await,
            Self::Supabase(throttle) => throttle.forgive(account, logins, what).await,
        }
    }
}
