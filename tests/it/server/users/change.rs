//! `PATCH /users/{user_id}`: what can be changed, with which proof, and what follows (the contract's table 1.7).

use crate::server::site::{Site, on_each_store};
use crate::server::{BLUE, NEW_PASSWORD, PASSWORD, RED, request};
use portcullis::directory::{NewUser, UserDirectory as _};
use portcullis::user::TenantId;
use serde_json::{Value, json};

on_each_store![
    any_part_of_a_user_can_be_changed_and_nothing_else,
    ones_own_password_and_address_need_the_current_password,
    a_current_password_of_the_wrong_form_is_422_even_where_none_is_needed,
    a_new_password_ends_older_tokens_and_a_new_role_does_not,
    of_ten_who_are_given_one_address_at_once_one_gets_it,
    a_new_address_signs_in_and_the_old_one_is_free,
];

async fn any_part_of_a_user_can_be_changed_and_nothing_else(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let path = format!("/users/{}", town.max.id);
    let change = async |body: Value| town.json("PATCH", &path, &token, &body.to_string()).await;

    let answer = change(json!({"role": "admin"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["role"], "admin");
    assert_eq!(answer.json()["email"], "max@example.com");
    assert_eq!(
        change(json!({"role": null})).await.json()["role"],
        Value::Null
    );
    let moved =
        change(json!({"email": "Maximilian@example.com", "tenant_id": BLUE, "id": "x"})).await;
    assert_eq!(moved.json()["email"], "maximilian@example.com");
    assert_eq!(moved.json()["tenant_id"], RED);
    assert_eq!(moved.json()["id"], town.max.id.as_str());
    assert_eq!(change(json!({"password": NEW_PASSWORD})).await.status, 200);
    let form = format!("username=maximilian@example.com&password={NEW_PASSWORD}");
    assert_eq!(town.form(&form).await.status, 200);

    // Also an address of another tenant, and it is not said whose.
    for taken in ["anna@example.com", " BEA@example.com"] {
        let answer = change(json!({"email": taken, "role": "admin"})).await;
        assert_eq!(answer.status, 409, "{taken}");
        assert_eq!(
            answer.text,
            r#"{"detail":"A user with this email already exists"}"#
        );
    }
    // What was refused left nothing behind, and one's own address is not taken.
    let same = change(json!({"email": "MAXIMILIAN@example.com"})).await;
    assert_eq!(same.status, 200, "{}", same.text);
    assert_eq!(same.json()["role"], Value::Null);
    for (body, kind, place) in [
        (json!({}), "value_error", json!(["body"])),
        (json!({"tenant_id": BLUE}), "value_error", json!(["body"])),
        (
            json!({"current_password": PASSWORD}),
            "value_error",
            json!(["body"]),
        ),
        (
            json!({"email": null}),
            "string_type",
            json!(["body", "email"]),
        ),
        (
            json!({"password": null}),
            "string_type",
            json!(["body", "password"]),
        ),
        (
            json!({"password": "short"}),
            "string_too_short",
            json!(["body", "password"]),
        ),
        (json!({"role": "boss"}), "enum", json!(["body", "role"])),
    ] {
        let answer = change(body.clone()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.problems(), [(kind.to_owned(), place)], "{body}");
    }
    assert_eq!(town.form(&form).await.status, 200);
}

async fn ones_own_password_and_address_need_the_current_password(site: impl Site) {
    let town = site.town(&[]).await;
    for user in [&town.max, &town.anna] {
        let token = town.token(user).await;
        let path = format!("/users/{}", user.id);
        for change in [
            json!({"password": NEW_PASSWORD}),
            json!({"email": "other@example.com"}),
        ] {
            let answer = town.json("PATCH", &path, &token, &change.to_string()).await;
            assert_eq!(answer.status, 422);
            assert_eq!(
                answer.problems(),
                [("missing".to_owned(), json!(["body", "current_password"]))]
            );
            let mut wrong = change.clone();
            wrong["current_password"] = json!("wrong");
            let answer = town.json("PATCH", &path, &token, &wrong.to_string()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text.as_str()),
                (403, r#"{"detail":"Current password is incorrect"}"#)
            );
        }
        let email = format!("x{}", user.email);
        let body = json!({"email": email, "current_password": PASSWORD}).to_string();
        let answer = town.json("PATCH", &path, &token, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["email"], email);
    }
}

async fn a_current_password_of_the_wrong_form_is_422_even_where_none_is_needed(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    // The caller, who needs one, and another user, for whom none is needed.
    for (user, right_form) in [(&town.anna, 403), (&town.max, 200)] {
        let path = format!("/users/{}", user.id);
        for (current, kind) in [
            (json!(null), "string_type"),
            (json!(5), "string_type"),
            (json!(["canary"]), "string_type"),
            (json!(""), "string_too_short"),
            (json!("x".repeat(1025)), "string_too_long"),
            (json!("\u{1f9ff}".repeat(1025)), "string_too_long"),
        ] {
            let body = json!({"email": "new@example.com", "current_password": current}).to_string();
            let answer = town.json("PATCH", &path, &token, &body).await;
            assert_eq!(answer.status, 422, "{}", answer.text);
            let place = json!(["body", "current_password"]);
            assert_eq!(answer.problems(), [(kind.to_owned(), place)]);
        }
        let longest = json!({"email": "new@example.com", "current_password": "x".repeat(1024)});
        let answer = town
            .json("PATCH", &path, &token, &longest.to_string())
            .await;
        assert_eq!(answer.status, right_form, "{}", answer.text);
    }
}

async fn a_new_password_ends_older_tokens_and_a_new_role_does_not(site: impl Site) {
    let town = site.town(&[]).await;
    let admin = town.token(&town.anna).await;
    let token = town.token(&town.max).await;
    let path = format!("/users/{}", town.max.id);
    assert_eq!(town.call("GET", "/users", &token).await.status, 403);
    town.json("PATCH", &path, &admin, r#"{"role":"admin"}"#)
        .await;
    assert_eq!(town.call("GET", "/users", &token).await.status, 200);
    town.json("PATCH", &path, &admin, r#"{"role":"member"}"#)
        .await;
    assert_eq!(town.call("GET", "/users", &token).await.status, 403);

    let body = json!({"password": NEW_PASSWORD, "current_password": PASSWORD}).to_string();
    assert_eq!(town.json("PATCH", &path, &token, &body).await.status, 200);
    let answer = town.call("GET", "/users/me", &token).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="invalid_token""#)
    );
    let fresh = town.token_with(&town.max, NEW_PASSWORD).await;
    assert_eq!(town.call("GET", "/users/me", &fresh).await.status, 200);

    assert_eq!(town.call("DELETE", &path, &admin).await.status, 200);
    assert_eq!(town.call("GET", "/users/me", &fresh).await.status, 401);
}

async fn of_ten_who_are_given_one_address_at_once_one_gets_it(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let mut tries = Vec::new();
    for number in 0..10 {
        let mut new = NewUser::new(format!("n{number}@example.com").parse().unwrap());
        new.tenant_id = Some(TenantId::new(RED).unwrap());
        let user = town.store.create(new).await.unwrap();
        let (path, body) = (
            format!("/users/{}", user.id),
            r#"{"email":"same@example.com"}"#,
        );
        tries.push(request("PATCH", &path, &token, Some(body)));
    }
    let tries: Vec<_> = tries
        .into_iter()
        .map(|one| tokio::spawn(tower::ServiceExt::oneshot(town.router.clone(), one)))
        .collect();
    let mut statuses = Vec::new();
    for one in tries {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert_eq!(statuses[1..], [409; 9]);
    let list = town.call("GET", "/users", &token).await;
    assert_eq!(list.header("x-total-count"), Some("13"));
    assert_eq!(list.text.matches("same@example.com").count(), 1);
}

async fn a_new_address_signs_in_and_the_old_one_is_free(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let own = town.token(&town.max).await;
    let path = format!("/users/{}", town.max.id);
    let body = r#"{"email":"new@example.com"}"#;
    assert_eq!(town.json("PATCH", &path, &token, body).await.status, 200);
    let form = |name: &str| format!("username={name}@example.com&password={PASSWORD}");
    assert_eq!(town.form(&form("new")).await.status, 200);
    assert_eq!(town.form(&form("max")).await.status, 401);
    // An address is no password: the tokens that are out stay good.
    let me = town.call("GET", "/users/me", &own).await;
    assert_eq!(me.json()["email"], "new@example.com");
    let body = json!({"email": "max@example.com", "password": NEW_PASSWORD}).to_string();
    let again = town.json("POST", "/users", &token, &body).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_ne!(again.json()["id"], town.max.id.as_str());
}
