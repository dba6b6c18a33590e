//! How many requests are in flight at one time, how much of an answer is read, and what those are told who wait in vain.

use super::builder_at;
use super::calls::{Ask, Desk, Failure, every, told};
use super::town::PATIENCE;
use crate::stack::{Fault, Place, Stack};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::Refusal;
use portcullis::directory::UserDirectory as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;

fn desk(place: &Place, requests: usize, timeout: Duration) -> Arc<Desk> {
    let store = builder_at(&place.url, place)
        .requests_in_flight(NonZeroUsize::new(requests).unwrap())
        .timeout(timeout);
    Arc::new(Desk::on(store.build().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_in_flight_than_may_be_and_the_others_wait() {
    let place = Stack::shared().place();
    let desk = desk(&place, 3, PATIENCE);
    place.gateway.delay(Duration::from_millis(100));
    let asks = every().chain(every());
    let asks: Vec<JoinHandle<Result<(), Failure>>> = asks
        .map(|ask| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.ask(ask).await })
        })
        .collect();
    for asked in join_all(asks).await {
        asked.unwrap().unwrap();
    }
    assert_eq!(place.gateway.busiest(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_free_again_whatever_became_of_the_request() {
    let place = Stack::shared().place();
    let desk = desk(&place, 1, Duration::from_secs(3));
    for fault in [Fault::HangUp, Fault::Html, Fault::Huge, Fault::BlackHole] {
        place.gateway.fault(fault);
        desk.fails(Ask::Create).await;
        // Somebody who goes away, too.
        let gone = tokio::time::timeout(Duration::from_millis(20), desk.ask(Ask::List));
        drop(gone.await);
        place.gateway.mend();
        desk.ask(Ask::List).await.unwrap();
    }
}

/// The only thread sleeps, so that those who wait come to the end of their time together.
#[tokio::test]
async fn who_waits_for_a_place_until_its_time_is_over_is_told_503() {
    let place = Stack::shared().place();
    let limit = Duration::from_secs(3);
    let desk = desk(&place, 1, limit);
    place.gateway.fault(Fault::BlackHole);
    let ask = |ask| {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move { desk.fails(ask).await })
    };
    let first = ask(Ask::Create);
    while place.gateway.arrived() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let waiting: Vec<_> = [Ask::List, Ask::Create, Ask::Update, Ask::Ping, Ask::Acquire]
        .into_iter()
        .map(ask)
        .collect();
    let shared = ask(Ask::FindById);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    std::thread::sleep(limit);
    assert_eq!(Refusal::store(&*first.await.unwrap()).status(), 504);
    for waiting in waiting {
        let error = waiting.await.unwrap();
        assert_eq!(Refusal::store(&*error), Refusal::UNAVAILABLE, "{error}");
        assert!(told(&*error).contains("too many requests to supabase are in flight"));
    }
    // Look-ups wait for each other as well, and can't tell for what.
    let status = Refusal::store(&*shared.await.unwrap()).status();
    assert!(status == 503 || status == 504, "{status}");
    assert_eq!(
        place.gateway.arrived(),
        1,
        "nobody asks when there is no time for an answer"
    );
}

/// A server whose every answer is a list without an end. Says how much of it was taken, and by how many.
struct Endless {
    url: String,
    sent: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Endless {
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sent, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (to_sent, to_ended) = (Arc::clone(&sent), Arc::clone(&ended));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (sent, ended) = (Arc::clone(&to_sent), Arc::clone(&to_ended));
                std::thread::spawn(move || {
                    pour(stream.unwrap(), status, &sent);
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, sent, ended }
    }
}

/// Answers the first request of a connection, for as long as somebody takes it.
fn pour(mut stream: TcpStream, status: &str, sent: &AtomicUsize) {
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut request = [0; 4096];
    drop(stream.read(&mut request));
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n[");
    let piece = "0,".repeat(8 * 1024);
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    while let Ok(bytes) = stream.write(piece.as_bytes()) {
        sent.fetch_add(bytes, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_left_after_a_few_megabytes() {
    let place = Stack::shared().place();
    for (status, connections) in [("200 OK", 1), ("400 Bad Request", 1), ("500 Oops", 3)] {
        let endless = Endless::start(status);
        let store = builder_at(&endless.url, &place).timeout(PATIENCE);
        let error = store.build().unwrap().ping().await.unwrap_err();
        assert_eq!(Refusal::store(&error).status(), 502);
        assert!(error.to_string().contains("too long"), "{error}");
        let started = Instant::now();
        while endless.ended.load(Ordering::SeqCst) < connections {
            assert!(started.elapsed() < PATIENCE, "somebody still reads");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What the system's own buffers take comes on top of the 4 MiB that are read.
        let sent = endless.sent.load(Ordering::SeqCst);
        assert!(sent < connections * 32 * 1024 * 1024, "{status}: {sent}");
    }
}
