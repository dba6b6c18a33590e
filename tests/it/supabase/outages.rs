//! The database, or the REST server before it, goes away behind a gateway that runs, and comes back.

use super::calls::{Desk, every};
use super::town::{PATIENCE, Way, check, clean, router, town, ways};
use crate::server::Town;
use crate::stack::{Place, Stack};
use axum::Router;
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::Refusal;
use portcullis::stores::supabase::SupabaseStore;
use std::time::Instant;

/// Short against the time that the REST server itself waits for its database.
const LIMIT: Duration = Duration::from_secs(2);

/// Every way, all at one time; each says its status.
async fn take_all(ways: &[Way], router: &Router, place: &Place, expected: &[u16]) {
    let started = Instant::now();
    join_all(ways.iter().map(async |way| {
        let answer = way.take(router).await;
        let status = answer.status.as_u16();
        assert!(
            expected.contains(&status) || way.status(0) == status,
            "{}: {status}",
            way.name
        );
        check(way, &answer, status, place);
    }))
    .await;
    assert!(started.elapsed() < PATIENCE, "the limit is {LIMIT:?}");
}

/// Waits until the server is ready again, and sees that every way leads where it did before.
async fn recovers(ways: &[Way], town: &Town<SupabaseStore>, router: &Router, place: &Place) {
    let started = Instant::now();
    let ready = crate::server::request("GET", "/readyz", "", None);
    let mut answer = crate::server::send(router, ready).await;
    while answer.status != 200 {
        assert!(started.elapsed() < PATIENCE * 2, "not ready again");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let ready = crate::server::request("GET", "/readyz", "", None);
        answer = crate::server::send(router, ready).await;
    }
    for way in ways {
        let answer = way.take(&town.router).await;
        let expected = match way.name {
            "POST /users" => 201,
            "POST /token with a wrong password" => 401,
            _ => 200,
        };
        assert_eq!(answer.status, expected, "{}: {}", way.name, answer.text);
        if expected == 401 {
            clean(way.name, &answer, place);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_is_503_or_504_on_every_way_until_it_is_back() {
    let stack = Stack::own();
    let place = stack.place();
    let town = town(&place).await;
    let ways = ways(&town).await;
    let router = router(&place.url, &place, LIMIT);
    // What is not on the disk is lost in a cluster made for speed.
    stack.cluster.sql("checkpoint");
    stack.cluster.stop();
    // First those who find connections that were good a moment ago, then those who find none.
    for _ in 0..3 {
        take_all(&ways, &router, &place, &[503, 504]).await;
    }
    let desk = Desk::at(&place, LIMIT);
    join_all(every().map(async |ask| {
        let error = desk.fails(ask).await;
        let status = Refusal::store(&*error).status();
        assert!(status == 503 || status == 504, "{ask:?}: {error}");
    }))
    .await;
    assert_eq!(town.call("GET", "/healthz", "").await.status, 200);
    stack.cluster.start_again();
    recovers(&ways, &town, &router, &place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_server_that_stops_is_502_on_every_way_until_it_is_back() {
    let stack = Stack::own();
    let place = stack.place();
    let town = town(&place).await;
    let ways = ways(&town).await;
    let router = router(&place.url, &place, LIMIT);
    stack.postrust.stop();
    for _ in 0..2 {
        take_all(&ways, &router, &place, &[502]).await;
    }
    assert_eq!(town.call("GET", "/healthz", "").await.status, 200);
    stack.postrust.start_again();
    recovers(&ways, &town, &router, &place).await;
}
