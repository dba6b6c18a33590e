//! What reaches a handler behind the extractors, and what is answered in its place.

mod once;
mod refused;
mod world;

use axum::Router;
use axum::middleware::from_extractor_with_state;
use axum::routing::{get, post};
use core::time::Duration;
use portcullis::clock::Clock as _;
use portcullis::directory::UserDirectory as _;
use portcullis::extract::{CurrentUser, Permitted, Verified};
use portcullis::store::AccountStatus;
use portcullis::stores::memory::MemoryStore;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::token::Subject;
use portcullis::{PasswordHash, UserStore as _};
use world::{
    Admin, App, ROUTES, Users, World, expect, expect_invalid, expect_unavailable, send, text,
};

#[tokio::test]
async fn a_good_token_reaches_each_handler() {
    let world = World::new(MemoryStore::new()).await;
    let (id, email) = (world.anna.id.as_str(), r#""anna@example.com""#);
    for (path, body) in ROUTES.into_iter().zip([id, "admin", id, email, email, id]) {
        let response = world.bearer(path, &world.token()).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(text(response).await, body, "{path}");
    }
}

#[tokio::test]
async fn no_token_is_refused_or_nobody() {
    let world = World::new(MemoryStore::new()).await;
    for sent in [&[][..], &["Basic dTpw"]] {
        for path in ["/verified", "/own", "/current", "/admin"] {
            expect(
                world.get(path, sent).await,
                401,
                Some("Bearer"),
                "Not authenticated",
            )
            .await;
        }
        assert_eq!(text(world.get("/maybe", sent).await).await, "nobody");
        assert_eq!(
            text(world.get("/maybe-current", sent).await).await,
            r#""nobody""#
        );
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_everywhere_also_where_none_is_needed() {
    let world = World::new(MemoryStore::new()).await;
    let good = world.token();
    let stranger = World::new(MemoryStore::new()).await.token();
    let cut = &good[..good.len() - 1];
    for path in ROUTES {
        for token in ["garbage", "a.b.c", "", "a b", cut, &stranger] {
            expect_invalid(world.bearer(path, token).await).await;
        }
        let twice = format!("Bearer {good}");
        expect_invalid(world.get(path, &[&twice, &twice]).await).await;
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_everywhere() {
    let world = World::new(MemoryStore::new()).await;
    let token = world.token();
    world.clock.advance(world.issuer.lifetime());
    for path in ROUTES {
        expect_invalid(world.bearer(path, &token).await).await;
    }
    world.clock.set(world.clock.now() - Duration::from_secs(1));
    assert_eq!(world.bearer("/verified", &token).await.status(), 200);
}

#[tokio::test]
async fn a_token_in_the_query_is_not_looked_at() {
    let world = World::new(MemoryStore::new()).await;
    let path = format!("/verified?access_token={}", world.token());
    expect(
        world.get(&path, &[]).await,
        401,
        Some("Bearer"),
        "Not authenticated",
    )
    .await;
}

#[tokio::test]
async fn somebody_who_is_gone_is_refused_at_once() {
    let world = World::new(MemoryStore::new()).await;
    let token = world.token();
    world
        .users
        .delete(None, &world.anna.id, None)
        .await
        .unwrap();
    expect_invalid(world.bearer("/current", &token).await).await;
    expect_invalid(world.bearer("/maybe-current", &token).await).await;
    assert_eq!(
        world.bearer("/verified", &token).await.status(),
        200,
        "no database is asked"
    );
}

#[tokio::test]
async fn somebody_disabled_is_refused_at_once_and_older_tokens_stay_dead() {
    let world = World::new(MemoryStore::new()).await;
    let token = world.token();
    world
        .change(|changes| changes.status = Some(AccountStatus::Disabled))
        .await;
    expect_invalid(world.bearer("/current", &token).await).await;
    expect_invalid(world.bearer("/maybe-current", &token).await).await;
    // Of the account's own epoch, so that it is the status that refuses.
    let epoch = world
        .users
        .find_by_id(&world.anna.id)
        .await
        .unwrap()
        .unwrap()
        .epoch;
    let fresh = world
        .issuer
        .issue(Subject::from(&world.anna.id).epoch(epoch))
        .unwrap();
    expect_invalid(world.bearer("/current", fresh.expose()).await).await;
    world
        .change(|changes| changes.status = Some(AccountStatus::Active))
        .await;
    expect_invalid(world.bearer("/current", &token).await).await;
}

#[tokio::test]
async fn a_change_of_password_ends_older_tokens_and_no_newer_ones() {
    let world = World::new(MemoryStore::new()).await;
    let old = world.token();
    world
        .change(|changes| changes.password_hash = Some(PasswordHash::from_stored("$new")))
        .await;
    let epoch = world
        .users
        .find_by_id(&world.anna.id)
        .await
        .unwrap()
        .unwrap()
        .epoch;
    let new = world
        .issuer
        .issue(Subject::from(&world.anna.id).epoch(epoch))
        .unwrap();
    let ahead = world
        .issuer
        .issue(Subject::from(&world.anna.id).epoch(epoch + 1))
        .unwrap();
    expect_invalid(world.bearer("/current", &old).await).await;
    expect_invalid(world.bearer("/current", ahead.expose()).await).await;
    assert_eq!(world.bearer("/current", new.expose()).await.status(), 200);
}

#[tokio::test]
async fn a_rehash_and_a_change_of_role_or_address_end_no_token() {
    let world = World::new(MemoryStore::new()).await;
    let token = world.token();
    let (old, new) = (
        PasswordHash::from_stored("$old"),
        PasswordHash::from_stored("$new"),
    );
    assert!(
        world
            .users
            .replace_password_hash(&world.anna.id, &old, &new)
            .await
            .unwrap()
    );
    world.change(|changes| changes.role = Some(None)).await;
    world
        .change(|changes| changes.email = Some("bella@example.com".parse().unwrap()))
        .await;
    let response = world.bearer("/current", &token).await;
    assert_eq!(
        text(response).await,
        r#""bella@example.com""#,
        "the user is read anew"
    );
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_and_nobody_is_anonymous_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("users.db"))
        .await
        .unwrap();
    let world = World::new(store.clone()).await;
    let token = world.token();
    assert_eq!(world.bearer("/current", &token).await.status(), 200);
    store.close().await;
    expect_unavailable(world.bearer("/current", &token).await).await;
    expect_unavailable(world.bearer("/maybe-current", &token).await).await;
    assert_eq!(
        text(world.get("/maybe-current", &[]).await).await,
        r#""nobody""#
    );
    // A stranger learns nothing of the outage: the token is judged first.
    expect_invalid(world.bearer("/current", "garbage").await).await;
}

#[tokio::test]
async fn a_requirement_that_is_not_met_is_403() {
    let world = World::new(MemoryStore::new()).await;
    let response = world.bearer("/admin", &world.token_of("member")).await;
    let challenge = r#"Bearer error="insufficient_scope""#;
    expect(response, 403, Some(challenge), "Not enough permissions").await;
}

#[tokio::test]
async fn claims_that_do_not_fit_are_an_invalid_token() {
    let world = World::new(MemoryStore::new()).await;
    let without = world.issuer.issue(&world.anna.id).unwrap();
    let wrong = world
        .issuer
        .issue_with(&world.anna.id, &serde_json::json!({"role": 7}))
        .unwrap();
    for path in ["/own", "/admin"] {
        expect_invalid(world.bearer(path, without.expose()).await).await;
        expect_invalid(world.bearer(path, wrong.expose()).await).await;
    }
    assert_eq!(
        world.bearer("/verified", wrong.expose()).await.status(),
        200
    );
}

#[tokio::test]
async fn one_line_protects_a_whole_router() {
    let world = World::new(MemoryStore::new()).await;
    let router = Router::new()
        .route("/reports", get(async || "reports").post(async || "filed"))
        .route("/reports/{id}", post(async || "one"))
        .route_layer(from_extractor_with_state::<Verified, _>(
            world.verifier.clone(),
        ))
        .route("/", get(async || "public"));

    let good = format!("Bearer {}", world.token());
    for (method, path) in [
        ("GET", "/reports"),
        ("HEAD", "/reports"),
        ("POST", "/reports"),
        ("POST", "/reports/7"),
    ] {
        assert_eq!(
            send(&router, method, path, &[]).await.status(),
            401,
            "{method} {path}"
        );
        assert_eq!(
            send(&router, method, path, &["Bearer bad"]).await.status(),
            401,
            "{method} {path}"
        );
        assert_eq!(
            send(&router, method, path, &[&good]).await.status(),
            200,
            "{method} {path}"
        );
    }
    assert_eq!(send(&router, "GET", "/", &[]).await.status(), 200);
    assert_eq!(send(&router, "GET", "/nowhere", &[]).await.status(), 404);
}

#[tokio::test]
async fn one_line_protects_a_whole_router_by_user_or_requirement() {
    let world = World::new(MemoryStore::new()).await;
    let app = App {
        users: Users(world.users.clone()),
        tokens: world.verifier.clone(),
    };
    let route = || Router::new().route("/", get(async || "in"));
    let by_user = route().route_layer(from_extractor_with_state::<
        CurrentUser<Users<MemoryStore>>,
        _,
    >(app.clone()));
    let by_role = route().route_layer(from_extractor_with_state::<Permitted<Admin>, _>(app));
    let (admin, member) = (world.token(), world.token_of("member"));
    let bearer = |token| format!("Bearer {token}");
    for router in [&by_user, &by_role] {
        assert_eq!(send(router, "GET", "/", &[]).await.status(), 401);
        assert_eq!(
            send(router, "GET", "/", &[&bearer(&admin)]).await.status(),
            200
        );
    }
    assert_eq!(
        send(&by_role, "GET", "/", &[&bearer(&member)])
            .await
            .status(),
        403
    );
    world
        .users
        .delete(None, &world.anna.id, None)
        .await
        .unwrap();
    assert_eq!(
        send(&by_user, "GET", "/", &[&bearer(&admin)])
            .await
            .status(),
        401
    );
}
