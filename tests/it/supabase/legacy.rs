//! Rows that another program left: the original's table, and what it let people write.

use super::store;
use crate::stack::{Place, Stack};
use portcullis::directory::{DirectoryError, NewUser, Page, UserChanges, UserDirectory as _};
use portcullis::password::{Password, Verdict};
use portcullis::stores::supabase::{Progress, Schema, SupabaseStore};
use portcullis::test_util::cheap_hash_params;
use portcullis::user::TenantId;
use portcullis::{PasswordHash, PasswordHasher, UserId, UserStore as _};
use std::sync::Mutex;

const TENANT: &str = "3f2b8a52-7f11-4a58-9a61-1b1a6e0d9c01";

/// The original's table with these rows (`email, password, role, tenant_id`), brought up to date.
fn left_behind(rows: &str) -> (Place, SupabaseStore) {
    let place = Stack::shared().place();
    place.sql(
        "drop table users cascade;
         create table users (
            id uuid primary key default gen_random_uuid(), email text unique, password text not null,
            role text, tenant_id uuid, created_at timestamptz default now());",
    );
    if !rows.is_empty() {
        place.sql(&format!(
            "insert into users (email, password, role, tenant_id) values {rows}"
        ));
    }
    let schema = Schema::default().schema(&place.schema);
    place.sql(&schema.migration().unwrap());
    place.reload();
    let store = store(&place);
    (place, store)
}

