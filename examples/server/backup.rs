//! `server backup FILE`: a whole and checked copy of the SQLite database, taken while servers run and write.
//!
//! By SQLite's `VACUUM INTO`: one read transaction, so the copy is the database of one moment, and nobody's writes wait
//! for it. (SQLite's backup API would do too, but starts over whenever another process writes, and sqlx does not offer
//! it.) A copy of the file alone would lack what is still in the write-ahead log beside it, and be whole to all appearance.

use crate::config::ConfigError;
use crate::storage::database_file;
use crate::{Failure, say};
use core::time::Duration;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How long to wait for somebody else's lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Copies the database into a new file, which nobody but its owner can read: hashes of passwords are in it.
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
            "{} is there already: a backup overwrites nothing",
            to.display()
        ))
    };
    if to.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    // Under another name until it is whole and checked, so that a file of this name is a good backup.
    let unfinished = tempfile::Builder::new()
        .prefix(".unfinished-backup-")
        .tempfile_in(folder(&to))
        .map_err(|error| failed("can't write beside", &to, &error))?;
    copy(&database, unfinished.path()).await?;
    // SQLite does not do that for a copy.
    unfinished.as_file().sync_all()?;
    let users = check(unfinished.path()).await?;
    unfinished.persist_noclobber(&to).map_err(|error| {
        if error.error.kind() == std::io::ErrorKind::AlreadyExists {
            exists()
        } else {
            failed("can't write", &to, &error.error)
        }
    })?;
    sync_folder(&to)?;
    say(&format!("{users} users are in {}", to.display()))
}

/// Brings a database, of one moment, into an empty file.
async fn copy(database: &Path, into: &Path) -> Result<(), Failure> {
    let text = into
        .to_str()
        .ok_or_else(|| ConfigError::new("the backup's path must be Unicode text"))?;
    // Not by the store, which would bring tables up to date: a backup comes before an upgrade.
    let mut connection = connect(database).await?;
    sqlx::query("VACUUM INTO ?1")
        .bind(text)
        .execute(&mut connection)
        .await
        .map_err(|error| failed("can't copy", database, &error))?;
    connection.close().await?;
    Ok(())
}

/// A connection to a database that must be there.
pub(crate) async fn connect(database: &Path) -> Result<SqliteConnection, ConfigError> {
    SqliteConnectOptions::new()
        .filename(std::path::absolute(database).unwrap_or_else(|_| database.to_owned()))
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .connect()
        .await
        .map_err(|error| failed("can't open", database, &error))
}

/// Tells how many users are in a backup, if it is one and it is undamaged. It is only read.
pub(crate) async fn check(backup: &Path) -> Result<i64, Failure> {
    let wrong = |why: &str| ConfigError::new(format!("{} {why}", backup.display()));
    must_exist(backup)?;
    let mut head = [0; 20];
    let read = File::open(backup).and_then(|mut file| file.read_exact(&mut head));
    if read.is_err() || !head.starts_with(b"SQLite format 3\0") {
        return Err(wrong("is no SQLite database").into());
    }
    // File format versions: 2 means that a write-ahead log belongs to it, and may hold what this file lacks.
    if head.ends_with(&[2, 2]) || beside(backup, "-wal").exists() {
        return Err(wrong(
            "was copied from a running database and may lack its last writes: only take what server backup wrote",
        )
        .into());
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(backup)
        .read_only(true)
        // Nobody else writes it, and no other file is made beside it.
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

/// SQLite would make a file that is not there, and a typing error in its name would look like a loss of all users.
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

/// The file that SQLite keeps beside a database: its name with something behind.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where a file is.
pub(crate) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a file's new name survive a power cut, on systems where a folder can be asked that.
pub(crate) fn sync_folder(file: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(folder(file))?.sync_all()?;
    }
    Ok(())
}
