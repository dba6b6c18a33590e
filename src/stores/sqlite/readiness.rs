//! Whether the database can still be written, and still is the file that was opened.

use super::SqliteError;
use super::write::{WriteKind, WriteQueue};
use core::error::Error;
use core::time::Duration;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Executor as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::Mutex;

/// How long the outcome of a check holds.
const FRESH: Duration = Duration::from_secs(1);

type Cause = Arc<dyn Error + Send + Sync>;
type Outcome = Result<(), Cause>;

/// Checks a database at most once a second, however many ask.
#[derive(Clone)]
pub(super) struct Readiness {
    file: Arc<DatabaseFile>,
    last: Arc<Mutex<Option<(Instant, Outcome)>>>,
}

impl Readiness {
    /// Takes down which file is open. The database must have been opened, or this is done at the first check.
    pub(super) fn new(options: &SqliteConnectOptions) -> Self {
        let file = DatabaseFile::new(options.get_filename());
        // Without a file, in memory, there is nothing to take down.
        drop(file.check());
        Self {
            file: Arc::new(file),
            last: Arc::default(),
        }
    }

    /// Checks the database, or gives the outcome of a check within the last second. Calls that meet share one check.
    pub(super) async fn check(
        &self,
        writes: &WriteQueue,
        pool: &SqlitePool,
    ) -> Result<(), SqliteError> {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < FRESH
        {
            return outcome.clone().map_err(SqliteError::new);
        }
        let (file, writes, pool) = (Arc::clone(&self.file), writes.clone(), pool.clone());
        // In a task, which goes on when the caller gives up: its last step restores the connection.
        let checking = tokio::spawn(async move {
            let outcome = check(&file, &writes, &pool).await;
            *last = Some((Instant::now(), outcome.clone()));
            outcome
        });
        let outcome = checking.await.map_err(SqliteError::new)?;
        outcome.map_err(SqliteError::new)
    }
}

async fn check(file: &DatabaseFile, writes: &WriteQueue, pool: &SqlitePool) -> Outcome {
    file.check().map_err(|error| -> Cause { Arc::new(error) })?;
    let written = write(writes, pool).await;
    // Its cause alone: the error that is made of this names the file.
    written.map_err(|error| error.cause.into())
}

/// Writes to the disk in a transaction, and rolls it back.
///
/// SQLite writes pages when it commits, or before that when its cache is full: so here the cache holds one page. What is
/// written, 16 pages of the usual size, is more than creating a user takes.
async fn write(writes: &WriteQueue, pool: &SqlitePool) -> Result<(), SqliteError> {
    let mut transaction = writes.begin(WriteKind::Users, pool).await?;
    let cache_size: i64 = sqlx::query_scalar("PRAGMA cache_size")
        .fetch_one(&mut *transaction)
        .await?;
    let written = (&mut *transaction).execute(
        "PRAGMA cache_size = 1; \
         CREATE TABLE portcullis_write_check (bytes BLOB); \
         INSERT INTO portcullis_write_check VALUES (randomblob(65536))",
    );
    let written = written.await;
    let restore = AssertSqlSafe(format!("PRAGMA cache_size = {cache_size}"));
    (&mut *transaction).execute(restore).await?;
    written?;
    transaction.rollback().await
}

/// The file that is open, to be told from another of its name.
struct DatabaseFile {
    path: PathBuf,
    id: OnceLock<FileId>,
}

/// SQLite goes on with a file that is deleted or replaced under it: what it answers then is lost.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("the database file {0:?} was deleted or moved; restore it and restart")]
    Gone(PathBuf),
    #[error("the database file {0:?} was replaced by another; restart to use that")]
    Replaced(PathBuf),
    #[error("the database file {0:?} can't be looked at")]
    Unknown(PathBuf, #[source] io::Error),
}

impl DatabaseFile {
    fn new(path: &Path) -> Self {
        Self {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            id: OnceLock::new(),
        }
    }

    fn check(&self) -> Result<(), FileError> {
        match (self.id.get(), file_id(&self.path)) {
            (None, Ok(found)) => {
                self.id.get_or_init(|| found);
                Ok(())
            }
            // In memory, or not created yet.
            (None, Err(_)) => Ok(()),
            (Some(opened), Ok(found)) if *opened == found => Ok(()),
            (Some(_), Ok(_)) => Err(FileError::Replaced(self.path.clone())),
            (Some(_), Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err(FileError::Gone(self.path.clone()))
            }
            (Some(_), Err(error)) => Err(FileError::Unknown(self.path.clone(), error)),
        }
    }
}

/// Device and inode. Elsewhere than on Unix, where an open file can't be replaced, whether there is a file.
#[cfg(unix)]
type FileId = (u64, u64);
#[cfg(not(unix))]
type FileId = ();

#[cfg(unix)]
fn file_id(path: &Path) -> io::Result<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|_| ())
}
