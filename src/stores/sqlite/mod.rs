//! [`SqliteStore`]: users in an SQLite database, one file beside your program or a pool you have already.

mod open;
mod rows;
mod throttle;
mod write;

pub use throttle::{SqliteCharge, SqliteThrottle};

use crate::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use crate::password::PasswordHash;
use crate::store::{Account, UserStore};
use crate::user::{Email, Role, TenantId, User, UserId};
use core::fmt;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use std::sync::Arc;
use write::{Write, WriteQueue};

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
    writes: WriteQueue,
    /// For [`SqliteThrottle`].
    attempts: SqlitePool,
    attempt_writes: WriteQueue,
}

/// The database could not be asked, or holds what is no user.
///
/// The cause is chained, for your log; neither shows a statement or a stored value.
#[derive(Debug, thiserror::Error)]
#[error("the sqlite user store failed")]
pub struct SqliteError(#[source] Box<dyn core::error::Error + Send + Sync>);

impl SqliteError {
    fn new(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl From<sqlx::Error> for SqliteError {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error)
    }
}

impl SqliteStore {
    /// Starts a transaction in which a rule reads and writes.
    async fn begin(&self) -> Result<Write, SqliteError> {
        let connections = &*self.connections;
        connections.writes.begin(&connections.writer).await
    }
}

/// Refuses if `before` counts for the role, `after` does not, and nobody else of the tenant does.
async fn check_kept(
    transaction: &mut SqliteConnection,
    role: Option<&Role>,
    before: &Account<User>,
    after: Option<&Account<User>>,
) -> Result<(), DirectoryError<SqliteError>> {
    let Some(role) = role else { return Ok(()) };
    let taken_away = super::counts_for(before, role)
        && !after.is_some_and(|after| super::counts_for(after, role));
    if taken_away && !rows::another_of_role(transaction, &before.user, role).await? {
        return Err(DirectoryError::LastOfRole);
    }
    Ok(())
}

impl UserStore for SqliteStore {
    type User = User;
    type Error = SqliteError;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, SqliteError> {
        match Email::parse(login) {
            Ok(email) => rows::by_email(&self.connections.reader, &email).await,
            Err(_) => Ok(None),
        }
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, SqliteError> {
        rows::by_id(&self.connections.reader, id).await
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, SqliteError> {
        let mut transaction = self.begin().await?;
        let swapped = rows::swap_hash(&mut *transaction, id, old, new).await?;
        transaction.commit().await?;
        Ok(swapped)
    }
}

impl UserDirectory for SqliteStore {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, SqliteError> {
        // One transaction, so that page and total are of the same moment.
        let mut transaction = self.connections.reader.begin().await?;
        let users = rows::page(&mut transaction, tenant, page).await?;
        let total = rows::count(&mut transaction, tenant).await?;
        transaction.commit().await.map_err(SqliteError::new)?;
        Ok(Listing::new(users, total))
    }

    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<SqliteError>> {
        let account = super::account_of(new).map_err(SqliteError::new)?;
        let mut transaction = self.begin().await?;
        if !rows::insert(&mut *transaction, &account).await? {
            return Err(DirectoryError::Duplicate);
        }
        transaction.commit().await?;
        Ok(account.user)
    }

    async fn create_first(
        &self,
        new: NewUser,
    ) -> Result<Option<User>, DirectoryError<SqliteError>> {
        let account = super::account_of(new).map_err(SqliteError::new)?;
        let mut transaction = self.begin().await?;
        let created = rows::insert_first(&mut *transaction, &account).await?;
        transaction.commit().await?;
        Ok(created.then_some(account.user))
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<SqliteError>> {
        let mut transaction = self.begin().await?;
        let before = rows::in_tenant(&mut transaction, tenant, id).await?;
        let before = before.ok_or(DirectoryError::NotFound)?;
        let mut after = before.clone();
        super::change(&mut after, changes);
        check_kept(&mut transaction, keep, &before, Some(&after)).await?;
        if !rows::update(&mut transaction, &after).await? {
            return Err(DirectoryError::Duplicate);
        }
        transaction.commit().await?;
        Ok(after.user)
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<SqliteError>> {
        let mut transaction = self.begin().await?;
        let before = rows::in_tenant(&mut transaction, tenant, id).await?;
        let before = before.ok_or(DirectoryError::NotFound)?;
        check_kept(&mut transaction, keep, &before, None).await?;
        rows::delete(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Asks for a row, so that a database whose table is missing or damaged does not answer.
    async fn ping(&self) -> Result<(), SqliteError> {
        rows::any(&self.connections.reader).await
    }
}

/// Says nothing of what is stored.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
