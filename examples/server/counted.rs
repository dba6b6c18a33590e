//! Where failed sign-ins are counted: in this process, or in the database that several servers share.

use crate::config::ConfigError;
use crate::storage::Storage;
use portcullis::stores::supabase::SupabaseThrottle;
use portcullis::throttle::{AttemptKey, MemoryThrottle, Throttle, ThrottleError};
use std::sync::Arc;

/// The throttle that goes with the store.
#[derive(Clone, Debug)]
pub(crate) enum Counted {
    /// One server on a file of its own: in memory.
    Here(Arc<MemoryThrottle>),
    /// Any number of servers on one database: there.
    There(Arc<SupabaseThrottle>),
}

impl Counted {
    /// Chooses by the store. Names are counted under hashes that are keyed by `SECRET_KEY`, which servers share.
    pub(crate) fn beside(storage: &Storage, secret: Option<&str>) -> Result<Self, ConfigError> {
        match (storage, secret) {
            (Storage::Supabase(store), Some(secret)) => {
                SupabaseThrottle::new(store, secret.as_bytes())
                    .map(|throttle| Self::There(Arc::new(throttle)))
                    .map_err(|_| ConfigError::new("SECRET_KEY must have at least 32 bytes"))
            }
            _ => Ok(Self::Here(Arc::default())),
        }
    }
}

impl Throttle for Counted {
    async fn attempt(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        match self {
            Self::Here(throttle) => throttle.attempt(key).await,
            Self::There(throttle) => throttle.attempt(key).await,
        }
    }

    async fn failed(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        match self {
            Self::Here(throttle) => throttle.failed(key).await,
            Self::There(throttle) => throttle.failed(key).await,
        }
    }

    async fn succeeded(&self, key: &AttemptKey) -> Result<(), ThrottleError> {
        match self {
            Self::Here(throttle) => throttle.succeeded(key).await,
            Self::There(throttle) => throttle.succeeded(key).await,
        }
    }
}
