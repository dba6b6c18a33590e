//! The promises of [`UserDirectory`] about tenants and about the last of a role.

use super::accounts::{by_id, of};
use super::texts::hostile_ids;
use super::{Fault, Kept, email, hash, join, promise, role, tenant};
use crate::directory::{DirectoryError, NewUser, Page, UserChanges, UserDirectory};
use crate::store::AccountStatus;
use crate::user::{Role, TenantId, User};

pub(super) async fn tenants_do_not_see_each_other<S: UserDirectory>(store: &S) -> Kept {
    let (acme, other) = (tenant("acme")?, tenant("other")?);
    let users = [
        (
            Some(&acme),
            store.create(of(&acme, "anna@example.com")?).await?,
        ),
        (
            Some(&other),
            store.create(of(&other, "bert@example.com")?).await?,
        ),
        (
            None,
            store
                .create(NewUser::new(email("carl@example.com")?))
                .await?,
        ),
    ];
    let change = || UserChanges {
        role: Some(None),
        password_hash: Some(hash(9)),
        ..UserChanges::default()
    };
    for (home, user) in &users {
        let listing = store.list(*home, Page::new(0, 100)).await?;
        promise!(
            listing.users == [user.clone()] && listing.total == 1,
            "the list of tenant {home:?} has others in it"
        );
    }
    for (home, user) in &users {
        for (tenant, _) in users.iter().filter(|(tenant, _)| tenant != home) {
            let update = store.update(*tenant, &user.id, change(), None).await;
            let delete = store.delete(*tenant, &user.id, None).await;
            promise!(
                matches!(update, Err(DirectoryError::NotFound))
                    && matches!(delete, Err(DirectoryError::NotFound)),
                "tenant {tenant:?} reaches a user of tenant {home:?}"
            );
        }
        let account = by_id(store, &user.id).await?;
        promise!(
            account.user == *user && account.password_hash.is_none(),
            "a refused change left a trace"
        );
    }
    for (home, user) in &users {
        store.update(*home, &user.id, change(), None).await?;
        store.delete(*home, &user.id, None).await?;
    }
    Ok(())
}

pub(super) async fn hostile_names_are_only_names<S: UserDirectory>(store: &S) -> Kept {
    let anna = store
        .create(NewUser::new(email("anna@example.com")?))
        .await?;
    let owner = role("owner")?;
    for id in hostile_ids() {
        let update = store.update(None, &id, to_role(Some(&owner)), None).await;
        let delete = store.delete(None, &id, None).await;
        promise!(
            matches!(update, Err(DirectoryError::NotFound))
                && matches!(delete, Err(DirectoryError::NotFound)),
            "the id {id:?} is not answered as unknown"
        );
    }
    for (number, id) in hostile_ids().into_iter().enumerate() {
        let tenant = tenant(id.as_str())?;
        let listing = store.list(Some(&tenant), Page::new(0, 100)).await?;
        promise!(
            listing.total == 0,
            "the unknown tenant {tenant:?} has users"
        );
        let mut new = of(&tenant, &format!("user{number}@example.com"))?;
        new.role = Some(role(id.as_str())?);
        let user = store.create(new).await?;
        let listing = store.list(Some(&tenant), Page::new(0, 100)).await?;
        promise!(
            listing.users == [user],
            "the tenant {tenant:?} has not the one user it was given"
        );
    }
    promise!(
        by_id(store, &anna.id).await?.user == anna,
        "somebody else was changed"
    );
    Ok(())
}

pub(super) async fn the_last_of_a_role_stays<S: UserDirectory>(store: &S) -> Kept {
    let (acme, admin) = (tenant("acme")?, role("admin")?);
    let anna = store
        .create(with_role(&acme, "anna@example.com", &admin)?)
        .await?;
    store
        .create(with_role(&tenant("other")?, "bert@example.com", &admin)?)
        .await?;
    let carl = store
        .create(with_role(&acme, "carl@example.com", &admin)?)
        .await?;
    store
        .update(Some(&acme), &carl.id, disabled(), Some(&admin))
        .await?;

    let update = async |changes| {
        store
            .update(Some(&acme), &anna.id, changes, Some(&admin))
            .await
    };
    for changes in [to_role(None), to_role(Some(&role("member")?)), disabled()] {
        let answer = update(changes.clone()).await;
        promise!(
            matches!(answer, Err(DirectoryError::LastOfRole)),
            "the last active admin of a tenant was let go by {changes:?}"
        );
    }
    let answer = store.delete(Some(&acme), &anna.id, Some(&admin)).await;
    promise!(
        matches!(answer, Err(DirectoryError::LastOfRole)),
        "the last active admin of a tenant was deleted"
    );
    let account = by_id(store, &anna.id).await?;
    promise!(
        account.user == anna && account.status == AccountStatus::Active && account.epoch == 0,
        "a refused change left a trace"
    );

    let harmless = UserChanges {
        role: Some(Some(admin.clone())),
        password_hash: Some(hash(2)),
        status: Some(AccountStatus::Active),
        email: Some(email("anna@example.org")?),
    };
    update(harmless).await?;
    // Nothing to keep was named, so nothing is kept.
    store
        .update(Some(&acme), &anna.id, to_role(None), None)
        .await?;
    Ok(())
}

