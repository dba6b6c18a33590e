//! What a [`UserDirectory`](crate::directory::UserDirectory) does, in statements and transactions.

use super::write::{Write, WriteKind};
use super::{SqliteError, SqliteStore, rows};
use crate::directory::{DirectoryError, Listing, NewUser, Page, UserChanges};
use crate::password::PasswordHash;
use crate::store::Account;
use crate::user::{Role, TenantId, User, UserId};
use sqlx::sqlite::SqliteConnection;

impl SqliteStore {
    /// Starts a transaction in which a rule reads and writes.
    pub(super) async fn begin(&self) -> Result<Write, SqliteError> {
        let connections = &*self.connections;
        (connections.writes)
            .begin(WriteKind::Users, &connections.writer)
            .await
    }

    pub(super) async fn replace_hash(
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

    pub(super) async fn list_users(
        &self,
        tenant: Option<&TenantId>,
        page: Page,
    ) -> Result<Listing, SqliteError> {
        // One transaction, so that page and total are of the same moment.
        let mut transaction = self.connections.reader.begin().await?;
        let users = rows::page(&mut transaction, tenant, page).await?;
        let total = rows::count(&mut transaction, tenant).await?;
        transaction.commit().await?;
        Ok(Listing::new(users, total))
    }

    pub(super) async fn create_user(
        &self,
        new: NewUser,
    ) -> Result<User, DirectoryError<SqliteError>> {
        let account = crate::stores::account_of(new).map_err(SqliteError::new)?;
        let mut transaction = self.begin().await?;
        if !rows::insert(&mut *transaction, &account).await? {
            return Err(DirectoryError::Duplicate);
        }
        transaction.commit().await?;
        Ok(account.user)
    }

    pub(super) async fn create_first_user(
        &self,
        new: NewUser,
    ) -> Result<Option<User>, SqliteError> {
        let account = crate::stores::account_of(new).map_err(SqliteError::new)?;
        let mut transaction = self.begin().await?;
        let created = rows::insert_first(&mut *transaction, &account).await?;
        transaction.commit().await?;
        Ok(created.then_some(account.user))
    }

    pub(super) async fn update_user(
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
        crate::stores::change(&mut after, changes);
        check_kept(&mut transaction, keep, &before, Some(&after)).await?;
        if !rows::update(&mut transaction, &after).await? {
            return Err(DirectoryError::Duplicate);
        }
        transaction.commit().await?;
        Ok(after.user)
    }

    pub(super) async fn delete_user(
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
}

/// Refuses if `before` counts for the role, `after` does not, and nobody else of the tenant does.
async fn check_kept(
    transaction: &mut SqliteConnection,
    role: Option<&Role>,
    before: &Account<User>,
    after: Option<&Account<User>>,
) -> Result<(), DirectoryError<SqliteError>> {
    let Some(role) = role else { return Ok(()) };
    let taken_away = crate::stores::counts_for(before, role)
        && !after.is_some_and(|after| crate::stores::counts_for(after, role));
    if taken_away && !rows::another_of_role(transaction, &before.user, role).await? {
        return Err(DirectoryError::LastOfRole);
    }
    Ok(())
}
