//! `server restore FILE`: replaces the SQLite database with a backup, in one step, while no server has it open.

use crate::backup::{
    beside, check, connect, database_file, failed, folder, must_exist, sync_folder,
};
use crate::config::ConfigError;
use crate::{Failure, say};
use core::error::Error as _;
use portcullis::ErrorChain;
use portcullis::directory::UserDirectory as _;
use portcullis::stores::sqlite::SqliteStore;
use sqlx::Connection as _;
use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::macros::format_description;

/// Replaces the database with a copy of the backup. The old database is kept beside it, under a name with the time.
pub(crate) async fn run(
    from: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let database = database_file(
        &variable,
        "users are on Supabase: restore them with the database's own means",
    )?;
    let database = if database.exists() {
        // The file itself, where this is a symbolic link to it: SQLite keeps its logs beside the file.
        fs::canonicalize(database)?
    } else {
        std::path::absolute(database)?
    };
    let users = check(from).await?;

    // Everything that can fail for lack of space or permissions comes before the database is replaced.
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
        // SQLite would replay a leftover write-ahead log into the new database.
        set_aside(&database, &dated(&database)?)?;
        // Unlike a rename, does not overwrite a database that a server has created meanwhile.
        fs::hard_link(&new, &database).map_err(|error| failed("can't make", &database, &error))?;
        None
    };
    sync_folder(&database)?;
    say(&format!("users in {}: {users}", database.display()))?;
    match kept {
        Some(kept) => say(&format!("what was there before is in {}", kept.display())),
        None => Ok(()),
    }
}

/// Copies the backup, migrates the copy as the server would, and syncs it to disk.
async fn prepare(from: &Path, new: &Path) -> Result<(), Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::copy(&mut File::open(from)?, &mut options.open(new)?)?;
    check(new).await?;
    let store = (SqliteStore::open(new).await).map_err(|error| {
        // Its own text names the copy.
        let cause = error
            .source()
            .map(|cause| ErrorChain::new(cause).to_string());
        ConfigError::new(format!(
            "{} can't be used: {}",
            from.display(),
            cause.unwrap_or_default()
        ))
    })?;
    store.ping().await?;
    store.close().await;
    if beside(new, "-wal").exists() {
        return Err(ConfigError::new("the copy of the backup could not be closed").into());
    }
    Ok(File::open(new)?.sync_all()?)
}

/// Replaces the database with `new`, and returns the path of the old one's copy.
async fn replace(database: &Path, new: &Path) -> Result<PathBuf, Failure> {
    let in_use = || {
        ConfigError::new(format!(
            "{} is in use: stop the servers first, nothing was changed",
            database.display()
        ))
    };
    checkpoint(database, in_use).await?;
    let mut old = File::options()
        .read(true)
        .write(true)
        .open(database)
        .map_err(|error| failed("can't write", database, &error))?;
    if !lock(&old) || !is_still(database, &old)? {
        return Err(in_use().into());
    }

    // A copy, since `invalidate` overwrites the file itself. Read through the locked handle: closing another handle of the
    // same file would release the lock (POSIX, `fcntl`).
    let dated = dated(database)?;
    let mut copy = tempfile::NamedTempFile::new_in(folder(new))?;
    io::copy(&mut old, &mut copy)?;
    keep_owner(&old, copy.as_file())?;
    copy.as_file().sync_all()?;
    copy.persist_noclobber(&dated)
        .map_err(|error| failed("can't write", &dated, &error.error))?;
    set_aside(database, &dated)?;
    sync_folder(&dated)?;

    keep_owner(&old, &open_itself(new)?)?;
    fs::rename(new, database).map_err(|error| failed("can't replace", database, &error))?;
    sync_folder(database)?;
    invalidate(&mut old)?;
    Ok(dated)
}

/// Moves the write-ahead log into the database and deletes it. SQLite refuses while another process has the database open.
///
/// Leaves a damaged database as it is.
async fn checkpoint(database: &Path, in_use: impl Fn() -> ConfigError) -> Result<(), ConfigError> {
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

/// Whether the primary result code, the lowest byte, is `SQLITE_BUSY`.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = (error.as_database_error()).and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Locks the whole file, unless another process has it open in SQLite and so holds a lock on a part of it. Works on a damaged
/// database too.
#[cfg(unix)]
fn lock(file: &File) -> bool {
    rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Windows does not replace a file that another process has open.
#[cfg(not(unix))]
fn lock(_file: &File) -> bool {
    true
}

/// Whether the path still names this file: another restore may have replaced it.
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

/// Opens a file that is no symbolic link: whoever put one in its place would be given the file behind it.
fn open_itself(file: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flag = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flag);
    }
    options.open(file)
}

/// Gives the new file the old one's owner and mode: the command may run as another user than the server.
#[cfg(unix)]
fn keep_owner(old: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (before, after) = (old.metadata()?, new.metadata()?);
    if (before.uid(), before.gid()) != (after.uid(), after.gid()) {
        fchown(new, Some(before.uid()), Some(before.gid()))?;
    }
    new.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_owner(_old: &File, _new: &File) -> io::Result<()> {
    Ok(())
}

/// Overwrites the header of the old file, which has no name any more.
///
/// A server that started during the restore may have opened the old file and be waiting for the lock. Without this, it would
/// use that file, with a write-ahead log under the new database's name. Now it fails to start.
fn invalidate(old: &mut File) -> io::Result<()> {
    old.rewind()?;
    old.write_all(&[b'-'; 100])
}

/// Renames or removes the files that SQLite kept beside the old database, so that it does not replay them into the new one.
fn set_aside(database: &Path, dated: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-journal"] {
        let file = beside(database, suffix);
        if file.exists() {
            // After a checkpoint there is none: it belongs to a damaged database, and goes with its copy.
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