pub(super) async fn who_does_not_count_cannot_be_the_last<S: UserDirectory>(store: &S) -> Kept {
    let (acme, admin) = (tenant("acme")?, role("admin")?);
    let keep = Some(&admin);
    // A tenant that never had an admin is not stuck for it.
    let member = store.create(of(&acme, "anna@example.com")?).await?;
    store
        .update(Some(&acme), &member.id, disabled(), keep)
        .await?;
    store.delete(Some(&acme), &member.id, keep).await?;

    let bert = store
        .create(with_role(&acme, "bert@example.com", &admin)?)
        .await?;
    let carl = store
        .create(with_role(&acme, "carl@example.com", &admin)?)
        .await?;
    let dora = store
        .create(with_role(&acme, "dora@example.com", &admin)?)
        .await?;
    store
        .update(Some(&acme), &bert.id, disabled(), keep)
        .await?;
    store.delete(Some(&acme), &bert.id, keep).await?;
    store
        .update(Some(&acme), &carl.id, to_role(None), keep)
        .await?;
    store.delete(Some(&acme), &carl.id, keep).await?;
    let answer = store.delete(Some(&acme), &dora.id, keep).await;
    promise!(
        matches!(answer, Err(DirectoryError::LastOfRole)),
        "the last admin was deleted"
    );
    Ok(())
}

/// Each sees the other when it is checked; only a check and a change in one step keep one of them.
pub(super) async fn two_administrators_cannot_remove_each_other<S: UserDirectory>(
    store: &S,
) -> Kept {
    let admin = role("admin")?;
    for round in 0..12_u8 {
        let tenant = tenant(&format!("tenant{round}"))?;
        let anna = store.create(with_role(
            &tenant,
            &format!("anna{round}@example.com"),
            &admin,
        )?);
        let (anna, bert) = (
            anna.await?,
            with_role(&tenant, &format!("bert{round}@example.com"), &admin)?,
        );
        let bert = store.create(bert).await?;
        let remove = async |user: User, way: u8| match way {
            0 => store.delete(Some(&tenant), &user.id, Some(&admin)).await,
            1 => update(store, &tenant, &user, to_role(None), &admin).await,
            _ => update(store, &tenant, &user, disabled(), &admin).await,
        };
        let answers = join([remove(anna, round % 3), remove(bert, round / 3 % 3)]).await;
        let mut removed = 0_u8;
        for answer in answers {
            match answer {
                Ok(()) => removed = removed.saturating_add(1),
                Err(DirectoryError::LastOfRole) => {}
                Err(error) => return Err(error.into()),
            }
        }
        promise!(
            removed == 1,
            "{removed} of two administrators removed each other"
        );
    }
    Ok(())
}

async fn update<S: UserDirectory>(
    store: &S,
    tenant: &TenantId,
    user: &User,
    changes: UserChanges,
    keep: &Role,
) -> Result<(), DirectoryError<S::Error>> {
    store
        .update(Some(tenant), &user.id, changes, Some(keep))
        .await
        .map(drop)
}

fn with_role(tenant: &TenantId, address: &str, role: &Role) -> Result<NewUser, Fault> {
    let mut new = of(tenant, address)?;
    new.role = Some(role.clone());
    Ok(new)
}

fn to_role(role: Option<&Role>) -> UserChanges {
    UserChanges {
        role: Some(role.cloned()),
        ..UserChanges::default()
    }
}

fn disabled() -> UserChanges {
    UserChanges {
        status: Some(AccountStatus::Disabled),
        ..UserChanges::default()
    }
}
