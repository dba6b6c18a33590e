//! The promises of [`UserStore`].

use super::texts::{fault, hostile_ids, hostile_texts};
use super::{Fault, Kept, RIVALS, Seed, hash, join, promise};
use crate::password::PasswordHash;
use crate::store::{Account, AccountStatus, UserStore};
use crate::user::UserId;

/// One account of each kind.
pub(super) fn seeds() -> Vec<Seed> {
    let seed = |login: &str, password_hash, status| Seed {
        login: login.into(),
        password_hash,
        status,
    };
    vec![
        seed("anna@example.com", Some(hash(1)), AccountStatus::Active),
        seed("bert@example.com", Some(hash(2)), AccountStatus::Disabled),
        seed("carl@example.com", None, AccountStatus::Active),
    ]
}

pub(super) async fn everybody_is_found_by_login_and_by_id<S: UserStore>(store: &S) -> Kept {
    let mut ids: Vec<UserId> = Vec::new();
    for seed in seeds() {
        let login = &seed.login;
        let by_login = found(store, login).await?;
        let by_id = store.find_by_id(&by_login.id).await?;
        let Some(by_id) = by_id else {
            return Err(Fault(format!(
                "{login} is found by login but not by its id"
            )));
        };
        for (how, account) in [("login", &by_login), ("id", &by_id)] {
            promise!(
                same_hash(account.password_hash.as_ref(), seed.password_hash.as_ref()),
                "{login} by {how} has another password hash"
            );
            promise!(
                account.status == seed.status,
                "{login} by {how} is {:?}, not {:?}",
                account.status,
                seed.status
            );
        }
        promise!(
            by_id.id == by_login.id && by_id.epoch == by_login.epoch,
            "{login} is another account by id than by login"
        );
        promise!(!ids.contains(&by_id.id), "two accounts have one id");
        ids.push(by_id.id);
    }
    Ok(())
}

pub(super) async fn unknown_logins_and_ids_find_nobody<S: UserStore>(store: &S) -> Kept {
    let mut logins = hostile_texts();
    logins.extend(["zoe@example.com", "anna@example.org", "anna", "", " "].map(String::from));
    for login in logins {
        expect_nobody("login", &login, store.find_by_login(&login).await)?;
    }
    for id in hostile_ids() {
        expect_nobody("id", id.as_str(), store.find_by_id(&id).await)?;
    }
    // The store still works, and the accounts are still there.
    found(store, "anna@example.com").await.map(drop)
}

/// An error would be taken for an outage, which anybody could then cause.
fn expect_nobody<T, E: core::error::Error>(
    what: &str,
    text: &str,
    answer: Result<Option<T>, E>,
) -> Kept {
    match answer {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(fault(what, text, "finds somebody")),
        Err(error) => Err(fault(what, text, Fault::from(error).0)),
    }
}

pub(super) async fn a_hash_is_replaced_only_in_the_place_of_the_old_one<S: UserStore>(
    store: &S,
) -> Kept {
    let (one, two, nine) = (hash(1), hash(2), hash(9));
    let anna = found(store, "anna@example.com").await?;
    let carl = found(store, "carl@example.com").await?;
    let replace = async |id: &UserId, old, new| store.replace_password_hash(id, old, new).await;

    promise!(
        !replace(&anna.id, &two, &nine).await?,
        "a hash that was not the stored one was replaced"
    );
    promise!(
        !replace(&anna.id, &nine, &nine).await?,
        "`true` though the old hash is not the stored one"
    );
    expect_hash(store, "anna@example.com", Some(&one)).await?;
    promise!(
        replace(&anna.id, &one, &nine).await?,
        "`false` though the old hash is the stored one"
    );
    expect_hash(store, "anna@example.com", Some(&nine)).await?;
    promise!(
        !replace(&anna.id, &one, &two).await?,
        "a hash was replaced by one that came too late"
    );
    expect_hash(store, "anna@example.com", Some(&nine)).await?;
    promise!(
        !replace(&carl.id, &one, &nine).await?,
        "an account without a hash was given one"
    );
    expect_hash(store, "carl@example.com", None).await?;
    expect_hash(store, "bert@example.com", Some(&two)).await?;
    for id in hostile_ids() {
        promise!(
            !replace(&id, &two, &nine).await?,
            "`true` for the unknown id {id:?}"
        );
    }
    let epoch = found(store, "anna@example.com").await?.epoch;
    promise!(
        epoch == anna.epoch,
        "replacing a hash moved the epoch from {} to {epoch}: it would end all tokens",
        anna.epoch
    );
    Ok(())
}

pub(super) async fn of_many_concurrent_replacements_one_wins<S: UserStore>(store: &S) -> Kept {
    let anna = found(store, "anna@example.com").await?;
    let old = hash(1);
    let news: Vec<PasswordHash> = (0..RIVALS)
        .map(|rival| hash(100_u8.saturating_add(rival)))
        .collect();
    let answers = join(
        news.iter()
            .map(|new| store.replace_password_hash(&anna.id, &old, new)),
    )
    .await;
    let mut winners = Vec::new();
    for (new, answer) in news.iter().zip(answers) {
        if answer? {
            winners.push(new);
        }
    }
    let [winner] = winners.as_slice() else {
        return Err(Fault(format!(
            "{} of {RIVALS} concurrent replacements of one hash were answered `true`",
            winners.len()
        )));
    };
    expect_hash(store, "anna@example.com", Some(winner)).await
}

pub(super) async fn found<S: UserStore>(store: &S, login: &str) -> Result<Account<S::User>, Fault> {
    let account = store.find_by_login(login).await?;
    account.ok_or_else(|| Fault(format!("nobody is found by the login {login:?}")))
}

async fn expect_hash<S: UserStore>(store: &S, login: &str, hash: Option<&PasswordHash>) -> Kept {
    let account = found(store, login).await?;
    promise!(
        same_hash(account.password_hash.as_ref(), hash),
        "the stored hash of {login} is not the one expected"
    );
    Ok(())
}

/// Hashes are compared as text: byte for byte is the promise.
pub(super) fn same_hash(one: Option<&PasswordHash>, other: Option<&PasswordHash>) -> bool {
    one.map(PasswordHash::expose) == other.map(PasswordHash::expose)
}
