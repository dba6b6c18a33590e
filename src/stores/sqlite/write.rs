//! The writes of this process: one at a time, and those of each kind in turn with the others.

use super::SqliteError;
use super::open::PATIENCE;
use core::ops::{Deref, DerefMut};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteTransaction};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a write is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum WriteKind {
    /// Users.
    Users,
    /// Attempts of devices and known addresses, and right passwords.
    KnownAttempts,
    /// All other attempts.
    Attempts,
}

/// Where writes wait for the database's one write lock.
///
/// SQLite lets its waiters sleep and try again, so that they can be overtaken until their time is up. This queue is fair: of
/// each kind one write at a time waits for the lock, so that a flood of one kind delays a write of another by two at most.
#[derive(Clone, Debug)]
pub(super) struct WriteQueue {
    kinds: [Arc<Semaphore>; 3],
    lock: Arc<Semaphore>,
}

/// A transaction that holds the write lock from its beginning: what it reads can't be changed by anybody before it
/// writes. Dropped before it is committed, it undoes itself.
pub(super) struct Write {
    transaction: SqliteTransaction<'static>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl WriteQueue {
    pub(super) fn new() -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self {
            kinds: [one(), one(), one()],
            lock: one(),
        }
    }

    /// Starts a transaction when it is this one's turn.
    pub(super) async fn begin(
        &self,
        kind: WriteKind,
        pool: &SqlitePool,
    ) -> Result<Write, SqliteError> {
        let [users, known_attempts, attempts] = &self.kinds;
        let queue = match kind {
            WriteKind::Users => users,
            WriteKind::KnownAttempts => known_attempts,
            WriteKind::Attempts => attempts,
        };
        let permits = async {
            let queue = Arc::clone(queue).acquire_owned().await?;
            let lock = Arc::clone(&self.lock).acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>([lock, queue])
        };
        let permits = tokio::time::timeout(PATIENCE, permits)
            .await
            .map_err(|_| SqliteError::new("other writes took too long"))?
            .map_err(SqliteError::new)?;
        Ok(Write {
            transaction: pool.begin_with("BEGIN IMMEDIATE").await?,
            _permits: permits,
        })
    }
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), SqliteError> {
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}
