//! `/users`: the contract's tables 1.4 to 1.8, line by line.

use super::{NEW_PASSWORD, PASSWORD, Town, request};
use portcullis::user::Role;
use serde_json::{Value, json};

#[tokio::test]
async fn the_list_has_the_callers_tenant_only_in_key_order_and_a_total() {
    let town = Town::new().await;
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
        r#"{{"email":"anna@example.com","role":"admin","id":"{}","tenant_id":"red","created_at":"{}"}}"#,
        town.anna.id, town.anna.created_at
    );
    assert!(answer.text.contains(&anna), "{}", answer.text);
    assert!(
        answer
            .text
            .contains(r#""email":"nobody@example.com","role":null,"#)
    );
}

#[tokio::test]
async fn paging_is_bounded_and_bad_values_are_422() {
    let town = Town::new().await;
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

#[tokio::test]
async fn creating_gives_201_the_user_and_its_location_in_the_callers_tenant() {
    let town = Town::new().await;
    let token = town.token(&town.anna).await;
    let body = json!({
        "email": " New@Example.com ", "password": NEW_PASSWORD,
        "tenant_id": "blue", "id": "1", "is_admin": true,
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
    assert_eq!(user["tenant_id"], "red");
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

#[tokio::test]
async fn of_twenty_equal_addresses_at_once_one_is_created() {
    let town = Town::new().await;
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
}

#[tokio::test]
async fn ids_that_are_no_uuid_are_422_whatever_they_try() {
    let town = Town::new().await;
    let token = town.token(&town.anna).await;
    let id = town.max.id.as_str();
    let long = "a".repeat(8000);
    for bad in [
        "abc",
        "1",
        "null",
        "*",
        "'",
        "1);drop%20table%20users;--",
        "%ff",
        "%00",
        "%0a",
        "%0d%0ax",
        &long,
        &id.replace('-', ""),
        &format!("%7B{id}%7D"),
        &format!("urn:uuid:{id}"),
        &format!("{id}%23"),
        &format!("{id}&select=*"),
        &format!("{id}%26select=id,email:password%23"),
        &format!("{id}&password=like.a*"),
        &format!("{id}%20"),
        "ME",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = town
                .json(method, &format!("/users/{bad}"), &token, "{}")
                .await;
            assert_eq!(answer.status, 422, "{method} {bad}");
            assert_eq!(
                answer.problems(),
                [("uuid_parsing".to_owned(), json!(["path", "user_id"]))]
            );
        }
    }
    for none in [
        "/users//",
        "//users",
        "/users/a/b",
        "/users/a%2Fb",
        "/users/..%2Fusers",
        "/Users",
        "/favicon.ico",
        "/users%2f",
    ] {
        let answer = town.call("GET", none, &token).await;
        assert_eq!(answer.status, 404, "{none}");
        assert_eq!(answer.text, r#"{"detail":"Not Found"}"#);
    }
}

#[tokio::test]
async fn any_part_of_a_user_can_be_changed_and_nothing_else() {
    let town = Town::new().await;
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
        change(json!({"email": "Maximilian@example.com", "tenant_id": "blue", "id": "x"})).await;
    assert_eq!(moved.json()["email"], "maximilian@example.com");
    assert_eq!(moved.json()["tenant_id"], "red");
    assert_eq!(moved.json()["id"], town.max.id.as_str());
    assert_eq!(change(json!({"password": NEW_PASSWORD})).await.status, 200);
    let form = format!("username=maximilian@example.com&password={NEW_PASSWORD}");
    assert_eq!(town.form(&form).await.status, 200);

    assert_eq!(
        change(json!({"email": "anna@example.com"})).await.status,
        409
    );
    for (body, kind, place) in [
        (json!({}), "value_error", json!(["body"])),
        (json!({"tenant_id": "blue"}), "value_error", json!(["body"])),
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

#[tokio::test]
async fn ones_own_password_and_address_need_the_current_password() {
    let town = Town::new().await;
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

#[tokio::test]
async fn a_new_password_ends_older_tokens_and_a_new_role_does_not() {
    let town = Town::new().await;
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

#[tokio::test]
async fn deleting_works_once_and_spares_the_last_admin() {
    let town = Town::new().await;
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

#[tokio::test]
async fn me_and_agent_show_the_caller() {
    let town = Town::new().await;
    for user in [&town.anna, &town.nobody] {
        let token = town.token(user).await;
        let me = town.call("GET", "/users/me", &token).await;
        assert_eq!(me.status, 200);
        let own = town
            .call("GET", &format!("/users/{}", user.id), &token)
            .await;
        assert_eq!(me.text, own.text);
        let agent = town.call("GET", "/agent", &token).await;
        let role = user.role.as_ref().map(Role::as_str);
        assert_eq!(
            agent.json(),
            json!({"principal": "user", "id": user.id.as_str(), "tenant_id": "red", "role": role})
        );
    }
}
