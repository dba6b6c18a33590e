//! A store that is right but for one planted flaw.

use portcullis::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use portcullis::store::AccountStatus;
use portcullis::stores::memory::{MemoryError, MemoryStore};
use portcullis::user::{Email, Role, TenantId, User};
use portcullis::{Account, PasswordHash, UserId, UserStore};
use tokio::task::yield_now;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    LoginsAreTakenLiterally,
    UnknownIsAnError,
    NulIsAnError,
    ControlCharactersAreSkipped,
    LongTextsAreErrors,
    OddIdsAreErrors,
    AddressesAreStrippedOfSymbols,
    WildCardsFindSomebody,
    StatusIsLost,
    HashIsReplacedUnseen,
    HashIsReplacedInTwoSteps,
    ReplacingAHashMovesTheEpoch,
    DuplicatesGiveTheOldUser,
    NewUsersForgetTheirRole,
    FirstUserInTwoSteps,
    TenantIsNotAsked,
    NoTenantIsEveryTenant,
    ListIsUnordered,
    TotalIsThePage,
    OffsetIsIgnored,
    UpdateAnswersTheOldUser,
    AbsentRoleIsTakenAway,
    EpochStandsStill,
    EpochMovesWithTheRole,
    RowsAreWrittenBackWhole,
    NobodyIsKept,
    DisabledAreKept,
    KeptInTwoSteps,
    DeleteOnlyHides,
    PingFails,
}

impl Flaw {
    /// Each flaw and the promise it breaks.
    pub(super) const ALL: [(Self, &'static str); 30] = [
        (
            Self::LoginsAreTakenLiterally,
            "an_address_is_found_by_every_spelling",
        ),
        (Self::UnknownIsAnError, "unknown_logins_and_ids_find_nobody"),
        (Self::NulIsAnError, "unknown_logins_and_ids_find_nobody"),
        (
            Self::ControlCharactersAreSkipped,
            "unknown_logins_and_ids_find_nobody",
        ),
        (
            Self::LongTextsAreErrors,
            "unknown_logins_and_ids_find_nobody",
        ),
        (Self::OddIdsAreErrors, "unknown_logins_and_ids_find_nobody"),
        (
            Self::AddressesAreStrippedOfSymbols,
            "odd_addresses_are_kept_as_they_are",
        ),
        (
            Self::WildCardsFindSomebody,
            "unknown_logins_and_ids_find_nobody",
        ),
        (Self::StatusIsLost, "everybody_is_found_by_login_and_by_id"),
        (
            Self::HashIsReplacedUnseen,
            "a_hash_is_replaced_only_in_the_place_of_the_old_one",
        ),
        (
            Self::HashIsReplacedInTwoSteps,
            "of_many_concurrent_replacements_one_wins",
        ),
        (
            Self::ReplacingAHashMovesTheEpoch,
            "a_hash_is_replaced_only_in_the_place_of_the_old_one",
        ),
        (
            Self::DuplicatesGiveTheOldUser,
            "of_many_concurrent_creations_of_an_address_one_wins",
        ),
        (
            Self::NewUsersForgetTheirRole,
            "a_new_user_is_what_was_asked_for",
        ),
        (Self::FirstUserInTwoSteps, "the_first_user_is_created_once"),
        (Self::TenantIsNotAsked, "tenants_do_not_see_each_other"),
        (Self::NoTenantIsEveryTenant, "tenants_do_not_see_each_other"),
        (
            Self::ListIsUnordered,
            "a_list_is_complete_ordered_and_in_pages",
        ),
        (
            Self::TotalIsThePage,
            "a_list_is_complete_ordered_and_in_pages",
        ),
        (
            Self::OffsetIsIgnored,
            "a_list_is_complete_ordered_and_in_pages",
        ),
        (
            Self::UpdateAnswersTheOldUser,
            "each_set_of_fields_changes_and_no_other",
        ),
        (
            Self::AbsentRoleIsTakenAway,
            "a_role_is_given_taken_away_or_left",
        ),
        (
            Self::EpochStandsStill,
            "the_epoch_grows_with_password_and_status_only",
        ),
        (
            Self::EpochMovesWithTheRole,
            "the_epoch_grows_with_password_and_status_only",
        ),
        (
            Self::RowsAreWrittenBackWhole,
            "concurrent_changes_of_different_fields_all_hold",
        ),
        (Self::NobodyIsKept, "the_last_of_a_role_stays"),
        (Self::DisabledAreKept, "the_last_of_a_role_stays"),
        (
            Self::KeptInTwoSteps,
            "two_administrators_cannot_remove_each_other",
        ),
        (
            Self::DeleteOnlyHides,
            "an_address_is_taken_once_over_all_tenants",
        ),
        (Self::PingFails, "a_working_store_answers_a_ping"),
    ];
}

#[derive(Debug)]
pub(super) struct Faulty {
    flaw: Flaw,
    inner: MemoryStore,
}

#[derive(Debug, thiserror::Error)]
#[error("the store is down")]
pub(super) struct Down;

impl From<MemoryError> for Down {
    fn from(_: MemoryError) -> Self {
        Self
    }
}

type Answer<T> = Result<T, DirectoryError<Down>>;

fn told<T>(answer: Result<T, DirectoryError<MemoryError>>) -> Answer<T> {
    answer.map_err(|error| match error {
        DirectoryError::Duplicate => DirectoryError::Duplicate,
        DirectoryError::NotFound => DirectoryError::NotFound,
        DirectoryError::LastOfRole => DirectoryError::LastOfRole,
        _ => DirectoryError::Store(Down),
    })
}

impl Faulty {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            inner: MemoryStore::new(),
        }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn shown(&self, account: Account<User>) -> Account<User> {
        let mut account = account;
        if self.is(Flaw::StatusIsLost) {
            account.status = AccountStatus::Active;
        }
        if self.is(Flaw::EpochStandsStill) {
            account.epoch = 0;
        }
        account
    }

