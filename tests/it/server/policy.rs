//! Who may do what to whom: every role, every route, every kind of target.

use super::site::{Site, on_each_store};
use super::{ABSENT, NEW_PASSWORD, PASSWORD};
use portcullis::UserId;
use portcullis::user::User;
use serde_json::json;

on_each_store![
    an_admin_does_everything_in_its_tenant_and_nothing_outside,
    anybody_else_reads_and_changes_only_itself,
    the_id_comes_first_then_the_policy_then_the_body,
    a_disabled_account_is_out_at_once,
    the_whole_matrix_of_roles_targets_and_routes,
];

async fn an_admin_does_everything_in_its_tenant_and_nothing_outside(site: impl Site) {
    let town = site.town(&[]).await;
    let token = town.token(&town.anna).await;
    let absent = town.call("GET", &format!("/users/{ABSENT}"), &token).await;
    assert_eq!(absent.status, 404);
    for (method, body) in [
        ("GET", ""),
        ("PATCH", r#"{"role":"member"}"#),
        ("DELETE", ""),
    ] {
        for other in [&town.bea, &town.ben] {
            let answer = town
                .json(method, &format!("/users/{}", other.id), &token, body)
                .await;
            assert_eq!(answer.status, 404, "{method}");
            // The same as a user who isn't there: other tenants can't be felt for.
            assert_eq!(answer.text, absent.text);
            assert_eq!(answer.headers.len(), absent.headers.len());
        }
        let own = town
            .json(method, &format!("/users/{}", town.max.id), &token, body)
            .await;
        assert_eq!(own.status, 200, "{method}: {}", own.text);
    }
    let blue = town.token(&town.bea).await;
    assert_eq!(
        town.call("GET", "/users", &blue)
            .await
            .header("x-total-count"),
        Some("2")
    );
}

async fn anybody_else_reads_and_changes_only_itself(site: impl Site) {
    let town = site.town(&[]).await;
    let new = json!({"email": "x@example.com", "password": NEW_PASSWORD}).to_string();
    let forbidden = async |user: &User, method: &str, path: &str, body: &str| {
        let token = town.token(user).await;
        let answer = town.json(method, path, &token, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        assert_eq!(answer.text, r#"{"detail":"Not enough permissions"}"#);
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer error="insufficient_scope""#)
        );
    };
    for user in [&town.max, &town.nobody] {
        let own = format!("/users/{}", user.id);
        forbidden(user, "GET", "/users", "").await;
        forbidden(user, "GET", "/users?limit=wrong", "").await;
        forbidden(user, "POST", "/users", &new).await;
        forbidden(user, "POST", "/users", "{").await;
        forbidden(user, "DELETE", &own, "").await;
        for id in [town.anna.id.as_str(), town.bea.id.as_str(), ABSENT] {
            let path = format!("/users/{id}");
            forbidden(user, "GET", &path, "").await;
            forbidden(user, "PATCH", &path, r#"{"email":"x@example.com"}"#).await;
            forbidden(user, "DELETE", &path, "").await;
        }
        // Its own role, whatever else is right or wrong in the body.
        for body in [
            json!({"role": "admin"}),
            json!({"role": null}),
            json!({"role": 7, "email": 7}),
            json!({"role": "admin", "password": NEW_PASSWORD, "current_password": PASSWORD}),
        ] {
            forbidden(user, "PATCH", &own, &body.to_string()).await;
        }
        let token = town.token(user).await;
        assert_eq!(town.call("GET", &own, &token).await.status, 200);
        let body = json!({"email": format!("my-{}", user.email), "current_password": PASSWORD});
        let changed = town.json("PATCH", &own, &token, &body.to_string()).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let body = json!({"email": user.email, "current_password": PASSWORD});
        town.json("PATCH", &own, &token, &body.to_string()).await;
    }
}

async fn the_id_comes_first_then_the_policy_then_the_body(site: impl Site) {
    let town = site.town(&[]).await;
    let member = town.token(&town.max).await;
    let not_json = "{";
    assert_eq!(
        town.json("PATCH", "/users/abc", "", not_json).await.status,
        401
    );
    assert_eq!(
        town.json("PATCH", "/users/abc", &member, not_json)
            .await
            .problems()[0]
            .0,
        "uuid_parsing"
    );
    let other = format!("/users/{}", town.anna.id);
    assert_eq!(
        town.json("PATCH", &other, &member, not_json).await.status,
        403
    );
    let own = format!("/users/{}", town.max.id);
    assert_eq!(
        town.json("PATCH", &own, &member, not_json).await.problems()[0].0,
        "json_invalid"
    );
}

async fn a_disabled_account_is_out_at_once(site: impl Site) {
    use portcullis::directory::{UserChanges, UserDirectory as _};
    use portcullis::store::AccountStatus;
    let town = site.town(&[]).await;
    let token = town.token(&town.max).await;
    assert_eq!(town.call("GET", "/users/me", &token).await.status, 200);
    let mut changes = UserChanges::default();
    changes.status = Some(AccountStatus::Disabled);
    let tenant = town.max.tenant_id.as_ref();
    town.store
        .update(tenant, &town.max.id, changes, None)
        .await
        .unwrap();
    assert_eq!(town.call("GET", "/users/me", &token).await.status, 401);
    let right = town
        .form(&format!("username=max@example.com&password={PASSWORD}"))
        .await;
    let wrong = town.form("username=max@example.com&password=wrong").await;
    // The right password of a disabled account looks like a wrong one.
    assert_eq!((right.status, right.text), (wrong.status, wrong.text));
}

/// Each column is somebody's target: itself, another of its tenant, one of another tenant, nobody there at all.
type Row = [u16; 4];

/// What is done to a user, with which body, and what an admin, a member and somebody without a role hear.
const MATRIX: [(&str, &str, [Row; 3]); 4] = [
    ("GET", "", [[200, 200, 404, 404], ONLY_ITSELF, ONLY_ITSELF]),
    (
        "PATCH",
        "email",
        [[200, 200, 404, 404], ONLY_ITSELF, ONLY_ITSELF],
    ),
    ("PATCH", "role", [[409, 200, 404, 404], NOBODY, NOBODY]),
    ("DELETE", "", [[409, 200, 404, 404], NOBODY, NOBODY]),
];
const ONLY_ITSELF: Row = [200, 403, 403, 403];
const NOBODY: Row = [403; 4];

async fn the_whole_matrix_of_roles_targets_and_routes(site: impl Site) {
    let town = site.town(&[]).await;
    let mut callers = Vec::new();
    // The admin last: what it deletes is missing afterwards.
    for (column, user, other) in [
        (2, &town.nobody, &town.max),
        (1, &town.max, &town.nobody),
        (0, &town.anna, &town.max),
    ] {
        let targets = [&user.id, &other.id, &town.ben.id].map(UserId::as_str);
        callers.push((column, town.token(user).await, targets));
    }
    let mut fresh = 0;
    let mut addresses = || {
        fresh += 1;
        format!("fresh{fresh}@example.com")
    };
    for (method, path, expected) in [
        ("GET", "/users", [200, 403, 403]),
        ("POST", "/users", [201, 403, 403]),
        ("GET", "/users/me", [200; 3]),
        ("GET", "/agent", [200; 3]),
    ] {
        let body = json!({"email": addresses(), "password": NEW_PASSWORD}).to_string();
        for (column, token, _) in &callers {
            let answer = town.json(method, path, token, &body).await;
            assert_eq!(answer.status, expected[*column], "{method} {path} {column}");
        }
    }
    for (method, what, expected) in MATRIX {
        for (column, token, targets) in &callers {
            let all = targets.iter().copied().chain([ABSENT]);
            for (target, status) in all.zip(expected[*column]) {
                let body = match what {
                    "email" => {
                        json!({"email": addresses(), "current_password": PASSWORD}).to_string()
                    }
                    "role" => json!({"role": "member"}).to_string(),
                    _ => String::new(),
                };
                let path = format!("/users/{target}");
                let answer = town.json(method, &path, token, &body).await;
                assert_eq!(
                    answer.status, status,
                    "{method} {what} {column} {target}: {}",
                    answer.text
                );
            }
        }
    }
}
