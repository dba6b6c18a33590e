//! The promises of [`UserDirectory`] about creating, finding, listing and deleting.

use super::store::{found, same_hash};
use super::{Fault, Kept, RIVALS, email, hash, join, promise, role, tenant};
use crate::directory::{DirectoryError, NewUser, Page, UserChanges, UserDirectory};
use crate::store::{Account, AccountStatus};
use crate::user::{User, UserId};

pub(super) async fn a_new_user_is_what_was_asked_for<S: UserDirectory>(store: &S) -> Kept {
    let mut new = NewUser::new(email("anna@example.com")?);
    new.role = Some(role("admin")?);
    new.tenant_id = Some(tenant("acme")?);
    new.password_hash = Some(hash(1));
    let anna = store.create(new.clone()).await?;
    let bert = store
        .create(NewUser::new(email("bert@example.com")?))
        .await?;

    promise!(
        anna.email == new.email && anna.role == new.role && anna.tenant_id == new.tenant_id,
        "the user that was created is not the one asked for"
    );
    promise!(
        bert.role.is_none() && bert.tenant_id.is_none(),
        "a role or tenant came from nowhere"
    );
    promise!(anna.id != bert.id, "two users were given one id");
    promise!(!anna.created_at.is_empty(), "the time of creation is empty");
    for (user, hash) in [(&anna, new.password_hash.as_ref()), (&bert, None)] {
        let account = by_id(store, &user.id).await?;
        promise!(
            account.user == *user,
            "a user is read back other than it was created"
        );
        promise!(
            same_hash(account.password_hash.as_ref(), hash),
            "a new user's hash is another"
        );
        promise!(
            account.status == AccountStatus::Active,
            "a new user is not active"
        );
        promise!(
            account.epoch == 0,
            "a new user's epoch is {}",
            account.epoch
        );
    }
    Ok(())
}

pub(super) async fn an_address_is_found_by_every_spelling<S: UserDirectory>(store: &S) -> Kept {
    let user = store
        .create(NewUser::new(email("Änne.Müller@BÜCHER.example")?))
        .await?;
    for spelling in [
        "änne.müller@bücher.example",
        "ÄNNE.MÜLLER@BÜCHER.EXAMPLE",
        "änne.müller@xn--bcher-kva.example",
        " \tänne.müller@bücher.example ",
        "a\u{308}nne.mu\u{308}ller@bu\u{308}cher.example",
        "ä\u{ff4e}ne.müller@bücher.example",
    ] {
        let account = found(store, spelling).await?;
        promise!(account.id == user.id, "{spelling:?} finds somebody else");
    }
    Ok(())
}

pub(super) async fn an_address_is_taken_once_over_all_tenants<S: UserDirectory>(store: &S) -> Kept {
    let (acme, other) = (tenant("acme")?, tenant("other")?);
    let anna = store.create(of(&acme, "anna@example.com")?).await?;
    let bert = store.create(of(&other, "bert@example.com")?).await?;
    let to = |text: &str| -> Result<UserChanges, Fault> {
        Ok(UserChanges {
            email: Some(email(text)?),
            ..UserChanges::default()
        })
    };

    for new in [
        of(&acme, "anna@example.com")?,
        of(&other, "anna@example.com")?,
        of(&other, "ANNA@Example.com")?,
        NewUser::new(email("anna@example.com")?),
    ] {
        let answer = store.create(new).await;
        promise!(
            matches!(answer, Err(DirectoryError::Duplicate)),
            "a taken address was not refused as a duplicate"
        );
    }
    let answer = store
        .update(Some(&other), &bert.id, to("anna@example.com")?, None)
        .await;
    promise!(
        matches!(answer, Err(DirectoryError::Duplicate)),
        "a change to a taken address was not refused as a duplicate"
    );
    promise!(
        by_id(store, &bert.id).await?.user == bert,
        "a refused change left a trace"
    );

    store
        .update(Some(&acme), &anna.id, to("Anna@example.com")?, None)
        .await?;
    store
        .update(Some(&acme), &anna.id, to("anna@example.org")?, None)
        .await?;
    let old = store.find_by_login("anna@example.com").await?;
    promise!(
        old.is_none(),
        "somebody is found by an address that was given up"
    );
    store
        .update(Some(&other), &bert.id, to("anna@example.com")?, None)
        .await?;
    store.delete(Some(&acme), &anna.id, None).await?;
    store.create(of(&other, "anna@example.org")?).await?;
    Ok(())
}

