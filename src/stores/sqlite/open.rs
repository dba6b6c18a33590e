//! How an SQLite database is opened: privately, durably, with its tables in place.

use super::readiness::Readiness;
use super::write::WriteQueue;
use super::{Connections, InFile as _, SqliteError, SqliteStore};
use core::time::Duration;
use sqlx::Executor as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Connections for reading; writing has one of its own.
const READERS: u32 = 4;

/// How long a request waits for a connection, and a connection for a lock, before the store counts as down.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What brings the tables from each version to the next. Databases remember how many were run: a script that was
/// ever released is never changed, only followed by another.
const MIGRATIONS: [&str; 2] = [
    include_str!("migrations/1_users.sql"),
    include_str!("migrations/2_sign_in_protection.sql"),
];

impl SqliteStore {
    /// Opens the database in a file, creates it if there is none, and brings its tables up to date.
    ///
    /// A new file can be read and written by its owner only (mode 0600 on Unix; SQLite gives the files beside
    /// it the same mode). The mode of an existing file is left alone.
    ///
    /// # Errors
    /// [`SqliteError`] if the file can't be opened, is no database, or its tables can't be brought up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqliteError> {
        // An absolute path is never taken for `:memory:` or a `file:` URI, so a path is always a path.
        let path = std::path::absolute(path).map_err(SqliteError::new)?;
        create_privately(&path).map_err(|error| SqliteError::new(error).in_file(&path))?;
        Self::connect(SqliteConnectOptions::new().filename(path)).await
    }

    /// Opens a database file with connection options of your own, and brings its tables up to date.
    ///
    /// Set on top of `options`: write-ahead log, `synchronous = FULL` (what was answered survives a power cut),
    /// foreign keys checked, 5 s of waiting for a lock. For a database in memory there is
    /// [`MemoryStore`](crate::stores::memory::MemoryStore).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn connect(options: SqliteConnectOptions) -> Result<Self, SqliteError> {
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        // SQLite lets one write at a time. Writers that queue for the one connection are served in turn, while
        // writers that sleep on SQLite's lock can be passed by over and over, until their time is up.
        // It comes first: a file must be turned to the write-ahead log before anybody else has it open.
        let opened = async {
            let writer = pool(1, options.clone()).await?;
            migrate(&writer).await?;
            let attempts = pool_options(1)
                // Nothing tends this pool in the background: it connects at the first attempt.
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal));
            let reader = pool(READERS, options.clone().read_only(true)).await?;
            Ok(Self::over(reader, writer, attempts))
        };
        let opened: Result<Self, SqliteError> = opened.await;
        opened.map_err(|error| error.in_file(options.get_filename()))
    }

    /// Uses a pool of the application's, and tables whose names begin with `portcullis_` beside the application's own.
    ///
    /// The pool's settings are its owner's: the write-ahead log and a busy timeout are as advisable as in
    /// [`connect`](Self::connect), and `synchronous` must be `FULL` for users to survive a power cut. Call
    /// [`migrate`](Self::migrate) before the first use.
    pub fn with_pool(pool: SqlitePool) -> Self {
        Self::over(pool.clone(), pool.clone(), pool)
    }

    fn over(reader: SqlitePool, writer: SqlitePool, attempts: SqlitePool) -> Self {
        Self {
            connections: Arc::new(Connections {
                readiness: Readiness::new(&writer.connect_options()),
                reader,
                writer,
                attempts,
                writes: WriteQueue::new(),
            }),
        }
    }

    /// Creates the store's tables or brings them up to date; does nothing if they are.
    ///
    /// What was done is remembered in `portcullis_migrations`, apart from the application's migrations. It is
    /// one transaction: of several processes that start at once, one does the work and the others find it done.
    ///
    /// # Errors
    /// [`SqliteError`] if the database can't be written, or was made by a newer version of this crate.
    pub async fn migrate(&self) -> Result<(), SqliteError> {
        self.named(migrate(&self.connections.writer).await)
    }

    /// Closes all connections and waits until that is done. Calls still under way end first.
    pub async fn close(&self) {
        self.connections.reader.close().await;
        self.connections.attempts.close().await;
        // The last connection to close folds the write-ahead log into the database file.
        self.connections.writer.close().await;
    }
}

