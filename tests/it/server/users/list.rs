//! `GET /users`: whose users, in which order, how many at a time (the contract's table 1.4).

use crate::server::site::{Site, on_each_store};
use crate::server::{BLUE, NEW_PASSWORD, RED, request};
use axum::http::HeaderValue;
use portcullis::UserStore as _;
use portcullis::directory::{NewUser, UserDirectory as _};
use portcullis::user::{Role, TenantId};
use serde_json::{Value, json};

on_each_store![
    the_list_has_the_callers_tenant_only_in_key_order_and_a_total,
    paging_is_bounded_and_bad_values_are_422,
    fifteen_hundred_users_are_paged_through_in_one_order,
    what_asks_for_other_rows_or_another_form_is_ignored,
    users_without_a_tenant_are_a_circle_of_their_own,
];

async fn the_list_has_the_callers_tenant_only_in_key_order_and_a_total(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let answer = town
        .call("GET", "/users?select=*&role=eq.admin&x=1", &token)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-total-count"), Some("3"));
    let emails: Vec<Value> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].clone())
        .collect();
    assert_eq!(emails.len(), 3);
    assert!(!answer.text.contains("bea@") && !answer.text.contains("ben@"));
    let anna = format!(
        r#"{{"email":"anna@example.com","role":"admin","id":"{}","tenant_id":"{RED}","created_at":"{}"}}"#,
        town.anna.id, town.anna.created_at
    );
    assert!(answer.text.contains(&anna), "{}", answer.text);
    assert!(
        answer
            .text
            .contains(r#""email":"nobody@example.com","role":null,"#)
    );
}

async fn paging_is_bounded_and_bad_values_are_422(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let huge = "9".repeat(30);
    for (query, count) in [
        ("limit=1", 1),
        ("limit=2&offset=2", 1),
        ("offset=3", 0),
        ("limit=5000", 3),
        (&format!("limit={huge}"), 3),
        (&format!("offset={huge}"), 0),
        ("offset=0", 3),
        ("offset=-0", 3),
    ] {
        let answer = town.call("GET", &format!("/users?{query}"), &token).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(answer.json().as_array().unwrap().len(), count, "{query}");
        assert_eq!(answer.header("x-total-count"), Some("3"), "{query}");
    }
    for (query, kind, place) in [
        ("limit=canary", "int_parsing", "limit"),
        ("limit=", "int_parsing", "limit"),
        ("limit=1.5", "int_parsing", "limit"),
        ("limit=0", "greater_than_equal", "limit"),
        ("limit=-1", "greater_than_equal", "limit"),
        ("offset=-1", "greater_than_equal", "offset"),
        ("offset=1;drop", "int_parsing", "offset"),
    ] {
        let answer = town.call("GET", &format!("/users?{query}"), &token).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(
            answer.problems(),
            [(kind.to_owned(), json!(["query", place]))]
        );
        assert!(!answer.text.contains("canary"));
    }
}

