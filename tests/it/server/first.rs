//! The first user: how an empty store gets somebody who can sign in, and a store with users gets nobody.

use super::site::{Site, on_each_store};
use super::{PASSWORD, config, form, request, send};
use crate::app;
use crate::config::Config;
use crate::state::AppState;
use portcullis::directory::UserDirectory;
use portcullis::test_util::cheap_hash_params;
use portcullis::{PasswordHasher, UserStore as _};

on_each_store![
    the_first_user_is_an_admin_of_a_fresh_tenant_and_only_of_an_empty_store,
    the_demos_user_signs_in_as_the_original_documented_it,
    of_servers_that_start_at_once_one_creates_its_first_user,
];

fn demo() -> Config {
    Config::read(true, |_| None).unwrap()
}

fn state<S: UserDirectory>(store: S, config: &Config) -> AppState<S> {
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    AppState::new(store, hasher, config).unwrap()
}

async fn the_first_user_is_an_admin_of_a_fresh_tenant_and_only_of_an_empty_store(site: impl Site) {
    let (store, _home) = site.store().await;
    let config = demo();
    let state = state(store, &config);
    let first = config.first_user.as_ref().unwrap();
    let user = state.create_first(first).await.unwrap().unwrap();
    assert_eq!(user.role.unwrap().as_str(), "admin");
    assert_eq!(user.tenant_id.unwrap().as_str().len(), 36);
    assert!(state.create_first(first).await.unwrap().is_none());
}

async fn the_demos_user_signs_in_as_the_original_documented_it(site: impl Site) {
    let (store, _home) = site.store().await;
    let config = demo();
    let state = state(store, &config);
    let first = config.first_user.as_ref().unwrap();
    let user = state.create_first(first).await.unwrap().unwrap();
    let router = app::router(state, &config);
    let original = form("username=test@example.com&password=fakehashedpassword");
    let signed_in = send(&router, original).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    let token = signed_in.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let list = send(&router, request("GET", "/users", &token, None)).await;
    assert_eq!(list.header("x-total-count"), Some("1"));
    assert_eq!(list.json()[0]["id"], user.id.as_str());
    assert_eq!(list.json()[0]["role"], "admin");
}

async fn of_servers_that_start_at_once_one_creates_its_first_user(site: impl Site) {
    let (store, _home) = site.store().await;
    let starts: Vec<_> = (0..8)
        .map(|number| {
            let email = format!("first{number}@example.com");
            let own = [("ADMIN_EMAIL", &*email), ("ADMIN_PASSWORD", PASSWORD)];
            let config = config(&own);
            let state = state(store.clone(), &config);
            tokio::spawn(async move {
                let first = config.first_user.as_ref().unwrap();
                state.create_first(first).await.unwrap()
            })
        })
        .collect();
    let mut created = Vec::new();
    for start in starts {
        created.extend(start.await.unwrap());
    }
    assert_eq!(created.len(), 1, "{created:?}");
    let account = store.find_by_id(&created[0].id).await.unwrap();
    assert_eq!(account.unwrap().user, created[0]);
}
