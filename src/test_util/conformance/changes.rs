//! The promises of [`UserDirectory`] about what a change changes, and which changes end tokens.

use super::accounts::{by_id, of};
use super::store::same_hash;
use super::{Fault, Kept, email, hash, join, promise, role, tenant};
use crate::directory::{NewUser, UserChanges, UserDirectory};
use crate::store::AccountStatus;

pub(super) async fn each_set_of_fields_changes_and_no_other<S: UserDirectory>(store: &S) -> Kept {
    let acme = tenant("acme")?;
    for set in 0..16_u8 {
        let has = |bit: u8| set & bit != 0;
        let mut new = of(&acme, &format!("user{set}@example.com"))?;
        new.role = Some(role("member")?);
        new.password_hash = Some(hash(1));
        let before = store.create(new).await?;

        let mut changes = UserChanges::default();
        let (mut user, mut stored) = (before.clone(), hash(1));
        let mut status = AccountStatus::Active;
        if has(1) {
            user.email = email(&format!("new{set}@example.com"))?;
            changes.email = Some(user.email.clone());
        }
        if has(2) {
            user.role = Some(role("admin")?);
            changes.role = Some(user.role.clone());
        }
        if has(4) {
            stored = hash(2);
            changes.password_hash = Some(stored.clone());
        }
        if has(8) {
            status = AccountStatus::Disabled;
            changes.status = Some(status);
        }
        let answered = store
            .update(Some(&acme), &before.id, changes.clone(), None)
            .await?;
        let account = by_id(store, &before.id).await?;
        promise!(
            answered == user,
            "{changes:?} is answered with another user"
        );
        promise!(
            account.user == user,
            "{changes:?} leaves another user behind"
        );
        promise!(
            same_hash(account.password_hash.as_ref(), Some(&stored)),
            "{changes:?} leaves another hash behind"
        );
        promise!(
            account.status == status,
            "{changes:?} leaves the status {:?}",
            account.status
        );
    }
    Ok(())
}

pub(super) async fn a_role_is_given_taken_away_or_left<S: UserDirectory>(store: &S) -> Kept {
    let user = store
        .create(NewUser::new(email("anna@example.com")?))
        .await?;
    let admin = Some(role("admin")?);
    let left = || UserChanges {
        email: None,
        ..UserChanges::default()
    };
    let set = |role: &Option<_>| UserChanges {
        role: Some(role.clone()),
        ..UserChanges::default()
    };
    for (changes, expected) in [
        (left(), &None),
        (set(&admin), &admin),
        (left(), &admin),
        (set(&None), &None),
    ] {
        let answered = store.update(None, &user.id, changes, None).await?;
        let role = by_id(store, &user.id).await?.user.role;
        promise!(
            answered.role == *expected && role == *expected,
            "the role is {role:?}, not {expected:?}"
        );
    }
    Ok(())
}

pub(super) async fn the_epoch_grows_with_password_and_status_only<S: UserDirectory>(
    store: &S,
) -> Kept {
    let mut new = NewUser::new(email("anna@example.com")?);
    new.password_hash = Some(hash(1));
    let user = store.create(new).await?;
    let nothing = UserChanges::default;
    let password = |number| UserChanges {
        password_hash: Some(hash(number)),
        ..nothing()
    };
    let status = |status| UserChanges {
        status: Some(status),
        ..nothing()
    };
    let cases = [
        ("nothing", nothing(), false),
        (
            "the address",
            UserChanges {
                email: Some(email("a@example.com")?),
                ..nothing()
            },
            false,
        ),
        (
            "the role",
            UserChanges {
                role: Some(Some(role("admin")?)),
                ..nothing()
            },
            false,
        ),
        (
            "the status to what it is",
            status(AccountStatus::Active),
            false,
        ),
        ("the password", password(2), true),
        ("the password to what it is", password(2), true),
        ("the status", status(AccountStatus::Disabled), true),
        ("the status back", status(AccountStatus::Active), true),
    ];
    let mut epoch = by_id(store, &user.id).await?.epoch;
    for (what, changes, grows) in cases {
        store.update(None, &user.id, changes, None).await?;
        let now = by_id(store, &user.id).await?.epoch;
        if grows {
            promise!(
                now > epoch,
                "setting {what} left the epoch: older tokens would live on"
            );
        } else {
            promise!(
                now == epoch,
                "setting {what} moved the epoch: it would end all tokens"
            );
        }
        epoch = now;
    }
    Ok(())
}

/// A store that reads, changes in memory and writes the whole row back loses one of them.
pub(super) async fn concurrent_changes_of_different_fields_all_hold<S: UserDirectory>(
    store: &S,
) -> Kept {
    for round in 0..10 {
        let mut new = NewUser::new(email(&format!("user{round}@example.com"))?);
        new.password_hash = Some(hash(1));
        let user = store.create(new).await?;
        let nothing = UserChanges::default;
        let (address, admin) = (email(&format!("new{round}@example.com"))?, role("admin")?);
        let changes = [
            UserChanges {
                email: Some(address.clone()),
                ..nothing()
            },
            UserChanges {
                role: Some(Some(admin.clone())),
                ..nothing()
            },
            UserChanges {
                password_hash: Some(hash(2)),
                ..nothing()
            },
            UserChanges {
                status: Some(AccountStatus::Disabled),
                ..nothing()
            },
        ];
        for answer in join(changes.map(|change| store.update(None, &user.id, change, None))).await {
            answer?;
        }
        let account = by_id(store, &user.id).await?;
        let lost = [
            (account.user.email != address, "address"),
            (account.user.role != Some(admin), "role"),
            (
                !same_hash(account.password_hash.as_ref(), Some(&hash(2))),
                "password",
            ),
            (account.status != AccountStatus::Disabled, "status"),
        ];
        if let Some((_, field)) = lost.iter().find(|(lost, _)| *lost) {
            return Err(Fault(format!(
                "a concurrent change of the {field} was lost"
            )));
        }
        promise!(
            account.epoch >= 2,
            "two changes that end tokens, and the epoch is {}",
            account.epoch
        );
    }
    Ok(())
}