async fn fifteen_hundred_users_are_paged_through_in_one_order(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    // Straight into the store: hashing so many passwords would prove nothing here.
    let workers: Vec<_> = (0..6)
        .map(|worker| {
            let store = town.store.clone();
            tokio::spawn(async move {
                for number in 0..250 {
                    let email = format!("u{worker}-{number}@example.com");
                    let mut new = NewUser::new(email.parse().unwrap());
                    new.tenant_id = Some(TenantId::new(RED).unwrap());
                    store.create(new).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let page = async |query: &str| -> Vec<Value> {
        let answer = town.call("GET", &format!("/users?{query}"), &token).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(answer.header("x-total-count"), Some("1503"), "{query}");
        answer.json().as_array().unwrap().clone()
    };
    for (query, count) in [
        ("", 100),
        ("limit=1000", 1000),
        ("limit=1001", 1000),
        ("limit=1000&offset=1000", 503),
        ("limit=10&offset=1500", 3),
        ("offset=1503", 0),
    ] {
        assert_eq!(page(query).await.len(), count, "{query}");
    }
    let mut all = page("limit=1000").await;
    all.extend(page("limit=1000&offset=1000").await);
    let mut in_small_pages = Vec::new();
    for offset in (0..1503).step_by(167) {
        in_small_pages.extend(page(&format!("limit=167&offset={offset}")).await);
    }
    assert_eq!(in_small_pages, all);
    let place = |user: &Value| {
        let text = |key: &str| user[key].as_str().unwrap().to_owned();
        (text("created_at"), text("id"))
    };
    assert!(all.is_sorted_by(|a, b| place(a) < place(b)));
    assert!(all.iter().all(|user| user["tenant_id"] == RED));
}

async fn what_asks_for_other_rows_or_another_form_is_ignored(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let plain = town.call("GET", "/users", &token).await;
    let mut asked = request(
        "GET",
        "/users?id=neq.x&or=(role.eq.admin)&tenant_id=eq.x&columns=id&order=email.desc",
        &token,
        None,
    );
    for (name, value) in [
        ("range", "0-0"),
        ("range-unit", "items"),
        ("accept", "text/csv"),
        ("prefer", "count=none,return=minimal"),
        ("accept-profile", "auth"),
        ("x-http-method-override", "DELETE"),
    ] {
        let value = HeaderValue::from_static(value);
        asked.headers_mut().insert(name, value);
    }
    let answer = town.send(asked).await;
    assert_eq!((answer.status, &answer.text), (plain.status, &plain.text));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-total-count"), Some("3"));
    let max = format!("/users/{}", town.max.id);
    let asked = format!("{max}?select=password&id=neq.{}", town.max.id);
    let plain = town.call("GET", &max, &token).await;
    let answer = town.call("GET", &asked, &token).await;
    assert_eq!((answer.status, answer.text), (plain.status, plain.text));
}

async fn users_without_a_tenant_are_a_circle_of_their_own(site: impl Site) {
    let town = site.town(&[]).await;
    let mut new = NewUser::new("free@example.com".parse().unwrap());
    new.role = Some(Role::new("admin").unwrap());
    let hash = town.store.find_by_id(&town.anna.id).await.unwrap();
    new.password_hash = hash.unwrap().password_hash;
    let free = town.store.create(new).await.unwrap();
    let token = town.token(&free).await;
    let body = json!({"email": "new@example.com", "password": NEW_PASSWORD, "tenant_id": RED});
    let made = town.json("POST", "/users", &token, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["tenant_id"], Value::Null);

    let list = town.call("GET", "/users", &token).await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert_eq!(list.header("x-total-count"), Some("2"));
    assert!(!list.text.contains(RED) && !list.text.contains(BLUE));
    assert!(list.text.contains(r#""tenant_id":null,"#), "{}", list.text);
    let agent = town.call("GET", "/agent", &token).await;
    assert_eq!(agent.json()["tenant_id"], Value::Null);
    let made = format!("/users/{}", made.json()["id"].as_str().unwrap());
    // To have no tenant is not to have them all, and nobody reaches in from a tenant.
    let anna = town.token(&town.anna).await;
    let max = format!("/users/{}", town.max.id);
    for (path, token) in [(&max, &token), (&made, &anna)] {
        for (method, body) in [("GET", ""), ("PATCH", r#"{"role":null}"#), ("DELETE", "")] {
            let answer = town.json(method, path, token, body).await;
            assert_eq!(answer.status, 404, "{method}: {}", answer.text);
        }
    }
    assert_eq!(
        town.call("GET", "/users", &anna)
            .await
            .header("x-total-count"),
        Some("3")
    );
    let own = format!("/users/{}", free.id);
    assert_eq!(town.call("DELETE", &own, &token).await.status, 409);
    assert_eq!(town.call("DELETE", &made, &token).await.status, 200);
}
