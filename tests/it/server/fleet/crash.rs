//! One server is killed while both are under load: what was answered is kept, and the other goes on.

use super::super::PASSWORD;
use super::super::raw::{PATIENCE, call, sign_in};
use super::{Fleet, admin, server};
use serde_json::json;
use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many are created through each server before the one is killed, and through the other one afterwards.
const ENOUGH: usize = 12;

/// How the users created through each begin.
const NAMES: [&str; 2] = ["through-a", "through-b"];

/// Creates a user and gives the status; `None` if the connection ends before it came.
fn try_create(server: SocketAddr, admin: &str, email: &str) -> Option<u16> {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let mut stream = TcpStream::connect(server).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "POST /users HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: {admin}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).ok()?;
    let line = String::from_utf8(start.to_vec()).unwrap();
    line.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

fn wait_for(counter: &AtomicUsize, count: usize) {
    let started = Instant::now();
    while counter.load(Ordering::Relaxed) < count {
        assert!(started.elapsed() < 3 * PATIENCE, "too few were created");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn kill_9_of_one_server_loses_nobody_that_was_answered_201_and_the_other_goes_on() {
    let Fleet { a, b, place } = Fleet::new();
    let root = admin(a.address);
    let servers = [a.address, b.address];
    let created = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let over = AtomicBool::new(false);
    let answered: Vec<String> = std::thread::scope(|scope| {
        let (root, created, over) = (&root, &created, &over);
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                scope.spawn(move || {
                    let which = worker % 2;
                    let mut mine = Vec::new();
                    for number in 0..200 {
                        let email = format!("{}{worker}-{number}@example.com", NAMES[which]);
                        match try_create(servers[which], root, &email) {
                            Some(201) => mine.push(email),
                            // Killed; whether this one was created, nobody was told.
                            None if which == 0 => break,
                            other => panic!("server {which} answered {other:?}"),
                        }
                        created[which].fetch_add(1, Ordering::Relaxed);
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    mine
                })
            })
            .collect();
        wait_for(&created[0], ENOUGH);
        wait_for(&created[1], ENOUGH);
        drop(a.kill());
        let so_far = created[1].load(Ordering::Relaxed);
        wait_for(&created[1], so_far + ENOUGH);
        over.store(true, Ordering::Relaxed);
        let each = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        each.collect()
    });
    let through_a = answered
        .iter()
        .filter(|email| email.starts_with(NAMES[0]))
        .count();
    assert!(through_a > 0, "{answered:?}");

    let again = server(&place, &[]);
    let mut listings = Vec::new();
    for address in [b.address, again.address] {
        // The token the killed one gave is still good.
        let listed = call(address, "GET", "/users?limit=1000", &root, "").json();
        let emails: HashSet<String> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["email"].as_str().unwrap().to_owned())
            .collect();
        let lost: Vec<_> = answered
            .iter()
            .filter(|email| !emails.contains(*email))
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
        listings.push(emails);
    }
    assert_eq!(listings[0], listings[1]);
    for email in answered
        .iter()
        .filter(|email| email.starts_with(NAMES[0]))
        .take(5)
    {
        assert_eq!(sign_in(b.address, email, PASSWORD).status, 200);
        assert_eq!(sign_in(again.address, email, PASSWORD).status, 200);
    }
    assert_eq!(
        try_create(again.address, &root, "after@example.com"),
        Some(201)
    );
    // Nothing half done is left: no user without a password.
    let half = "select count(*) from users where password_hash is null or role = 'admin'";
    assert_eq!(place.sql(half), "1");
}
