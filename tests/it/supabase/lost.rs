//! Answers that are lost on their way back: the server tells its client that it does not know, and asks nothing twice.

use super::town::town;
use crate::server::{NEW_PASSWORD, PASSWORD, Town};
use crate::stack::{Fault, Place, Recorded, Stack};
use portcullis::password::{HashParams, Password};
use portcullis::stores::supabase::SupabaseStore;
use portcullis::{PasswordHash, PasswordHasher};
use serde_json::json;

/// Lets such requests meet a fault, and gives how many there were.
async fn met(
    place: &Place,
    fault: Fault,
    path: &'static str,
    asking: impl Future<Output = ()>,
) -> usize {
    let meant = move |request: &Recorded| request.method == "POST" && request.path.ends_with(path);
    place.gateway.fault_where(fault, meant);
    place.gateway.record();
    asking.await;
    place.gateway.mend();
    place
        .gateway
        .taken()
        .iter()
        .filter(|request| meant(request))
        .count()
}

/// One request that changes something, whose answer nobody gets.
async fn change(town: &Town<SupabaseStore>, method: &str, path: &str, body: &str) {
    let token = town.token(&town.anna).await;
    let answer = town.json(method, path, &token, body).await;
    assert_eq!(answer.status, 502, "{method} {path}");
    assert_eq!(answer.json(), json!({"detail": "Upstream unavailable"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_is_lost_was_made_once_and_its_client_is_told_502() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let max = format!("/users/{}", town.max.id);
    let nobody = format!("/users/{}", town.nobody.id);
    let new = json!({"email": "new@example.com", "password": NEW_PASSWORD}).to_string();
    let password = json!({ "password": NEW_PASSWORD }).to_string();
    let epoch = format!("select epoch from users where id = '{}'", town.max.id);
    for (method, path, body, request, sql, after) in [
        (
            "POST",
            "/users",
            new.as_str(),
            "/users",
            "select count(*) from users where email = 'new@example.com'",
            "1",
        ),
        ("PATCH", &max, &password, "/portcullis_update", &epoch, "1"),
        (
            "DELETE",
            &nobody,
            "",
            "/portcullis_delete",
            "select count(*) from users where email = 'nobody@example.com'",
            "0",
        ),
    ] {
        let changing = change(&town, method, path, body);
        let arrived = met(&place, Fault::LostAnswer, request, changing).await;
        assert_eq!(
            (arrived, place.sql(sql).as_str()),
            (1, after),
            "{method} {path}"
        );
    }
    // Whoever tries again is told how things stand.
    let token = town.token(&town.anna).await;
    assert_eq!(town.json("POST", "/users", &token, &new).await.status, 409);
    assert_eq!(town.call("DELETE", &nobody, &token).await.status, 404);
}

/// An outdated hash that could not be replaced is replaced the next time: nobody is sent away for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_does_not_wait_for_the_new_hash_to_be_confirmed() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    // Any other parameters than those of the town.
    let other = HashParams::default();
    let outdated = PasswordHasher::new(other)
        .unwrap()
        .hash(&Password::new(PASSWORD))
        .unwrap();
    let stored = format!(
        "select password_hash from users where id = '{}'",
        town.max.id
    );
    for fault in [Fault::HangUp, Fault::BadGateway, Fault::LostAnswer] {
        let outdated: &PasswordHash = &outdated;
        place.sql(&format!(
            "update users set password_hash = '{}' where id = '{}'",
            outdated.expose(),
            town.max.id
        ));
        let asked = met(
            &place,
            fault.clone(),
            "/portcullis_replace_password_hash",
            async {
                town.token(&town.max).await;
            },
        );
        assert_eq!(asked.await, 1, "{fault:?}");
        town.token(&town.max).await;
        assert_ne!(place.sql(&stored), outdated.expose(), "{fault:?}");
    }
}
