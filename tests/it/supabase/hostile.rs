//! Ids, tenants, addresses and roles that try to be more than values: none becomes a part of a question.

use super::calls::{Desk, changes, emails};
use super::town::{PATIENCE, town};
use super::wire::{ACCOUNT, PROFILE, pairs};
use crate::server::users::hostile::{HOSTILE_IDS, HOSTILE_PATHS, hostile_ids, spelled};
use crate::stack::Stack;
use portcullis::directory::{DirectoryError, NewUser, Page, UserChanges, UserDirectory as _};
use portcullis::user::{Email, Role, TenantId};
use portcullis::{PasswordHash, UserId, UserStore as _};
use serde_json::json;
use std::collections::BTreeSet;

/// Values with all that means something in a query of PostgREST's, in SQL, or in an address.
const VALUES: [&str; 28] = [
    "null",
    "is.null",
    "not.is.null",
    "eq.x",
    "neq.x",
    "in.(a,b)",
    "a,b",
    "a.b",
    "a:b",
    "(a)",
    "\"a\"",
    "\"",
    "\\",
    "a\\\"b",
    "*",
    "%",
    "a&select=*",
    "a#b",
    "a+b",
    "a b",
    " a ",
    "a=b",
    "?",
    "a/../b",
    "';drop table users;--",
    "ä💥",
    "%26or",
    "a;b",
];

#[tokio::test(flavor = "multi_thread")]
async fn of_a_request_with_a_hostile_id_nothing_but_its_caller_is_looked_up() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let token = town.token(&town.anna).await;
    let caller = format!("eq.{}", town.anna.id);
    let only = pairs(&[("select", ACCOUNT), ("id", &caller)]);
    assert!(HOSTILE_IDS.len() >= 100);
    place.gateway.record();
    for bad in hostile_ids(&town.max.id) {
        for method in ["GET", "PATCH", "DELETE"] {
            let path = format!("/users/{bad}");
            let answer = town.json(method, &path, &token, r#"{"role":null}"#).await;
            assert_eq!(answer.status, 422, "{method} {bad}");
            let asked = place.gateway.taken();
            let [request] = asked.as_slice() else {
                panic!("{method} {bad} was {} requests", asked.len());
            };
            let line = (request.method.as_str(), request.path.as_str());
            assert_eq!(line, ("GET", "/rest/v1/users"), "{method} {bad}");
            assert_eq!(request.query, only, "{method} {bad}");
            assert!(request.body.is_empty());
        }
    }
    // What leads to no route is not even worth a look-up.
    for path in HOSTILE_PATHS {
        for method in ["GET", "PATCH", "DELETE"] {
            town.json(method, &spelled(path, &town.max.id), &token, "{}")
                .await;
        }
    }
    let stray = place.gateway.taken();
    assert!(stray.is_empty(), "{stray:?}");
}

