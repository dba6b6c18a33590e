//! A change made through one server counts at the other on the very next request.

use super::super::raw::{call, sign_in, token};
use super::super::{NEW_PASSWORD, PASSWORD};
use super::{Fleet, admin, path_of_new};
use serde_json::json;

#[test]
fn a_user_made_through_one_server_signs_in_at_the_other_and_its_token_counts_at_both() {
    let fleet = Fleet::new();
    for (number, (one, other)) in fleet.both_ways().into_iter().enumerate() {
        let email = format!("max{number}@example.com");
        let path = path_of_new(one, &admin(one), &email, "member");
        let bearer = token(&sign_in(other, &email, PASSWORD));
        for server in [other, one] {
            let me = call(server, "GET", "/users/me", &bearer, "");
            assert_eq!(me.status, 200, "{}", me.body);
            assert_eq!(me.json()["email"], email.as_str());
            assert_eq!(call(server, "GET", &path, &bearer, "").body, me.body);
        }
        // The first administrator's own token, given by the one, at the other.
        let users = call(other, "GET", "/users", &admin(one), "");
        assert_eq!(
            users.header("x-total-count"),
            Some(&*format!("{}", number + 2))
        );
    }
}

#[test]
fn a_change_of_role_through_one_server_counts_at_the_other_on_the_next_request() {
    let fleet = Fleet::new();
    for (number, (one, other)) in fleet.both_ways().into_iter().enumerate() {
        let email = format!("max{number}@example.com");
        let root = admin(one);
        let path = path_of_new(one, &root, &email, "member");
        let bearer = token(&sign_in(other, &email, PASSWORD));
        for _ in 0..5 {
            assert_eq!(call(other, "GET", "/users", &bearer, "").status, 403);
            let up = call(one, "PATCH", &path, &root, r#"{"role":"admin"}"#);
            assert_eq!(up.status, 200, "{}", up.body);
            assert_eq!(call(other, "GET", "/users", &bearer, "").status, 200);
            let down = call(one, "PATCH", &path, &root, r#"{"role":"member"}"#);
            assert_eq!(down.status, 200, "{}", down.body);
        }
    }
}

#[test]
fn who_is_disabled_or_deleted_or_has_a_new_password_is_refused_by_the_other_server_at_once() {
    let fleet = Fleet::new();
    for (number, (one, other)) in fleet.both_ways().into_iter().enumerate() {
        let root = admin(one);
        for way in ["disabled", "deleted", "password"] {
            let email = format!("{way}{number}@example.com");
            let path = path_of_new(one, &root, &email, "member");
            let bearer = token(&sign_in(other, &email, PASSWORD));
            assert_eq!(call(other, "GET", "/users/me", &bearer, "").status, 200);
            let status = match way {
                "disabled" => {
                    let sql = format!("update users set disabled = true where email = '{email}'");
                    fleet.place.sql(&sql);
                    200
                }
                "deleted" => call(one, "DELETE", &path, &root, "").status,
                _ => {
                    let change = json!({"password": NEW_PASSWORD}).to_string();
                    call(one, "PATCH", &path, &root, &change).status
                }
            };
            assert_eq!(status, 200, "{way}");
            let refused = call(other, "GET", "/users/me", &bearer, "");
            assert_eq!(refused.status, 401, "{way}");
            let challenge = refused.header("www-authenticate").unwrap();
            assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{way}");
            assert_eq!(sign_in(other, &email, PASSWORD).status, 401, "{way}");
            let new = sign_in(other, &email, NEW_PASSWORD).status;
            assert_eq!(new, if way == "password" { 200 } else { 401 }, "{way}");
        }
    }
}

#[test]
fn a_new_address_given_through_one_server_signs_in_at_the_other_and_the_old_one_does_not() {
    let fleet = Fleet::new();
    for (number, (one, other)) in fleet.both_ways().into_iter().enumerate() {
        let (before, after) = (
            format!("b{number}@example.com"),
            format!("a{number}@example.com"),
        );
        let root = admin(one);
        let path = path_of_new(one, &root, &before, "member");
        assert_eq!(sign_in(other, &before, PASSWORD).status, 200);
        let change = json!({"email": after}).to_string();
        assert_eq!(call(one, "PATCH", &path, &root, &change).status, 200);
        assert_eq!(sign_in(other, &before, PASSWORD).status, 401);
        assert_eq!(sign_in(other, &after, PASSWORD).status, 200);
        // The old address is free at once, at the other one too.
        path_of_new(other, &root, &before, "member");
    }
}
