//! `server backup FILE`: copies the SQLite database while servers run and write, and checks the copy.
//!
//! Uses `VACUUM INTO`, which SQLite documents as an alternative to its backup API for a live database. It is one read
//! transaction: the copy is consistent, and writers do not wait for it. The backup API starts over when another process
//! writes, and sqlx offers it only through `unsafe`. A plain copy of the file lacks what is still in the write-ahead log.

use crate::config::ConfigError;
use crate::storage::Storage;
use crate::{Failure, say};
use core::time::Duration;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// How long to wait for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Copies the database into a new file. Only its owner can read it, since it contains password hashes.
pub(crate) async fn run(
    to: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let database = database_file(
        &variable,
        "users are on Supabase: back them up with the database's own means, such as Supabase's backups or pg_dump",
    )?;
    must_exist(&database)?;
    let to = std::path::absolute(to)?;
    let exists = || {
        ConfigError::new(format!(
            "{} exists already: a backup overwrites nothing",
            to.display()
        ))
    };
    if to.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    // Gets its name only when it is complete and checked.
    let unfinished = tempfile::Builder::new()
        .prefix(".unfinished-backup-")
        .tempfile_in(folder(&to))
        .map_err(|error| failed("can't write beside", &to, &error))?;
    copy(&database, unfinished.path()).await?;
    // `VACUUM INTO` does not.
    unfinished.as_file().sync_all()?;
    let users = check(unfinished.path()).await?;
    unfinished.persist_noclobber(&to).map_err(|error| {
        if error.error.kind() == ErrorKind::AlreadyExists {
            exists()
        } else {
            failed("can't write", &to, &error.error)
        }
    })?;
    sync_folder(&to)?;
    say(&format!("users in {}: {users}", to.display()))
}

/// Copies a database into an empty file.
async fn copy(database: &Path, into: &Path) -> Result<(), Failure> {
    let text = into
        .to_str()
        .ok_or_else(|| ConfigError::new("the backup's path must be Unicode text"))?;
    // Not through the store: it would migrate the tables, and a backup is made before a migration.
    let mut connection = connect(database).await?;
    sqlx::query("VACUUM INTO ?1")
        .bind(text)
        .execute(&mut connection)
        .await
        .map_err(|error| failed("can't copy", database, &error))?;
    connection.close().await?;
    Ok(())
}

/// The SQLite file; `otherwise` says what to do where users are on Supabase.
pub(crate) fn database_file(
    variable: &impl Fn(&str) -> Option<String>,
    otherwise: &str,
) -> Result<PathBuf, ConfigError> {
    match Storage::read(false, variable)? {
        Storage::File(path) => Ok(path),
        Storage::Supabase(_) | Storage::ThrowAway => Err(ConfigError::new(otherwise)),
    }
}

/// A connection to a database that must be there.
pub(crate) async fn connect(database: &Path) -> Result<SqliteConnection, ConfigError> {
    SqliteConnectOptions::new()
        .filename(std::path::absolute(database).unwrap_or_else(|_| database.to_owned()))
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .connect()
        .await
        .map_err(|error| failed("can't open", database, &error))
}

/// Checks that a file is an undamaged backup, without changing it, and returns how many users it contains.
pub(crate) async fn check(backup: &Path) -> Result<i64, Failure> {
    let wrong = |why: &str| ConfigError::new(format!("{} {why}", backup.display()));
    must_exist(backup)?;
    let mut head = [0; 20];
    let read = File::open(backup).and_then(|mut file| file.read_exact(&mut head));
    if let Err(error) = &read
        && error.kind() != ErrorKind::UnexpectedEof
    {
        return Err(failed("can't read", backup, error).into());
    }
    if read.is_err() || !head.starts_with(b"SQLite format 3\0") {
        return Err(wrong("is no SQLite database").into());
    }
    // File format version 2 means that a write-ahead log belongs to the file, and may contain writes that it lacks.
    if head.ends_with(&[2, 2]) || beside(backup, "-wal").exists() {
        return Err(wrong(
            "was copied from a running database and may lack its last writes: only take what server backup wrote",
        )
        .into());
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(backup)
        .read_only(true)
        // Creates no files beside it.
        .immutable(true)
        .connect()
        .await
        .map_err(|error| failed("can't open", backup, &error))?;
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await
        .map_err(|error| failed("can't read", backup, &error))?;
    if found != ["ok"] {
        return Err(wrong("is damaged: PRAGMA integrity_check does not say ok").into());
    }
    let users = sqlx::query_scalar("SELECT COUNT(*) FROM portcullis_users")
        .fetch_one(&mut connection)
        .await
        .map_err(|_| wrong("holds no table of users"))?;
    connection.close().await?;
    Ok(users)
}

/// Whether a database that the store has opened contains no user.
pub(crate) async fn is_empty(database: &Path) -> Result<bool, Failure> {
    let mut connection = connect(database).await?;
    let is_empty = sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM portcullis_users)")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(is_empty)
}

/// Refuses a missing file: SQLite would create it, and a mistyped name would look like an empty database.
pub(crate) fn must_exist(file: &Path) -> Result<(), ConfigError> {
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(ConfigError::new(format!("{} is no file", file.display()))),
        Err(error) => Err(failed("can't read", file, &error)),
    }
}

pub(crate) fn failed(what: &str, file: &Path, error: &dyn core::error::Error) -> ConfigError {
    ConfigError::new(format!("{what} {}: {error}", file.display()))
}

/// The path with a suffix, such as `-wal`.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The folder of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a file's new name durable.
pub(crate) fn sync_folder(file: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder(file))?.sync_all()?;
    }
    Ok(())
}
