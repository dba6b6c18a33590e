//! `server restore`: which file it replaces, and whose the files are afterwards.

use super::super::program::finish;
use super::{ADMIN, DATABASE, connect, create, emails, found, refused, said, server};
use sqlx::Connection as _;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use tempfile::TempDir;

const OLD: &str = "users.db.before-restore-";

/// A folder with a database of two users, and a backup of one, `copy.db`.
fn with_backup() -> TempDir {
    let program = server(TempDir::new().unwrap());
    let place = program.place.path();
    said(&finish(place, &["backup", "copy.db"], &DATABASE));
    create(&program, "later@example.com");
    program.kill()
}

#[tokio::test]
async fn a_database_behind_a_symbolic_link_is_replaced_where_it_is() {
    let place = with_backup();
    let folder = place.path();
    let other = TempDir::new().unwrap();
    let link = other.path().join("link.db");
    symlink(folder.join("users.db"), &link).unwrap();
    let variables = [("DATABASE", link.to_str().unwrap())];
    said(&finish(folder, &["restore", "copy.db"], &variables));
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    assert_eq!(emails(&folder.join("users.db")).await, [ADMIN.0]);
    assert_eq!(emails(&found(folder, OLD).unwrap()).await.len(), 2);
}

/// Whether this user may give files away.
fn may_chown(file: &Path) -> bool {
    chown(file, Some(1234), Some(1234)).is_ok()
}

#[tokio::test]
async fn a_restore_as_root_leaves_both_databases_to_their_owner() {
    let place = with_backup();
    let folder = place.path();
    if !may_chown(&folder.join("users.db")) {
        return;
    }
    said(&finish(folder, &["restore", "copy.db"], &DATABASE));
    for file in [folder.join("users.db"), found(folder, OLD).unwrap()] {
        let owner = file.metadata().unwrap();
        assert_eq!(
            (owner.uid(), owner.gid()),
            (1234, 1234),
            "{}",
            file.display()
        );
        assert_eq!(owner.mode() & 0o777, 0o600);
    }
}

#[test]
fn a_backup_that_cannot_be_read_is_not_called_something_else() {
    let place = with_backup();
    let backup = place.path().join("copy.db");
    fs::set_permissions(&backup, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    if File::open(&backup).is_err() {
        let error = refused(&finish(place.path(), &["restore", "copy.db"], &DATABASE));
        assert!(
            error.contains("can't read copy.db: Permission denied"),
            "{error}"
        );
    }
    // Nothing is at the start of a process's memory, for root either.
    if cfg!(target_os = "linux") {
        let memory = "/proc/self/mem";
        let error = refused(&finish(place.path(), &["restore", memory], &DATABASE));
        assert!(error.contains(&format!("can't read {memory}: ")), "{error}");
    }
}

#[tokio::test]
async fn a_backup_of_a_newer_program_is_refused_by_its_own_name() {
    let place = with_backup();
    let mut backup = connect(&place.path().join("copy.db")).await;
    sqlx::query("INSERT INTO portcullis_migrations VALUES (999)")
        .execute(&mut backup)
        .await
        .unwrap();
    backup.close().await.unwrap();
    let error = refused(&finish(place.path(), &["restore", "copy.db"], &DATABASE));
    assert!(
        error.starts_with("error: copy.db can't be used: ") && error.contains("newer version"),
        "{error}"
    );
    assert!(!error.contains("unfinished"), "{error}");
}