/// Connects once, and up to `size` times when asked to.
///
/// Of several who turn a new file to the write-ahead log at once, SQLite lets one and sends the others away without waiting,
/// whatever the timeout: waiting for each other, none would get on. So they come again.
async fn pool(size: u32, options: SqliteConnectOptions) -> Result<SqlitePool, SqliteError> {
    let begun = Instant::now();
    loop {
        match pool_options(size).connect_with(options.clone()).await {
            Err(error) if is_locked(&error) && begun.elapsed() < PATIENCE => {}
            pool => return Ok(pool?),
        }
    }
}

fn pool_options(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(PATIENCE)
        // A file does not hang up as a server does, and asking costs a quarter of a look-up.
        .test_before_acquire(false)
}

/// Whether somebody else has the database locked: `SQLITE_BUSY`, of whatever kind.
fn is_locked(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    let code = (error.as_database_error()).and_then(|error| error.code()?.parse::<i32>().ok());
    // The kind stands above the lowest byte.
    code.is_some_and(|code| code & 0xff == BUSY)
}

async fn migrate(pool: &SqlitePool) -> Result<(), SqliteError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    transaction
        .execute(
            "CREATE TABLE IF NOT EXISTS portcullis_migrations (version INTEGER NOT NULL PRIMARY KEY) STRICT",
        )
        .await?;
    let done: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM portcullis_migrations")
            .fetch_one(&mut *transaction)
            .await?;
    let mut latest = 0;
    for (version, script) in (1_i64..).zip(MIGRATIONS) {
        latest = version;
        if version > done {
            transaction.execute(script).await?;
            sqlx::query("INSERT INTO portcullis_migrations (version) VALUES (?1)")
                .bind(version)
                .execute(&mut *transaction)
                .await?;
        }
    }
    if done > latest {
        // Its tables may mean something else by now, so they are not touched.
        return Err(SqliteError::new(
            "the database is of a newer version of this crate",
        ));
    }
    Ok(transaction.commit().await?)
}

/// Makes an empty file only its owner can read, unless there is one. An empty file is an empty database.
fn create_privately(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only from here can the store's own connections be asked.
    #[tokio::test]
    async fn the_connections_are_as_durable_and_patient_as_promised() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("users.db"))
            .await
            .unwrap();
        let ask = async |pragma: &'static str| -> (i64, i64, i64) {
            let of = async |pool| sqlx::query_scalar(pragma).fetch_one(pool).await.unwrap();
            let (writer, reader) = (
                of(&store.connections.writer).await,
                of(&store.connections.reader).await,
            );
            (writer, reader, of(&store.connections.attempts).await)
        };
        let full_full_normal = (2, 2, 1);
        assert_eq!(ask("PRAGMA synchronous").await, full_full_normal);
        assert_eq!(ask("PRAGMA foreign_keys").await, (1, 1, 1));
        assert_eq!(ask("PRAGMA busy_timeout").await, (5000, 5000, 5000));
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&store.connections.writer)
            .await
            .unwrap();
        assert_eq!(mode, "wal");
        let write = store
            .connections
            .reader
            .execute("DELETE FROM portcullis_users")
            .await;
        assert!(write.is_err(), "readers cannot write");
    }

    #[tokio::test]
    async fn looking_somebody_up_reads_one_row_by_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("users.db"))
            .await
            .unwrap();
        for (statement, index) in [
            (
                "EXPLAIN QUERY PLAN SELECT epoch FROM portcullis_users WHERE id = ?1",
                "PRIMARY KEY",
            ),
            (
                "EXPLAIN QUERY PLAN SELECT epoch FROM portcullis_users WHERE email = ?1",
                "autoindex",
            ),
            (
                "EXPLAIN QUERY PLAN SELECT id FROM portcullis_users WHERE tenant_id IS ?1 ORDER BY created_at, id",
                "portcullis_users_in_order",
            ),
        ] {
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(statement)
                .bind("x")
                .fetch_all(&store.connections.reader)
                .await
                .unwrap();
            let steps: Vec<&str> = plan.iter().map(|step| step.3.as_str()).collect();
            assert!(
                steps.len() == 1 && steps[0].starts_with("SEARCH") && steps[0].contains(index),
                "{steps:?}"
            );
        }
    }
}
