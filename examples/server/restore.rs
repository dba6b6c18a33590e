//! `server restore FILE`: a backup takes the place of the SQLite database, in one step, while no server has it open.

use crate::backup::{beside, check, connect, failed, folder, must_exist, sync_folder};
use crate::config::ConfigError;
use crate::storage::database_file;
use crate::{Failure, open, say};
use portcullis::directory::UserDirectory as _;
use sqlx::Connection as _;
use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::macros::format_description;

/// Puts a copy of the backup in the database's place. What was there is kept beside it under a name with the date.
pub(crate) async fn run(
    from: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let database = database_file(
        &variable,
        "users are on Supabase: restore them with the database's own means",
    )?;
    let database = std::path::absolute(database)?;
    let users = check(from).await?;

    // All that can fail for want of space or rights, or since the copy is no good, comes before anything is replaced.
    let prepared = tempfile::Builder::new()
        .prefix(".unfinished-restore-")
        .tempdir_in(folder(&database))
        .map_err(|error| failed("can't write beside", &database, &error))?;
    let new = prepared.path().join("new.db");
    prepare(from, &new).await?;

    let kept = if database.symlink_metadata().is_ok() {
        must_exist(&database)?;
        Some(replace(&database, &new).await?)
    } else {
        // Without its database, a write-ahead log would be read into the new one.
        set_aside(&database, &dated(&database)?)?;
        // Not over a file that a server has made meanwhile.
        fs::hard_link(&new, &database).map_err(|error| failed("can't make", &database, &error))?;
        None
    };
    sync_folder(&database)?;
    say(&format!("{users} users are in {}", database.display()))?;
    match kept {
        Some(kept) => say(&format!("what was there before is in {}", kept.display())),
        None => Ok(()),
    }
}

/// Makes a private copy of the backup that the server can open, its tables up to date and all of it on disk.
async fn prepare(from: &Path, new: &Path) -> Result<(), Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::copy(&mut File::open(from)?, &mut options.open(new)?)?;
    check(new).await?;
    let store = open(new).await?;
    store.ping().await?;
    store.close().await;
    if beside(new, "-wal").exists() {
        return Err(ConfigError::new("the copy of the backup could not be closed").into());
    }
    Ok(File::open(new)?.sync_all()?)
}

/// Keeps the old database under another name, tells which, and puts the new one in its place.
async fn replace(database: &Path, new: &Path) -> Result<PathBuf, Failure> {
    let in_use = || {
        ConfigError::new(format!(
            "{} is in use: stop the servers first, nothing was changed",
            database.display()
        ))
    };
    fold(database, in_use).await?;
    let mut old = File::options()
        .read(true)
        .write(true)
        .open(database)
        .map_err(|error| failed("can't write", database, &error))?;
    if !lock(&old) || !is_still(database, &old)? {
        return Err(in_use().into());
    }

    // A copy and not the file itself: see `spoil`. Read through the locked handle, since closing any other on the same file
    // would end the lock, as POSIX has it.
    let dated = dated(database)?;
    let mut copy = tempfile::NamedTempFile::new_in(folder(new))?;
    io::copy(&mut old, &mut copy)?;
    copy.as_file().sync_all()?;
    copy.persist_noclobber(&dated)
        .map_err(|error| failed("can't write", &dated, &error.error))?;
    set_aside(database, &dated)?;
    sync_folder(&dated)?;

    keep_owner(&old, new)?;
    fs::rename(new, database).map_err(|error| failed("can't replace", database, &error))?;
    sync_folder(database)?;
    spoil(&mut old)?;
    Ok(dated)
}

/// Brings what is in the write-ahead log into the database. SQLite does it for the only one who has the database open.
///
/// A damaged database is left as it is: it is the reason for many a restore.
async fn fold(database: &Path, in_use: impl Fn() -> ConfigError) -> Result<(), ConfigError> {
    let Ok(mut connection) = connect(database).await else {
        return Ok(());
    };
    let mode: Result<String, sqlx::Error> = sqlx::query_scalar("PRAGMA journal_mode = DELETE")
        .fetch_one(&mut connection)
        .await;
    drop(connection.close().await);
    let is_locked = match mode {
        Ok(mode) => mode != "delete",
        Err(error) => is_busy(&error),
    };
    if is_locked { Err(in_use()) } else { Ok(()) }
}

/// `SQLITE_BUSY`, of whatever kind: that stands above the lowest byte.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = (error.as_database_error()).and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Locks the file against every SQLite: those who have the database open hold locks on parts of it. Works on what is damaged.
#[cfg(unix)]
fn lock(file: &File) -> bool {
    rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Windows replaces no file that somebody has open.
#[cfg(not(unix))]
fn lock(_file: &File) -> bool {
    true
}

/// Whether the path still leads to this file: another restore may have been faster.
#[cfg(unix)]
fn is_still(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (there, here) = (path.metadata()?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

#[cfg(not(unix))]
fn is_still(_path: &Path, _file: &File) -> io::Result<bool> {
    Ok(true)
}

/// Whoever runs this may be another user than the server.
#[cfg(unix)]
fn keep_owner(old: &File, new: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (before, after) = (old.metadata()?, new.metadata()?);
    if (before.uid(), before.gid()) != (after.uid(), after.gid()) {
        chown(new, Some(before.uid()), Some(before.gid()))?;
    }
    fs::set_permissions(new, before.permissions())
}

#[cfg(not(unix))]
fn keep_owner(_old: &File, _new: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the old file, which has no name any more, useless for a server that opened it a moment before and waits for the
/// lock. It would write to that file, and its write-ahead log would be taken for the new one's: it then refuses to start.
fn spoil(old: &mut File) -> io::Result<()> {
    old.rewind()?;
    old.write_all(&[b'-'; 100])
}

/// Takes away what SQLite kept beside the old database, so that it is not read into the new one.
fn set_aside(database: &Path, dated: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-journal"] {
        let file = beside(database, suffix);
        if file.exists() {
            // Only beside a damaged database is anything left in it.
            fs::rename(file, beside(dated, suffix))?;
        }
    }
    match fs::remove_file(beside(database, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn dated(database: &Path) -> Result<PathBuf, Failure> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let now = OffsetDateTime::now_utc().format(&format)?;
    Ok(beside(database, &format!(".before-restore-{now}")))
}
