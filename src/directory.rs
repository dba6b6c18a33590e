//! [`UserDirectory`]: a store that can also list, create, change and delete users, within a tenant.

use crate::password::PasswordHash;
use crate::store::{AccountStatus, UserStore};
use crate::user::{Email, Role, TenantId, User, UserId};
use std::sync::Arc;

/// Somebody to be created. The store gives the id and the time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUser {
    /// What it signs in with; no other account may have it.
    pub email: Email,
    /// What it may do.
    pub role: Option<Role>,
    /// The organisation it belongs to.
    pub tenant_id: Option<TenantId>,
    /// Its password, hashed; `None` for somebody who can't sign in with one yet.
    pub password_hash: Option<PasswordHash>,
}

impl NewUser {
    /// Somebody with an address and nothing else.
    pub fn new(email: Email) -> Self {
        Self {
            email,
            role: None,
            tenant_id: None,
            password_hash: None,
        }
    }
}

/// What to change of a user; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UserChanges {
    /// A new address.
    pub email: Option<Email>,
    /// A new role; `Some(None)` takes the role away.
    pub role: Option<Option<Role>>,
    /// A new password. It ends older tokens: the account's epoch grows.
    pub password_hash: Option<PasswordHash>,
    /// A new status. A change of it ends older tokens: the account's epoch grows.
    pub status: Option<AccountStatus>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// How many users to skip.
    pub offset: u64,
    /// How many users to give at the most.
    pub limit: u32,
}

impl Page {
    /// A page of `limit` users after the first `offset`.
    pub fn new(offset: u64, limit: u32) -> Self {
        Self { offset, limit }
    }
}

/// One page of a tenant's users, and how many there are in all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// The page, ordered by time of creation, then id.
    pub users: Vec<User>,
    /// How many users the tenant has.
    pub total: u64,
}

impl Listing {
    /// Puts a listing together, for stores.
    pub fn new(users: Vec<User>, total: u64) -> Self {
        Self { users, total }
    }
}

/// Why a directory did not do what it was asked.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryError<E> {
    /// Another account has this e-mail address.
    #[error("another account has this e-mail address")]
    Duplicate,
    /// The tenant has no such user. A user of another tenant looks the same.
    #[error("no such user")]
    NotFound,
    /// The tenant would be left without anybody of the role that was to be kept.
    #[error("the tenant needs at least one user of this role")]
    LastOfRole,
    /// The store could not be asked.
    #[error("the user store is unavailable")]
    Store(#[from] E),
}

/// A [`UserStore`] of ready-made [`User`]s that can be administered.
///
/// `tenant` confines each call to one tenant; `None` means the users that have none, never "all".
/// `keep` names a role of which the tenant must keep at least one *active* user: the check and the
/// change are one atomic step, so two administrators can't demote each other at the same moment.
pub trait UserDirectory: UserStore<User = User> {
    /// Lists a tenant's users by time of creation, then id.
    fn list(
        &self,
        tenant: Option<&TenantId>,
        page: Page,
    ) -> impl Future<Output = Result<Listing, Self::Error>> + Send;

    /// Creates a user. An address that is taken is [`DirectoryError::Duplicate`], whichever tenant has it.
    fn create(
        &self,
        new: NewUser,
    ) -> impl Future<Output = Result<User, DirectoryError<Self::Error>>> + Send;

    /// Creates a user if the store holds none at all; `None` if it does. For the first administrator.
    fn create_first(
        &self,
        new: NewUser,
    ) -> impl Future<Output = Result<Option<User>, DirectoryError<Self::Error>>> + Send;

    /// Changes a user and gives it as it is then.
    fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> impl Future<Output = Result<User, DirectoryError<Self::Error>>> + Send;

    /// Deletes a user.
    fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> impl Future<Output = Result<(), DirectoryError<Self::Error>>> + Send;

    /// Answers if the store can be asked and, as far as it can tell without changing anything, can write. For readiness
    /// checks, so it may be called often and at once.
    fn ping(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl<S: UserDirectory> UserDirectory for Arc<S> {
    fn list(
        &self,
        tenant: Option<&TenantId>,
        page: Page,
    ) -> impl Future<Output = Result<Listing, Self::Error>> + Send {
        S::list(self, tenant, page)
    }

    fn create(
        &self,
        new: NewUser,
    ) -> impl Future<Output = Result<User, DirectoryError<Self::Error>>> + Send {
        S::create(self, new)
    }

    fn create_first(
        &self,
        new: NewUser,
    ) -> impl Future<Output = Result<Option<User>, DirectoryError<Self::Error>>> + Send {
        S::create_first(self, new)
    }

    fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> impl Future<Output = Result<User, DirectoryError<Self::Error>>> + Send {
        S::update(self, tenant, id, changes, keep)
    }

    fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> impl Future<Output = Result<(), DirectoryError<Self::Error>>> + Send {
        S::delete(self, tenant, id, keep)
    }

    fn ping(&self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        S::ping(self)
    }
}