pub(super) async fn of_many_concurrent_creations_of_an_address_one_wins<S: UserDirectory>(
    store: &S,
) -> Kept {
    let new = NewUser::new(email("anna@example.com")?);
    let mut created = Vec::new();
    for answer in join((0..RIVALS).map(|_| store.create(new.clone()))).await {
        match answer {
            Ok(user) => created.push(user),
            Err(DirectoryError::Duplicate) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [winner] = created.as_slice() else {
        return Err(Fault(format!(
            "{} of {RIVALS} concurrent creations of one address succeeded",
            created.len()
        )));
    };
    promise!(
        found(store, "anna@example.com").await?.id == winner.id,
        "not the user that was created is found"
    );
    let total = store.list(None, Page::new(0, 100)).await?.total;
    promise!(total == 1, "{total} users were left behind");
    Ok(())
}

pub(super) async fn the_first_user_is_created_once<S: UserDirectory>(store: &S) -> Kept {
    let rivals = (0..RIVALS)
        .map(|rival| email(&format!("first{rival}@example.com")).map(NewUser::new))
        .collect::<Result<Vec<_>, _>>()?;
    let answers = join(rivals.into_iter().map(|new| store.create_first(new))).await;
    let mut first: Vec<User> = Vec::new();
    for answer in answers {
        first.extend(answer?);
    }
    promise!(
        first.len() == 1,
        "{} of {RIVALS} rivals were the first user",
        first.len()
    );
    let total = store.list(None, Page::new(0, 100)).await?.total;
    promise!(total == 1, "{total} users were created");
    let elsewhere = of(&tenant("acme")?, "second@example.com")?;
    let second = store.create_first(elsewhere).await?;
    promise!(
        second.is_none(),
        "a first user was created for a tenant though the store holds one"
    );
    Ok(())
}

pub(super) async fn a_list_is_complete_ordered_and_in_pages<S: UserDirectory>(store: &S) -> Kept {
    let acme = tenant("acme")?;
    let mut created = Vec::new();
    for number in 0..7 {
        created.push(
            store
                .create(of(&acme, &format!("user{number}@example.com"))?)
                .await?,
        );
    }
    created.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));

    let all = store.list(Some(&acme), Page::new(0, 100)).await?;
    promise!(
        all.users == created,
        "the list is not everybody by time of creation, then id"
    );
    let mut paged = Vec::new();
    for offset in [0, 3, 6] {
        let page = store.list(Some(&acme), Page::new(offset, 3)).await?;
        promise!(
            page.users.len() <= 3,
            "a page of 3 has {} users",
            page.users.len()
        );
        promise!(page.total == 7, "the total of 7 users is {}", page.total);
        paged.extend(page.users);
    }
    promise!(paged == created, "the pages together are not the list");
    for page in [
        Page::new(7, 3),
        Page::new(u64::MAX, u32::MAX),
        Page::new(0, 0),
    ] {
        let listing = store.list(Some(&acme), page).await?;
        promise!(listing.users.is_empty(), "{page:?} of 7 users is not empty");
        promise!(
            listing.total == 7,
            "the total beside {page:?} is {}",
            listing.total
        );
    }
    Ok(())
}

pub(super) async fn a_deleted_user_is_gone<S: UserDirectory>(store: &S) -> Kept {
    let mut new = NewUser::new(email("anna@example.com")?);
    new.password_hash = Some(hash(1));
    let anna = store.create(new).await?;
    let bert = store
        .create(NewUser::new(email("bert@example.com")?))
        .await?;
    store.delete(None, &anna.id, None).await?;

    promise!(
        store.find_by_id(&anna.id).await?.is_none(),
        "it is found by its id"
    );
    promise!(
        store.find_by_login("anna@example.com").await?.is_none(),
        "it is found by its address"
    );
    let listing = store.list(None, Page::new(0, 100)).await?;
    promise!(
        listing.users == [bert] && listing.total == 1,
        "the list is not the others"
    );
    let again = store.delete(None, &anna.id, None).await;
    promise!(
        matches!(again, Err(DirectoryError::NotFound)),
        "it can be deleted again"
    );
    let change = store
        .update(None, &anna.id, UserChanges::default(), None)
        .await;
    promise!(
        matches!(change, Err(DirectoryError::NotFound)),
        "it can be changed"
    );
    let replaced = store
        .replace_password_hash(&anna.id, &hash(1), &hash(2))
        .await?;
    promise!(!replaced, "its hash can be replaced");
    Ok(())
}

pub(super) async fn a_working_store_answers_a_ping<S: UserDirectory>(store: &S) -> Kept {
    Ok(store.ping().await?)
}

pub(super) fn of(tenant: &crate::user::TenantId, address: &str) -> Result<NewUser, Fault> {
    let mut new = NewUser::new(email(address)?);
    new.tenant_id = Some(tenant.clone());
    Ok(new)
}

pub(super) async fn by_id<S: UserDirectory>(
    store: &S,
    id: &UserId,
) -> Result<Account<User>, Fault> {
    let account = store.find_by_id(id).await?;
    account.ok_or_else(|| Fault("a user that exists is not found by its id".into()))
}