    async fn set_hash(&self, account: &Account<User>, hash: &PasswordHash) -> Result<(), Down> {
        let mut changes = UserChanges::default();
        changes.password_hash = Some(hash.clone());
        let tenant = account.user.tenant_id.as_ref();
        let set = self.inner.update(tenant, &account.id, changes, None).await;
        set.map(drop).map_err(|_| Down)
    }

    /// The rule of the last one as it is often written: asked first, in a step of its own.
    async fn is_last(&self, id: &UserId, tenant: Option<&TenantId>, role: &Role) -> bool {
        let listing = self.inner.list(tenant, Page::new(0, 100)).await.unwrap();
        let mut keepers = Vec::new();
        for user in listing.users {
            let account = self.inner.find_by_id(&user.id).await.unwrap().unwrap();
            let active = account.status == AccountStatus::Active || self.is(Flaw::DisabledAreKept);
            if active && user.role.as_ref() == Some(role) {
                keepers.push(user.id);
            }
        }
        yield_now().await;
        keepers == [id.clone()]
    }
}

impl UserStore for Faulty {
    type User = User;
    type Error = Down;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, Down> {
        if self.is(Flaw::WildCardsFindSomebody) && login == "%@example.com" {
            return Ok(self.inner.find_by_login("anna@example.com").await?);
        }
        // PostgreSQL answers so; MySQL's default collation skips control characters; a column may be bounded.
        if (self.is(Flaw::NulIsAnError) && login.contains('\0'))
            || (self.is(Flaw::LongTextsAreErrors) && login.len() > 64 * 1024)
        {
            return Err(Down);
        }
        if self.is(Flaw::ControlCharactersAreSkipped) {
            let login: String = login.chars().filter(|c| !c.is_control()).collect();
            return Ok(self.inner.find_by_login(&login).await?);
        }
        let literal = Email::parse(login).is_ok_and(|email| email.as_str() == login);
        if self.is(Flaw::LoginsAreTakenLiterally) && !literal {
            return Ok(None);
        }
        let found = self.inner.find_by_login(login).await?;
        if self.is(Flaw::UnknownIsAnError) && found.is_none() {
            return Err(Down);
        }
        Ok(found.map(|account| self.shown(account)))
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, Down> {
        // As a query by a column of another type does.
        if self.is(Flaw::OddIdsAreErrors) && !id.as_str().is_ascii() {
            return Err(Down);
        }
        let found = self.inner.find_by_id(id).await?;
        Ok(found.map(|account| self.shown(account)))
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Down> {
        let account = self.inner.find_by_id(id).await?;
        let stored = account
            .as_ref()
            .and_then(|account| account.password_hash.as_ref());
        let same = stored.is_some_and(|stored| stored.expose() == old.expose());
        match (self.flaw, account) {
            (Flaw::HashIsReplacedUnseen, Some(account)) => {
                self.set_hash(&account, new).await.map(|()| true)
            }
            (Flaw::ReplacingAHashMovesTheEpoch, Some(account)) if same => {
                self.set_hash(&account, new).await.map(|()| true)
            }
            (Flaw::HashIsReplacedInTwoSteps, Some(account)) if same => {
                yield_now().await;
                self.set_hash(&account, new).await.map(|()| true)
            }
            _ => Ok(self.inner.replace_password_hash(id, old, new).await?),
        }
    }
}

impl UserDirectory for Faulty {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, Down> {
        let mut page = page;
        if self.is(Flaw::OffsetIsIgnored) {
            page.offset = 0;
        }
        let mut listing = self.inner.list(tenant, page).await?;
        if self.is(Flaw::NoTenantIsEveryTenant) && tenant.is_none() {
            for other in ["acme", "other"] {
                let other = TenantId::new(other).unwrap();
                let more = self.inner.list(Some(&other), page).await?;
                listing.total = listing.total.saturating_add(more.total);
                listing.users.extend(more.users);
            }
        }
        if self.is(Flaw::ListIsUnordered) {
            listing.users.reverse();
        }
        if self.is(Flaw::TotalIsThePage) {
            listing.total = u64::try_from(listing.users.len()).unwrap();
        }
        Ok(listing)
    }

    async fn create(&self, new: NewUser) -> Answer<User> {
        let mut new = new;
        let email = new.email.clone();
        if self.is(Flaw::AddressesAreStrippedOfSymbols) {
            let stripped = email.as_str().replace(['\'', '%', '*'], "");
            new.email = stripped.parse().unwrap_or(new.email);
        }
        if self.is(Flaw::NewUsersForgetTheirRole) {
            new.role = None;
        }
        match told(self.inner.create(new).await) {
            Err(DirectoryError::Duplicate) if self.is(Flaw::DuplicatesGiveTheOldUser) => {
                let found = self.inner.find_by_login(email.as_str()).await;
                Ok(found.unwrap().unwrap().user)
            }
            answer => answer,
        }
    }

    async fn create_first(&self, new: NewUser) -> Answer<Option<User>> {
        if self.is(Flaw::FirstUserInTwoSteps) {
            let listing = self.inner.list(None, Page::new(0, 1)).await;
            yield_now().await;
            return match listing.unwrap().total {
                0 => self.create(new).await.map(Some),
                _ => Ok(None),
            };
        }
        told(self.inner.create_first(new).await)
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Answer<User> {
        let mut changes = changes;
        let before = self
            .inner
            .find_by_id(id)
            .await
            .unwrap()
            .ok_or(DirectoryError::NotFound)?;
        match (self.flaw, keep) {
            (Flaw::TenantIsNotAsked, _) => {
                return told(
                    self.inner
                        .update(before.user.tenant_id.as_ref(), id, changes, keep)
                        .await,
                );
            }
            (Flaw::NobodyIsKept, _) => {
                return told(self.inner.update(tenant, id, changes, None).await);
            }
            (Flaw::KeptInTwoSteps | Flaw::DisabledAreKept, Some(role)) => {
                let leaves = changes.status == Some(AccountStatus::Disabled)
                    || changes
                        .role
                        .as_ref()
                        .is_some_and(|new| new.as_ref() != Some(role));
                if leaves && self.is_last(id, tenant, role).await {
                    return Err(DirectoryError::LastOfRole);
                }
                return told(self.inner.update(tenant, id, changes, None).await);
            }
            (Flaw::RowsAreWrittenBackWhole, _) => {
                yield_now().await;
                changes.email.get_or_insert(before.user.email.clone());
                changes.role.get_or_insert(before.user.role.clone());
            }
            (Flaw::AbsentRoleIsTakenAway, _) => {
                changes.role.get_or_insert(None);
            }
            (Flaw::EpochMovesWithTheRole, _) if changes.role.is_some() => {
                changes.password_hash = changes.password_hash.or(before.password_hash);
            }
            _ => {}
        }
        let updated = told(self.inner.update(tenant, id, changes, keep).await)?;
        Ok(if self.is(Flaw::UpdateAnswersTheOldUser) {
            before.user
        } else {
            updated
        })
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Answer<()> {
        let before = self
            .inner
            .find_by_id(id)
            .await
            .unwrap()
            .ok_or(DirectoryError::NotFound)?;
        match (self.flaw, keep) {
            (Flaw::TenantIsNotAsked, _) => told(
                self.inner
                    .delete(before.user.tenant_id.as_ref(), id, keep)
                    .await,
            ),
            (Flaw::NobodyIsKept, _) => told(self.inner.delete(tenant, id, None).await),
            (Flaw::KeptInTwoSteps | Flaw::DisabledAreKept, Some(role)) => {
                let leaves = before.user.role.as_ref() == Some(role);
                if leaves && self.is_last(id, tenant, role).await {
                    return Err(DirectoryError::LastOfRole);
                }
                told(self.inner.delete(tenant, id, None).await)
            }
            (Flaw::DeleteOnlyHides, _) => {
                let mut changes = UserChanges::default();
                changes.status = Some(AccountStatus::Disabled);
                told(self.inner.update(tenant, id, changes, keep).await).map(drop)
            }
            _ => told(self.inner.delete(tenant, id, keep).await),
        }
    }

    async fn ping(&self) -> Result<(), Down> {
        if self.is(Flaw::PingFails) {
            Err(Down)
        } else {
            Ok(())
        }
    }
}