/// Each spelling as it is, and as somebody would have it who decoded it once too often.
fn ids(known: &UserId) -> impl Iterator<Item = UserId> {
    let decoded = |text: &str| {
        let text = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
        let pairs = form_urlencoded::parse(text.as_bytes()).next();
        pairs.map(|(_, value)| value.into_owned()).unwrap()
    };
    hostile_ids(known)
        .flat_map(move |id| [decoded(&id), id])
        .chain(VALUES.map(str::to_owned))
        .chain([known.as_str().to_uppercase()])
        .filter_map(|id| UserId::new(id).ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_is_nobody_and_is_never_sent() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    let known = super::calls::insert(&place, "known@example.com");
    let tenant = TenantId::new(super::calls::TENANT).unwrap();
    let hash = PasswordHash::from_stored(super::calls::HASH);
    let store = &desk.store;
    let mut tried = 0;
    for id in ids(&known) {
        assert!(store.find_by_id(&id).await.unwrap().is_none(), "{id}");
        let updated = store.update(Some(&tenant), &id, changes(), None).await;
        assert!(matches!(updated, Err(DirectoryError::NotFound)), "{id}");
        let deleted = store.delete(Some(&tenant), &id, None).await;
        assert!(matches!(deleted, Err(DirectoryError::NotFound)), "{id}");
        assert!(
            !store
                .replace_password_hash(&id, &hash, &hash)
                .await
                .unwrap(),
            "{id}"
        );
        tried += 1;
    }
    assert!(tried > 200, "{tried}");
    assert_eq!(place.gateway.arrived(), 0);
    assert!(store.find_by_id(&known).await.unwrap().is_some());
}

/// The values, and the ids, as far as they can be names at all; each once.
fn names() -> BTreeSet<String> {
    let ids = HOSTILE_IDS.iter().map(|id| (*id).to_owned());
    let values = VALUES.map(str::to_owned).into_iter();
    ids.chain(values)
        .filter(|text| TenantId::new(text.clone()).is_ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_tenant_is_the_value_of_one_filter_and_sees_its_own_users_only() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    let names = names();
    for (number, name) in names.iter().enumerate() {
        let mut new = NewUser::new(format!("u{number}@example.com").parse().unwrap());
        new.tenant_id = Some(TenantId::new(name.clone()).unwrap());
        desk.store.create(new).await.unwrap();
    }
    place.gateway.record();
    for (number, name) in names.iter().enumerate() {
        let tenant = TenantId::new(name.clone()).unwrap();
        let listing = desk
            .store
            .list(Some(&tenant), Page::new(0, 100))
            .await
            .unwrap();
        assert_eq!(
            emails(&listing.users),
            [format!("u{number}@example.com")],
            "{name}"
        );
        assert_eq!(listing.total, 1, "{name}");
        let taken = place.gateway.taken();
        let filter = format!("eq.{name}");
        let query = [
            ("select", PROFILE),
            ("tenant_id", &filter),
            ("order", "created_at,id"),
            ("limit", "100"),
            ("offset", "0"),
        ];
        assert_eq!(taken.len(), 1, "{name}");
        assert_eq!(taken[0].query, pairs(&query), "{name}");
        assert_eq!(taken[0].path, "/rest/v1/users", "{name}");
    }
    // Those without a tenant are nobody's neighbours.
    let none = desk.store.list(None, Page::new(0, 100)).await.unwrap();
    assert_eq!((none.total, none.users.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tenants_and_roles_of_a_change_are_values_in_its_body() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    let id = super::calls::insert(&place, "known@example.com");
    place.gateway.record();
    for name in names() {
        let (tenant, role) = (
            TenantId::new(name.clone()).unwrap(),
            Role::new(name.clone()),
        );
        let mut changes = UserChanges::default();
        changes.role = Some(role.ok());
        let keep = Role::new(name.clone()).ok();
        let updated = desk
            .store
            .update(Some(&tenant), &id, changes.clone(), keep.as_ref())
            .await;
        assert!(matches!(updated, Err(DirectoryError::NotFound)), "{name}");
        let deleted = desk.store.delete(Some(&tenant), &id, keep.as_ref()).await;
        assert!(matches!(deleted, Err(DirectoryError::NotFound)), "{name}");
        let taken = place.gateway.taken();
        let select = pairs(&[("select", PROFILE)]);
        assert_eq!(taken.len(), 2, "{name}");
        for (request, path) in taken.iter().zip(["update", "delete"]) {
            assert_eq!(
                request.path,
                format!("/rest/v1/rpc/portcullis_{path}"),
                "{name}"
            );
            assert_eq!(request.query, select, "{name}");
            let body = request.json();
            assert_eq!(
                (&body["tenant"], &body["keep_role"]),
                (&json!(name), &json!(keep))
            );
            assert_eq!(body["user_id"], id.as_str());
        }
        assert_eq!(
            taken[0].json()["changes"],
            json!({ "role": keep }),
            "{name}"
        );

        // In its own tenant the role is kept as it was given.
        let own = TenantId::new(super::calls::TENANT).unwrap();
        let user = desk
            .store
            .update(Some(&own), &id, changes, None)
            .await
            .unwrap();
        assert_eq!(user.role, keep, "{name}");
        place.gateway.taken();
    }
    assert_eq!(place.sql("select count(*) from users"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_address_is_a_value_in_a_body_and_finds_its_own_user_only() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    let names = names();
    let addresses = names
        .iter()
        .filter_map(|name| Email::parse(&format!("{name}@example.com")).ok());
    let addresses: BTreeSet<Email> = addresses.collect();
    assert!(addresses.len() > 20, "{addresses:?}");
    for address in &addresses {
        desk.store
            .create(NewUser::new(address.clone()))
            .await
            .unwrap();
    }
    place.gateway.record();
    for address in &addresses {
        let found = desk.store.find_by_login(address.as_str()).await.unwrap();
        assert_eq!(found.unwrap().user.email, *address);
        let taken = place.gateway.taken();
        assert_eq!(taken.len(), 1, "{address}");
        assert_eq!(taken[0].path, "/rest/v1/rpc/portcullis_find_by_login");
        assert_eq!(taken[0].query, pairs(&[("select", ACCOUNT)]), "{address}");
        assert_eq!(taken[0].json(), json!({ "login": address.as_str() }));
    }
    // What is no address is nobody, and not worth a question.
    for name in names {
        assert!(
            desk.store.find_by_login(&name).await.unwrap().is_none(),
            "{name}"
        );
    }
    assert!(place.gateway.taken().is_empty());
}
