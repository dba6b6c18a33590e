//! [`MemoryStore`]: users in this process, gone when it ends. For tests, examples and first steps.

use crate::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use crate::password::PasswordHash;
use crate::store::{Account, UserStore};
use crate::user::{Email, Role, TenantId, User, UserId};
use core::fmt;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Keeps users in memory. Clones share them.
///
/// ```
/// use portcullis::directory::{NewUser, UserDirectory};
/// use portcullis::stores::memory::MemoryStore;
/// use portcullis::UserStore;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = MemoryStore::new();
/// let anna = users.create(NewUser::new("anna@example.com".parse()?)).await?;
/// let found = users.find_by_login("Anna@Example.COM").await?;
/// assert_eq!(found.map(|account| account.id), Some(anna.id));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    // One lock around everything: a rule is checked and the change made under the same guard.
    people: Arc<RwLock<People>>,
}

#[derive(Default)]
struct People {
    by_id: HashMap<UserId, Account<User>>,
    by_email: HashMap<Email, UserId>,
}

/// The store could not make an id: the operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the memory store failed")]
pub struct MemoryError(#[source] super::NoRandomness);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    // No code that can panic runs under the lock, so a poisoned one still guards whole data.
    fn read(&self) -> RwLockReadGuard<'_, People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, People> {
        self.people.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl People {
    fn insert(&mut self, account: Account<User>) -> Result<User, DirectoryError<MemoryError>> {
        if self.by_email.contains_key(&account.user.email) {
            return Err(DirectoryError::Duplicate);
        }
        let user = account.user.clone();
        self.by_email.insert(user.email.clone(), user.id.clone());
        self.by_id.insert(user.id.clone(), account);
        Ok(user)
    }

    fn in_tenant(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
    ) -> Result<&Account<User>, DirectoryError<MemoryError>> {
        self.by_id
            .get(id)
            .filter(|account| account.user.tenant_id.as_ref() == tenant)
            .ok_or(DirectoryError::NotFound)
    }

    /// Refuses if `before` counts for the role, `after` does not, and nobody else of the tenant does.
    fn keep(
        &self,
        role: Option<&Role>,
        before: &Account<User>,
        after: Option<&Account<User>>,
    ) -> Result<(), DirectoryError<MemoryError>> {
        let Some(role) = role else { return Ok(()) };
        let taken_away = super::counts_for(before, role)
            && !after.is_some_and(|after| super::counts_for(after, role));
        let others = || {
            self.by_id.values().any(|other| {
                other.id != before.id
                    && other.user.tenant_id == before.user.tenant_id
                    && super::counts_for(other, role)
            })
        };
        if taken_away && !others() {
            return Err(DirectoryError::LastOfRole);
        }
        Ok(())
    }
}

impl UserStore for MemoryStore {
    type User = User;
    type Error = MemoryError;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, MemoryError> {
        let Ok(email) = Email::parse(login) else {
            return Ok(None);
        };
        let people = self.read();
        let found = people.by_email.get(&email);
        Ok(found.and_then(|id| people.by_id.get(id)).cloned())
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, MemoryError> {
        Ok(self.read().by_id.get(id).cloned())
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, MemoryError> {
        let mut people = self.write();
        let account = people.by_id.get_mut(id);
        let stored = account.and_then(|account| account.password_hash.as_mut());
        match stored {
            Some(stored) if stored.expose() == old.expose() => {
                *stored = new.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl UserDirectory for MemoryStore {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, MemoryError> {
        let people = self.read();
        let mut users: Vec<&User> = people
            .by_id
            .values()
            .map(|account| &account.user)
            .filter(|user| user.tenant_id.as_ref() == tenant)
            .collect();
        users.sort_by_key(|user| (&user.created_at, &user.id));
        let total = u64::try_from(users.len()).unwrap_or(u64::MAX);
        // An offset or limit no address space can hold is past the end anyway.
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let page = users.into_iter().skip(skip).take(take).cloned().collect();
        Ok(Listing::new(page, total))
    }

    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<MemoryError>> {
        let account = super::account_of(new).map_err(MemoryError)?;
        self.write().insert(account)
    }

    async fn create_first(
        &self,
        new: NewUser,
    ) -> Result<Option<User>, DirectoryError<MemoryError>> {
        let account = super::account_of(new).map_err(MemoryError)?;
        let mut people = self.write();
        if people.by_id.is_empty() {
            people.insert(account).map(Some)
        } else {
            Ok(None)
        }
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<MemoryError>> {
        let mut people = self.write();
        let before = people.in_tenant(tenant, id)?.clone();
        let mut after = before.clone();
        super::change(&mut after, changes);
        people.keep(keep, &before, Some(&after))?;
        let holder = people.by_email.get(&after.user.email);
        if holder.is_some_and(|holder| holder != id) {
            return Err(DirectoryError::Duplicate);
        }
        let user = after.user.clone();
        people.by_email.remove(&before.user.email);
        people.by_email.insert(user.email.clone(), user.id.clone());
        people.by_id.insert(user.id.clone(), after);
        Ok(user)
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<MemoryError>> {
        let mut people = self.write();
        let before = people.in_tenant(tenant, id)?.clone();
        people.keep(keep, &before, None)?;
        people.by_email.remove(&before.user.email);
        people.by_id.remove(id);
        Ok(())
    }

    async fn ping(&self) -> Result<(), MemoryError> {
        Ok(())
    }
}

/// Says how many there are, not who.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("users", &self.read().by_id.len())
            .finish()
    }
}
