//! `DELETE /users/{user_id}`, and that a tenant keeps an admin (the contract's table 1.8).

use crate::server::site::{Site, on_each_store};
use crate::server::{NEW_PASSWORD, PASSWORD, request};
use portcullis::directory::{UserChanges, UserDirectory as _};
use portcullis::store::AccountStatus;
use serde_json::json;

on_each_store![
    deleting_works_once_and_spares_the_last_admin,
    a_deleted_users_address_is_free_and_its_sign_in_gone,
    an_admin_may_step_down_while_another_who_can_act_is_there,
    two_admins_who_remove_each_other_at_once_leave_one,
];

async fn deleting_works_once_and_spares_the_last_admin(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let max = format!("/users/{}", town.max.id);
    let answer = town
        .json("DELETE", &max, &token, r#"{"ignored":true}"#)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text, r#"{"message":"User deleted successfully"}"#);
    for method in ["DELETE", "GET"] {
        let answer = town.call(method, &max, &token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (404, r#"{"detail":"User not found"}"#)
        );
    }
    assert_eq!(
        town.json("PATCH", &max, &token, r#"{"role":null}"#)
            .await
            .status,
        404
    );

    let own = format!("/users/{}", town.anna.id);
    let needed = r#"{"detail":"The tenant needs at least one admin"}"#;
    for (method, body) in [
        ("DELETE", ""),
        ("PATCH", r#"{"role":"member"}"#),
        ("PATCH", r#"{"role":null}"#),
    ] {
        let answer = town.json(method, &own, &token, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (409, needed)
        );
    }
    assert_eq!(
        town.json("PATCH", &own, &token, r#"{"role":"admin"}"#)
            .await
            .status,
        200
    );
    let nobody = format!("/users/{}", town.nobody.id);
    town.json("PATCH", &nobody, &token, r#"{"role":"admin"}"#)
        .await;
    assert_eq!(town.call("DELETE", &own, &token).await.status, 200);
    assert_eq!(town.call("GET", "/users", &token).await.status, 401);
}

async fn a_deleted_users_address_is_free_and_its_sign_in_gone(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let max = format!("/users/{}", town.max.id);
    assert_eq!(town.call("DELETE", &max, &token).await.status, 200);
    let form = format!("username=max@example.com&password={PASSWORD}");
    assert_eq!(town.form(&form).await.status, 401);
    let list = town.call("GET", "/users", &token).await;
    assert_eq!(list.header("x-total-count"), Some("2"));
    let body = json!({"email": "max@example.com", "password": NEW_PASSWORD}).to_string();
    let again = town.json("POST", "/users", &token, &body).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_ne!(again.json()["id"], town.max.id.as_str());
    assert_eq!(town.call("GET", &max, &token).await.status, 404);
}

async fn an_admin_may_step_down_while_another_who_can_act_is_there(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let (anna, max) = (
        format!("/users/{}", town.anna.id),
        format!("/users/{}", town.max.id),
    );
    let step_down = r#"{"role":"member"}"#;
    let raise = r#"{"role":"admin"}"#;
    assert_eq!(town.json("PATCH", &max, &token, raise).await.status, 200);
    let set = async |status: AccountStatus| {
        let mut changes = UserChanges::default();
        changes.status = Some(status);
        let tenant = town.max.tenant_id.as_ref();
        let update = town.store.update(tenant, &town.max.id, changes, None);
        update.await.unwrap();
    };
    // Who can't sign in administers nothing, and doesn't count.
    set(AccountStatus::Disabled).await;
    for (method, body) in [("PATCH", step_down), ("DELETE", "")] {
        let answer = town.json(method, &anna, &token, body).await;
        assert_eq!(answer.status, 409, "{method}: {}", answer.text);
    }
    set(AccountStatus::Active).await;
    let answer = town.json("PATCH", &anna, &token, step_down).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["role"], "member");
    assert_eq!(town.call("GET", "/users", &token).await.status, 403);
    assert_eq!(town.call("GET", "/users/me", &token).await.status, 200);
}

async fn two_admins_who_remove_each_other_at_once_leave_one(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let mut admins = vec![(town.anna.clone(), token.clone())];
    for user in [&town.max, &town.nobody] {
        let path = format!("/users/{}", user.id);
        let raised = town.json("PATCH", &path, &token, r#"{"role":"admin"}"#);
        assert_eq!(raised.await.status, 200);
        admins.push((user.clone(), town.token(user).await));
    }
    // In a ring: everybody removes the next one.
    let tries: Vec<_> = (0..admins.len())
        .map(|one| {
            let (victim, _) = &admins[(one + 1) % admins.len()];
            let path = format!("/users/{}", victim.id);
            let request = request("DELETE", &path, &admins[one].1, None);
            tokio::spawn(tower::ServiceExt::oneshot(town.router.clone(), request))
        })
        .collect();
    let mut removed = 0;
    for one in tries {
        let status = one.await.unwrap().unwrap().status().as_u16();
        // Removed before its own request was looked at, or the last one.
        assert!([200, 401, 409].contains(&status), "{status}");
        removed += usize::from(status == 200);
    }
    assert!((1..=2).contains(&removed), "{removed}");
    let mut left = 0;
    for (_, token) in &admins {
        left += usize::from(town.call("GET", "/users", token).await.status == 200);
    }
    assert_eq!(left, admins.len() - removed);
}
