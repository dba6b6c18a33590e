//! Which keys open the gateway, and to which role.

use super::{Answer, Place, ask, bare, plain, send};
use reqwest::{Method, RequestBuilder};

/// Three rows, of which only `service_role` sees any: row level security is on and there is no policy.
fn place() -> Place {
    let place = plain().place();
    place.sql("insert into users (email) values ('a@x.example'), ('b@x.example'), ('c@x.example')");
    place
}

fn users(place: &Place) -> RequestBuilder {
    bare(place, Method::GET, "/rest/v1/users?select=email")
}

fn rows(answer: &Answer) -> usize {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().len()
}

#[tokio::test]
async fn the_legacy_service_key_sees_all_rows_if_it_comes_in_both_headers() {
    let place = place();
    let once = users(&place).header("apikey", &place.service_key);
    let twice = users(&place)
        .header("apikey", &place.service_key)
        .bearer_auth(&place.service_key);
    assert_eq!(rows(&send(twice).await), 3);
    assert_eq!(rows(&send(once).await), 0);
}

#[tokio::test]
async fn the_secret_key_sees_all_rows_by_its_header_alone() {
    let place = place();
    let request = users(&place).header("apikey", &place.secret_key);
    assert_eq!(rows(&send(request).await), 3);
}

#[tokio::test]
async fn neither_the_anon_key_nor_the_publishable_one_sees_a_row_or_writes_one() {
    let place = place();
    for key in [&place.anon_key, &place.publishable_key] {
        let read = users(&place).header("apikey", key);
        assert_eq!(rows(&send(read).await), 0);
        let write = bare(&place, Method::POST, "/rest/v1/users")
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(r#"{"email":"d@x.example"}"#);
        assert_eq!(send(write).await.code(), (401, "42501".into()));
    }
    let both = users(&place)
        .header("apikey", &place.anon_key)
        .bearer_auth(&place.anon_key);
    assert_eq!(rows(&send(both).await), 0);
}

#[tokio::test]
async fn a_signed_in_person_is_who_the_token_says_whatever_the_key() {
    let place = place();
    place.sql(
        "create policy own on users for select to authenticated
         using (email = current_setting('request.jwt.claims')::json ->> 'sub')",
    );
    for key in [&place.anon_key, &place.publishable_key, &place.secret_key] {
        let request = users(&place)
            .header("apikey", key)
            .bearer_auth(place.user_token("b@x.example"));
        assert_eq!(send(request).await.text, r#"[{"email":"b@x.example"}]"#);
    }
}

#[tokio::test]
async fn without_a_key_or_with_a_strange_one_nobody_enters() {
    let place = place();
    let other = plain().place();
    let none = send(users(&place).bearer_auth(&place.service_key)).await;
    assert_eq!(none.status, 401);
    assert!(none.text.contains("No API key found"), "{}", none.text);
    for key in [
        "",
        "sb_secret_x",
        "eyJ",
        &other.secret_key,
        &other.service_key,
    ] {
        let answer = send(users(&place).header("apikey", key)).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["message"], "Invalid API key");
    }
    let two = users(&place)
        .header("apikey", &place.secret_key)
        .header("apikey", &place.secret_key);
    assert_eq!(send(two).await.json()["message"], "Invalid API key");
}

#[tokio::test]
async fn a_key_of_the_new_kind_is_no_bearer_token() {
    let place = place();
    for key in [&place.secret_key, &place.publishable_key] {
        let answer = send(users(&place).header("apikey", key).bearer_auth(key)).await;
        assert_eq!(answer.code(), (401, "PGRST301".into()));
    }
}

#[tokio::test]
async fn a_secret_key_in_a_browser_is_refused() {
    let place = place();
    let browser = |key: &str| {
        users(&place)
            .header("apikey", key)
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")
    };
    let answer = send(browser(&place.secret_key)).await;
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("Forbidden use of secret API key"));
    assert_eq!(rows(&send(browser(&place.publishable_key)).await), 0);
}

#[tokio::test]
async fn nothing_but_the_rest_interface_is_served() {
    let place = place();
    for path in [
        "/",
        "/users",
        "/rest/v1",
        "/rest/v2/users",
        "/rest/v1users",
        "/auth/v1/user",
    ] {
        let answer =
            send(bare(&place, Method::GET, path).header("apikey", &place.secret_key)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("no Route matched"), "{path}");
    }
}

#[tokio::test]
async fn the_schema_is_the_places_own_unless_the_right_header_names_another() {
    let place = place();
    let other = plain().place();
    let get =
        |name: &str| ask(&place, Method::GET, "/users?select=email").header(name, &other.schema);
    assert_eq!(rows(&send(get("accept-profile")).await), 0);
    assert_eq!(rows(&send(get("content-profile")).await), 3);
    let delete = |name: &str| {
        ask(
            &place,
            Method::DELETE,
            "/users?email=eq.a@x.example&select=email",
        )
        .header(name, &other.schema)
        .header("prefer", "return=representation")
    };
    assert_eq!(rows(&send(delete("content-profile")).await), 0);
    assert_eq!(rows(&send(delete("accept-profile")).await), 1);
    let unknown = ask(&place, Method::GET, "/users").header("accept-profile", "nowhere");
    assert_eq!(send(unknown).await.code(), (406, "PGRST106".into()));
}
