//! The writes of this process: one at a time, those of users and those of sign-in attempts in turn.

use super::SqliteError;
use super::open::PATIENCE;
use core::ops::{Deref, DerefMut};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteTransaction};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where writes of one kind wait for the database's one write lock.
///
/// SQLite lets its waiters sleep and try again, so that they can be overtaken until their time is up. These queues are fair:
/// a flood of sign-in attempts delays a write of the store by one attempt at most, and the other way round.
#[derive(Clone, Debug)]
pub(super) struct WriteQueue {
    queue: Arc<Semaphore>,
    lock: Arc<Semaphore>,
}

/// A transaction that holds the write lock from its beginning: what it reads can't be changed by anybody before it
/// writes. Dropped before it is committed, it undoes itself.
pub(super) struct Write {
    transaction: SqliteTransaction<'static>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl WriteQueue {
    /// The queues of two kinds of writes.
    pub(super) fn pair() -> (Self, Self) {
        let lock = Arc::new(Semaphore::new(1));
        let queue = |lock| Self {
            queue: Arc::new(Semaphore::new(1)),
            lock,
        };
        (queue(Arc::clone(&lock)), queue(lock))
    }

    /// Starts a transaction when it is this one's turn. The pool gives at most one connection at a time to a queue.
    pub(super) async fn begin(&self, pool: &SqlitePool) -> Result<Write, SqliteError> {
        let permits = async {
            let queue = Arc::clone(&self.queue).acquire_owned().await?;
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
