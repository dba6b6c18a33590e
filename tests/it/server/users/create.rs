//! `POST /users`: what comes of a body that is right (the contract's table 1.6); `bodies.rs` has the wrong ones.

use crate::server::site::{Site, on_each_store};
use crate::server::{BLUE, NEW_PASSWORD, PASSWORD, RED, request};
use portcullis::{UserId, UserStore as _};
use serde_json::{Value, json};

on_each_store![
    creating_gives_201_the_user_and_its_location_in_the_callers_tenant,
    of_twenty_equal_addresses_at_once_one_is_created,
    the_role_is_the_one_that_was_given_or_none,
    the_store_gets_an_argon2id_hash_and_never_the_password,
];

async fn creating_gives_201_the_user_and_its_location_in_the_callers_tenant(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let body = json!({
        "email": " New@Example.com ", "password": NEW_PASSWORD,
        "tenant_id": BLUE, "id": "1", "is_admin": true,
    });
    let answer = town.json("POST", "/users", &token, &body.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = answer.json();
    let keys: Vec<&str> = answer
        .text
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|key| user.get(key).is_some())
        .collect();
    assert_eq!(keys, ["email", "role", "id", "tenant_id", "created_at"]);
    assert_eq!(user["email"], "new@example.com");
    assert_eq!(user["role"], Value::Null);
    assert_eq!(user["tenant_id"], RED);
    let id = user["id"].as_str().unwrap();
    assert_eq!(
        answer.header("location"),
        Some(format!("/users/{id}").as_str())
    );
    let read = town
        .call("GET", &format!("/users/{}", id.to_uppercase()), &token)
        .await;
    assert_eq!(read.json(), user);
    let form = format!("username=NEW@example.com&password={NEW_PASSWORD}");
    assert_eq!(town.form(&form).await.status, 200);

    let again = town.json("POST", "/users", &token, &body.to_string()).await;
    assert_eq!(again.status, 409);
    assert_eq!(
        again.text,
        r#"{"detail":"A user with this email already exists"}"#
    );
    // Also an address of another tenant, and it is not said whose.
    let body = json!({"email": "BEA@example.com", "password": NEW_PASSWORD, "role": "member"});
    let foreign = town.json("POST", "/users", &token, &body.to_string()).await;
    assert_eq!((foreign.status, foreign.text), (again.status, again.text));
}

async fn of_twenty_equal_addresses_at_once_one_is_created(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let body = json!({"email": "same@example.com", "password": NEW_PASSWORD}).to_string();
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (router, request) = (
                town.router.clone(),
                request("POST", "/users", &token, Some(&body)),
            );
            tokio::spawn(tower::ServiceExt::oneshot(router, request))
        })
        .collect();
    let mut statuses = Vec::new();
    for one in tries {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(
        statuses[1..].iter().all(|status| *status == 409),
        "{statuses:?}"
    );
    let list = town.call("GET", "/users", &token).await;
    assert_eq!(list.header("x-total-count"), Some("4"));
    assert_eq!(list.text.matches("same@example.com").count(), 1);
    let form = format!("username=same@example.com&password={NEW_PASSWORD}");
    assert_eq!(town.form(&form).await.status, 200);
}

async fn the_role_is_the_one_that_was_given_or_none(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    for (number, role) in [json!("admin"), json!("member"), Value::Null]
        .into_iter()
        .enumerate()
    {
        let body = json!({
            "email": format!("n{number}@example.com"), "password": NEW_PASSWORD, "role": role,
        });
        let answer = town.json("POST", "/users", &token, &body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["role"], role);
        let path = format!("/users/{}", answer.json()["id"].as_str().unwrap());
        assert_eq!(town.call("GET", &path, &token).await.json()["role"], role);
    }
}

async fn the_store_gets_an_argon2id_hash_and_never_the_password(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let body = json!({"email": "new@example.com", "password": NEW_PASSWORD}).to_string();
    let made = town.json("POST", "/users", &token, &body).await.json();
    let id = UserId::new(made["id"].as_str().unwrap()).unwrap();
    let stored = async || {
        let account = town.store.find_by_id(&id).await.unwrap().unwrap();
        account.password_hash.unwrap().expose().to_owned()
    };
    let first = stored().await;
    let path = format!("/users/{id}");
    let body = json!({"password": PASSWORD}).to_string();
    assert_eq!(town.json("PATCH", &path, &token, &body).await.status, 200);
    let second = stored().await;
    assert_ne!(first, second);
    for hash in [first, second] {
        assert!(hash.starts_with("$argon2id$v=19$"));
        assert!(!hash.contains("canary"));
    }
}