fn id(place: &Place, email: &str) -> UserId {
    let id = place.sql(&format!("select id from users where email = '{email}'"));
    UserId::new(id.trim()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_role_or_tenant_and_odd_addresses_are_read() {
    let (place, store) = left_behind(&format!(
        "('Test@Example.com', 'alice-pw', null, null), ('not an email', 'x', '', null), ('', 'y', 'admin', null),
         ('tenant@example.com', 'z', 'admin', '{TENANT}')"
    ));
    store.check().await.unwrap();
    let found = store
        .find_by_login("test@example.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.user.email.as_str(), "test@example.com");
    assert!(found.user.role.is_none() && found.user.tenant_id.is_none());
    assert!(found.password_hash.is_none(), "clear text is no hash");

    let list = store.list(None, Page::new(0, 10)).await.unwrap();
    assert_eq!((list.users.len(), list.total), (3, 3));
    let odd = list
        .users
        .iter()
        .find(|user| user.email.as_str() == "not an email");
    assert!(odd.unwrap().role.is_none(), "an empty role gives no rights");
    assert!(list.users.iter().any(|user| user.email.as_str().is_empty()));
    for login in ["not an email", "", " "] {
        assert!(
            store.find_by_login(login).await.unwrap().is_none(),
            "{login:?}"
        );
    }
    // It can be mended.
    let changes = |email: &str| {
        let mut changes = UserChanges::default();
        changes.email = Some(email.parse().unwrap());
        changes
    };
    let odd = id(&place, "not an email");
    store
        .update(None, &odd, changes("odd@example.com"), None)
        .await
        .unwrap();
    assert_eq!(
        store
            .find_by_login("odd@example.com")
            .await
            .unwrap()
            .unwrap()
            .id,
        odd
    );
    // The address is one, however it is spelled.
    let taken = store
        .update(None, &odd, changes("test@example.com"), None)
        .await;
    assert!(matches!(taken, Err(DirectoryError::Duplicate)));

    let tenant = TenantId::new(TENANT).unwrap();
    assert_eq!(
        store
            .list(Some(&tenant), Page::new(0, 10))
            .await
            .unwrap()
            .total,
        1
    );
    // In a column of UUIDs no other tenant can be.
    let nobodys = TenantId::new("red").unwrap();
    assert_eq!(
        store
            .list(Some(&nobodys), Page::new(0, 10))
            .await
            .unwrap()
            .total,
        0
    );
    let gone = store.delete(Some(&nobodys), &odd, None).await;
    assert!(matches!(gone, Err(DirectoryError::NotFound)));
    // New users need no clear-text password any more.
    store
        .create(NewUser::new("new@example.com".parse().unwrap()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_may_be_counted_and_a_tenant_that_is_none_is_an_error() {
    let place = Stack::shared().place();
    place.sql("alter table users alter tenant_id type bigint using null");
    place.reload();
    let seven = TenantId::new("7").unwrap();
    let mut new = NewUser::new("anna@example.com".parse().unwrap());
    new.tenant_id = Some(seven.clone());
    let counting = store(&place);
    let anna = counting.create(new).await.unwrap();
    assert_eq!(anna.tenant_id.as_ref(), Some(&seven));
    assert_eq!(
        counting
            .list(Some(&seven), Page::new(0, 9))
            .await
            .unwrap()
            .users,
        std::slice::from_ref(&anna)
    );
    counting.delete(Some(&seven), &anna.id, None).await.unwrap();

    let place = Stack::shared().place();
    place.sql("insert into users (email, tenant_id) values ('anna@example.com', '')");
    let error = store(&place)
        .find_by_id(&id(&place, "anna@example.com"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a row in the table of users has a tenant that is none"
    );
}

fn hashes() -> PasswordHasher {
    PasswordHasher::new(cheap_hash_params()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_becomes_hashes_in_place_and_can_be_stopped_and_resumed() {
    let rows: Vec<String> = (0..100)
        .map(|n| format!("('user{n}@example.com', 'pass wörd {n}', null, null)"))
        .chain([format!(
            "('long@example.com', '{}', null, null)",
            "x".repeat(1025)
        )])
        .chain(["('empty@example.com', '', null, null)".to_owned()])
        .collect();
    let (place, store) = left_behind(&rows.join(","));
    let hasher = hashes();
    let hash = |password: &Password| hasher.hash(password).map_err(|error| error.to_string());

    // Stopped in the middle.
    let so_far = Mutex::new(0);
    let stopped = store
        .import_passwords(
            async |password| {
                *so_far.lock().unwrap() += 1;
                if *so_far.lock().unwrap() > 50 {
                    Err("stopped".to_owned())
                } else {
                    hash(&password)
                }
            },
            |_| {},
        )
        .await;
    assert_eq!(
        stopped.unwrap_err().to_string(),
        "a password could not be hashed"
    );
    let done = place
        .sql("select count(*) from users where password_hash is not null and password is null");
    assert!((1..100).contains(&done.trim().parse().unwrap()), "{done}");
    let undone = place.sql("select count(*) from users where password is not null");
    let undone: u64 = undone.trim().parse().unwrap();

    let seen = Mutex::new(Vec::<Progress>::new());
    let imported = store
        .import_passwords(
            async |password| hash(&password),
            |progress| seen.lock().unwrap().push(progress),
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!(imported.hashed, undone - 1);
    assert_eq!(imported.left, [id(&place, "long@example.com")]);
    assert_eq!(imported.remaining, 1);
    let seen = seen.into_inner().unwrap();
    assert_eq!(
        seen.first().map(|at| (at.done, at.total)),
        Some((0, undone))
    );
    assert_eq!(
        seen.last().map(|at| (at.done, at.total)),
        Some((undone, undone))
    );
    assert!(seen.is_sorted_by_key(|at| at.done));

    assert_eq!(
        place
            .sql("select email from users where password is not null")
            .trim(),
        "long@example.com",
        "as it was"
    );
    assert_eq!(
        place
            .sql("select count(*) from users where password_hash is null")
            .trim(),
        "2"
    );
    for n in [0, 50, 99] {
        let account = store
            .find_by_login(&format!("user{n}@example.com"))
            .await
            .unwrap()
            .unwrap();
        let hash = account.password_hash.unwrap();
        let verdict = hasher.verify(&Password::new(format!("pass wörd {n}")), &hash);
        assert_eq!(verdict, Verdict::Match, "user{n}");
        assert_eq!(account.epoch, 0, "the password is the same: tokens live on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_meanwhile_is_left_for_the_next_time() {
    let (place, store) = left_behind("('anna@example.com', 'old', null, null)");
    let hasher = hashes();
    let change = "update users set password = 'new' where email = 'anna@example.com'";
    let imported = store
        .import_passwords(
            async |password| {
                // The original goes on writing while this one is hashed.
                place.sql(change);
                hasher.hash(&password)
            },
            |_| {},
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!((imported.hashed, imported.remaining), (0, 1));
    let again = store
        .import_passwords(async |password| hasher.hash(&password), |_| {})
        .await;
    assert_eq!(again.unwrap().unwrap().remaining, 0);

    // Once more, over a hash: a newer password, so older tokens end.
    place.sql("update users set password = 'newest'");
    store
        .import_passwords(async |password| hasher.hash(&password), |_| {})
        .await
        .unwrap();
    let account = store
        .find_by_login("anna@example.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(account.epoch, 1);
    let hash: PasswordHash = account.password_hash.unwrap();
    let verdict = hasher.verify(&Password::new("newest"), &hash);
    assert_eq!(verdict, Verdict::Match);

    place.sql(&Schema::default().schema(&place.schema).drop_clear_text());
    place.reload();
    let none = store
        .import_passwords(async |password| hasher.hash(&password), |_| {})
        .await;
    assert!(none.unwrap().is_none());
    store.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_hide_something_are_read_and_listed_by_a_check_of_their_own() {
    let (place, store) = left_behind(
        "('a@example.com', 'x', 'admin', null), ('b@example.com', 'x', U&'admin\\200B', null),
         ('c@example.com', 'x', 'admin ', null), ('d@example.com', 'x', '', null)",
    );
    store.check().await.unwrap();
    let mut listed = store.check_identifiers().await.unwrap();
    listed.sort();
    let line = |email: &str, role: &str| {
        let id = id(&place, email);
        format!("user \"{id}\": the role {role} has invisible characters, or white space at an end")
    };
    let mut expected = [
        line("b@example.com", r#""admin\u{200b}""#),
        line("c@example.com", r#""admin ""#),
    ];
    expected.sort();
    assert_eq!(listed, expected);
    let found = store
        .find_by_id(&id(&place, "c@example.com"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.user.role.unwrap().as_str(), "admin ");
    // More rows than one page has.
    place.sql("insert into users (email, password, role) select format('u%s@example.com', n), 'x', ' x' from generate_series(1, 1200) n");
    assert_eq!(store.check_identifiers().await.unwrap().len(), 100);
}
