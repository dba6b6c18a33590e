//! [`SqliteStore`]: users in an SQLite database, one file beside your program or a pool you have already.

mod changes;
mod open;
mod readiness;
mod rows;
mod throttle;
mod write;

pub use throttle::{SqliteCharge, SqliteThrottle};

use super::identifiers::{MAX_LISTED, describe_unclean};
use crate::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use crate::password::PasswordHash;
use crate::store::{Account, UserStore};
use crate::user::{Email, Role, TenantId, User, UserId};
use core::fmt;
use readiness::Readiness;
use sqlx::sqlite::SqlitePool;
use std::path::Path;
use std::sync::Arc;
use write::WriteQueue;

/// Keeps users in an SQLite database. Cheap to clone; clones share the connections.
///
/// ```
/// use portcullis::directory::{NewUser, UserDirectory};
/// use portcullis::stores::sqlite::SqliteStore;
/// use portcullis::UserStore;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("users.db");
/// let users = SqliteStore::open(&path).await?;
/// let anna = users.create(NewUser::new("anna@example.com".parse()?)).await?;
/// assert!(users.find_by_id(&anna.id).await?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// A call that was answered is on disk: a crash of the program or a power cut does not undo it.
#[derive(Clone)]
pub struct SqliteStore {
    connections: Arc<Connections>,
}

struct Connections {
    reader: SqlitePool,
    writer: SqlitePool,
    /// For [`SqliteThrottle`].
    attempts: SqlitePool,
    writes: WriteQueue,
    readiness: Readiness,
}

/// The database could not be asked, or holds what is no user.
///
/// Its text names the database's file if it is known, and its `source()` says why: [`ErrorChain`](crate::ErrorChain) writes both to
/// your log. Neither shows a statement or a stored value.
#[derive(Debug)]
pub struct SqliteError {
    file: Option<Box<Path>>,
    cause: Box<dyn core::error::Error + Send + Sync>,
}

impl SqliteError {
    fn new(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self {
            file: None,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the sqlite database {} failed", file.display()),
            None => f.write_str("the sqlite database failed"),
        }
    }
}

impl core::error::Error for SqliteError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&*self.cause)
    }
}

impl From<sqlx::Error> for SqliteError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error)
    }
}

/// An error that can name the file it concerns.
trait InFile {
    fn in_file(self, file: &Path) -> Self;
}

impl InFile for SqliteError {
    fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.into());
        self
    }
}

impl InFile for DirectoryError<SqliteError> {
    fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.in_file(file)),
            other => other,
        }
    }
}

impl SqliteStore {
    /// Lists stored ids, roles and tenants that could not be created today, a sentence each and at most 100: with
    /// invisible characters, or with white space at an end.
    ///
    /// They were written by an older release or another program. They stay readable, but no token can be issued for such
    /// an id, and two of them that look alike are two. Call it at the start, and log what it lists as warnings. It reads
    /// the whole table once, and changes nothing.
    ///
    /// # Errors
    /// [`SqliteError`] if the database can't be read.
    pub async fn check_identifiers(&self) -> Result<Vec<String>, SqliteError> {
        let mut listed = Vec::new();
        let mut after = String::new();
        while listed.len() < MAX_LISTED {
            let rows = rows::suspect_identifiers(&self.connections.reader, &after).await;
            let rows = self.named(rows)?;
            let Some((last, ..)) = rows.last() else { break };
            after.clone_from(last);
            for (id, role, tenant_id) in &rows {
                listed.extend(describe_unclean(id, role.as_deref(), tenant_id.as_deref()));
            }
        }
        listed.truncate(MAX_LISTED);
        Ok(listed)
    }

    /// Lets an error say which file it is about.
    fn named<T, E: InFile>(&self, result: Result<T, E>) -> Result<T, E> {
        result.map_err(|error| {
            error.in_file(self.connections.writer.connect_options().get_filename())
        })
    }
}

impl UserStore for SqliteStore {
    type User = User;
    type Error = SqliteError;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, SqliteError> {
        match Email::parse(login) {
            Ok(email) => self.named(rows::by_email(&self.connections.reader, &email).await),
            Err(_) => Ok(None),
        }
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, SqliteError> {
        self.named(rows::by_id(&self.connections.reader, id).await)
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, SqliteError> {
        self.named(self.replace_hash(id, old, new).await)
    }
}

impl UserDirectory for SqliteStore {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, SqliteError> {
        self.named(self.list_users(tenant, page).await)
    }

    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<SqliteError>> {
        self.named(self.create_user(new).await)
    }

    async fn create_first(
        &self,
        new: NewUser,
    ) -> Result<Option<User>, DirectoryError<SqliteError>> {
        Ok(self.named(self.create_first_user(new).await)?)
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<SqliteError>> {
        self.named(self.update_user(tenant, id, changes, keep).await)
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<SqliteError>> {
        self.named(self.delete_user(tenant, id, keep).await)
    }

    /// Answers if the table can be read, the database can be written, and its file is the one that was opened.
    ///
    /// The table is read each time. The rest is checked at most once a second, by 64 KiB that are written to the disk
    /// in a transaction and rolled back; calls in between get the same outcome.
    async fn ping(&self) -> Result<(), SqliteError> {
        self.named(rows::any(&self.connections.reader).await)?;
        let connections = &*self.connections;
        let check = connections
            .readiness
            .check(&connections.writes, &connections.writer);
        self.named(check.await)
    }
}

/// Says nothing of what is stored.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
