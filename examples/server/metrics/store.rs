//! [`MeasuredStore`]: any store, and how long it takes to answer.

use super::metrics;
use portcullis::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use portcullis::user::{Role, TenantId, User};
use portcullis::{Account, PasswordHash, UserId, UserStore};
use std::time::Instant;

/// Passes everything on to a store, and measures.
#[derive(Clone, Debug)]
pub(crate) struct MeasuredStore<S>(pub(crate) S);

/// Measures one call. A call that is dropped before its end is not counted.
async fn measured<T, E>(
    call: &'static str,
    is_failure: impl Fn(&E) -> bool,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let answered = asked.await;
    let failed = answered.as_ref().is_err_and(is_failure);
    metrics().store_call(call, begun.elapsed(), failed);
    answered
}

/// An address that is taken is an answer and no failure.
fn store_failed<E>(error: &DirectoryError<E>) -> bool {
    matches!(error, DirectoryError::Store(_))
}

impl<S: UserStore> UserStore for MeasuredStore<S> {
    type User = S::User;
    type Error = S::Error;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<S::User>>, S::Error> {
        measured("find_by_login", |_| true, self.0.find_by_login(login)).await
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<S::User>>, S::Error> {
        measured("find_by_id", |_| true, self.0.find_by_id(id)).await
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, S::Error> {
        let replaced = self.0.replace_password_hash(id, old, new);
        measured("replace_password_hash", |_| true, replaced).await
    }
}

impl<S: UserDirectory> UserDirectory for MeasuredStore<S> {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, S::Error> {
        measured("list", |_| true, self.0.list(tenant, page)).await
    }

    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<S::Error>> {
        measured("create", store_failed, self.0.create(new)).await
    }

    async fn create_first(&self, new: NewUser) -> Result<Option<User>, DirectoryError<S::Error>> {
        measured("create_first", store_failed, self.0.create_first(new)).await
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<S::Error>> {
        let updated = self.0.update(tenant, id, changes, keep);
        measured("update", store_failed, updated).await
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<S::Error>> {
        measured("delete", store_failed, self.0.delete(tenant, id, keep)).await
    }

    async fn ping(&self) -> Result<(), S::Error> {
        measured("ping", |_| true, self.0.ping()).await
    }
}
