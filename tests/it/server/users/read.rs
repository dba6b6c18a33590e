//! `GET /users/{user_id}`, `/users/me` and `/agent`: one user, and ids that are none (the contract's table 1.5).

use super::hostile::{HOSTILE_PATHS, hostile_ids, spelled};
use crate::server::site::{Site, on_each_store};
use crate::server::{ABSENT, NEW_PASSWORD, RED};
use core::time::Duration;
use portcullis::user::Role;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

on_each_store![
    ids_that_are_no_uuid_are_422_whatever_they_try,
    paths_that_lead_past_a_user_are_404,
    a_user_is_shown_by_its_id_in_either_case_with_every_key_there,
    the_time_of_creation_is_rfc_3339_in_utc_and_the_same_in_every_answer,
    me_and_agent_show_the_caller,
];

async fn ids_that_are_no_uuid_are_422_whatever_they_try(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let before = town.call("GET", "/users", &token).await;
    for bad in hostile_ids(&town.max.id) {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = town
                .json(method, &format!("/users/{bad}"), &token, r#"{"role":null}"#)
                .await;
            assert_eq!(answer.status, 422, "{method} {bad}: {}", answer.text);
            assert_eq!(
                answer.problems(),
                [("uuid_parsing".to_owned(), json!(["path", "user_id"]))],
                "{method} {bad}"
            );
        }
    }
    assert_eq!(town.call("GET", "/users", &token).await.text, before.text);
}

async fn paths_that_lead_past_a_user_are_404(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let before = town.call("GET", "/users", &token).await;
    for none in HOSTILE_PATHS {
        let none = spelled(none, &town.max.id);
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = town.json(method, &none, &token, r#"{"role":null}"#).await;
            assert_eq!(answer.status, 404, "{method} {none}: {}", answer.text);
            assert_eq!(answer.text, r#"{"detail":"Not Found"}"#);
        }
    }
    assert_eq!(town.call("GET", "/users", &token).await.text, before.text);
}

async fn a_user_is_shown_by_its_id_in_either_case_with_every_key_there(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    for (user, role) in [
        (&town.anna, r#""admin""#),
        (&town.max, r#""member""#),
        (&town.nobody, "null"),
    ] {
        let expected = format!(
            r#"{{"email":"{}","role":{role},"id":"{}","tenant_id":"{RED}","created_at":"{}"}}"#,
            user.email, user.id, user.created_at
        );
        let id = user.id.as_str();
        for spelling in [
            id.to_owned(),
            id.to_uppercase(),
            id.replace('-', "%2D"),
            format!("{id}/"),
        ] {
            let answer = town
                .call("GET", &format!("/users/{spelling}"), &token)
                .await;
            assert_eq!(answer.status, 200, "{spelling}");
            assert_eq!(answer.text, expected, "{spelling}");
        }
    }
    for absent in ["00000000-0000-0000-0000-000000000000", ABSENT] {
        let answer = town.call("GET", &format!("/users/{absent}"), &token).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.text, r#"{"detail":"User not found"}"#);
    }
}

async fn the_time_of_creation_is_rfc_3339_in_utc_and_the_same_in_every_answer<S: Site>(site: S) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let body = json!({"email": "new@example.com", "password": NEW_PASSWORD}).to_string();
    let made = town.json("POST", "/users", &token, &body).await.json();
    let time = made["created_at"].as_str().unwrap();
    let at = OffsetDateTime::parse(time, &Rfc3339).unwrap();
    // A database may have a clock of its own, but not one of another time zone.
    assert!((OffsetDateTime::now_utc() - at).abs() < Duration::from_secs(60));
    assert!(time.ends_with("+00:00"), "{time}");
    if S::WRITES_TIMES {
        assert_eq!(
            time.len(),
            "2026-11-22T08:59:40.383157+00:00".len(),
            "{time}"
        );
    }

    let path = format!("/users/{}", made["id"].as_str().unwrap());
    let form = format!("username=new@example.com&password={NEW_PASSWORD}");
    let signed_in = town.form(&form).await.json();
    let own = signed_in["access_token"].as_str().unwrap();
    for (method, path, token, body) in [
        ("GET", path.as_str(), token.as_str(), ""),
        ("GET", "/users/me", own, ""),
        ("PATCH", &path, &token, r#"{"role":"member"}"#),
    ] {
        let answer = town.json(method, path, token, body).await.json();
        assert_eq!(answer["created_at"], time, "{method} {path}");
    }
    let list = town.call("GET", "/users", &token).await.json();
    assert_eq!(list[3]["created_at"], time, "the youngest comes last");
}

async fn me_and_agent_show_the_caller(site: impl Site) {
    let town = site.town(&[]).await;
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
            json!({"principal": "user", "id": user.id.as_str(), "tenant_id": RED, "role": role})
        );
    }
}
