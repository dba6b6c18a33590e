//! The writes of this process: one at a time, and those of each kind in turn with the others.

use super::SqliteError;
use super::open::PATIENCE;
use core::ops::{Deref, DerefMut};
use sqlx::Connection as _;
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
    /// Attempts that are given back.
    Refunds,
}

/// Where writes wait for the database's one write lock.
///
/// SQLite lets its waiters sleep and try again, so that they can be overtaken until their time is up. This queue is fair: of
/// each kind one write at a time waits for the lock, so that a flood of one kind delays a write of another by one at most.
#[derive(Clone, Debug)]
pub(super) struct WriteQueue {
    kinds: [Arc<Semaphore>; 4],
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
            kinds: [one(), one(), one(), one()],
            lock: one(),
        }
    }

    /// Starts a transaction when it is this one's turn.
    pub(super) async fn begin(
        &self,
        kind: WriteKind,
        pool: &SqlitePool,
    ) -> Result<Write, SqliteError> {
        let [users, known_attempts, attempts, refunds] = &self.kinds;
        let queue = match kind {
            WriteKind::Users => users,
            WriteKind::KnownAttempts => known_attempts,
            WriteKind::Attempts => attempts,
            WriteKind::Refunds => refunds,
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
            transaction: begin(pool).await?,
            _permits: permits,
        })
    }
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), SqliteError> {
        Ok(self.transaction.commit().await?)
    }

    /// Undoes it, and waits until that is done.
    pub(super) async fn rollback(self) -> Result<(), SqliteError> {
        Ok(self.transaction.rollback().await?)
    }
}

/// Starts a transaction, on a sound connection.
///
/// When the disk is full or fails, SQLite undoes the transaction by itself. sqlx does not notice: it takes the connection for one
/// within a transaction from then on, and refuses to start another. Such a connection is closed here, and the pool opens a new one.
async fn begin(pool: &SqlitePool) -> Result<SqliteTransaction<'static>, sqlx::Error> {
    for _ in 0..pool.size() {
        match pool.begin_with("BEGIN IMMEDIATE").await {
            Err(sqlx::Error::InvalidSavePointStatement) => {}
            begun => return begun,
        }
        let connection = pool.acquire().await?;
        if connection.is_in_transaction() {
            connection.close().await?;
        }
    }
    pool.begin_with("BEGIN IMMEDIATE").await
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn a_hundred_strangers_delay_each_other_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(folder.path().join("queue.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let (queue, order) = (WriteQueue::new(), Arc::new(Mutex::new(Vec::new())));
        let first = queue.begin(WriteKind::Attempts, &pool).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        let kinds = [(WriteKind::Attempts, 100), (WriteKind::Users, 1)];
        let kinds = kinds
            .into_iter()
            .chain([(WriteKind::KnownAttempts, 1), (WriteKind::Refunds, 1)]);
        for kind in kinds.flat_map(|(kind, count)| core::iter::repeat_n(kind, count)) {
            let (queue, pool, order) = (queue.clone(), pool.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let write = queue.begin(kind, &pool).await.unwrap();
                order.lock().unwrap().push(format!("{kind:?}"));
                write.commit().await.unwrap();
            });
            // So that they come in this order.
            tokio::task::yield_now().await;
        }
        first.commit().await.unwrap();
        tasks.join_all().await;
        let order = order.lock().unwrap();
        for kind in ["Users", "KnownAttempts", "Refunds"] {
            let at = order.iter().position(|one| one == kind).unwrap();
            assert!(at < 5, "{kind} came after {at} others: {order:?}");
        }
    }
}
