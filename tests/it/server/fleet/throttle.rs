//! Wrong passwords are counted for all servers together: two of them are no more guesses than one.

use super::super::PASSWORD;
use super::super::raw::{Reply, ask, sign_in};
use super::{Fleet, admin, at_once, path_of_new};
use std::net::SocketAddr;
use std::time::Instant;

/// How many failures in a row an account has before delays begin, of 1 second and twice as long each time.
const BEFORE_DELAYS: usize = 10;

/// Makes it an hour, to ask at leisure.
const LONG_DELAYS: &str =
    "update portcullis_counters set failures = 30 where not is_address and failures >= 10";

/// How many failures an address has.
const OF_AN_ADDRESS: usize = 100;

/// What is counted by the address that a proxy of ours names.
const PROXY: [(&str, &str); 1] = [("TRUSTED_PROXY_HOPS", "1")];

/// Signs in from an address, as the proxy tells of it.
fn sign_in_from(server: SocketAddr, address: &str, username: &str, password: &str) -> Reply {
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Forwarded-For", address),
    ];
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("username", username)
        .append_pair("password", password)
        .finish();
    ask(server, "POST", "/token", &headers, &form)
}

/// How many guesses may have been told right or wrong in this time, however slow the machine.
fn verdicts_allowed(since: Instant) -> usize {
    let waited = since.elapsed().as_secs();
    // Of n beyond the tenth, the delays alone take 2^n - 1 seconds.
    BEFORE_DELAYS + usize::try_from((waited + 1).ilog2()).unwrap()
}

#[test]
fn wrong_passwords_at_two_servers_in_turn_meet_429_as_early_as_at_one() {
    let fleet = Fleet::new();
    path_of_new(
        fleet.a.address,
        &admin(fleet.a.address),
        "max@example.com",
        "member",
    );
    let servers = [fleet.a.address, fleet.b.address];
    for username in ["max@example.com", "nobody@example.com"] {
        let started = Instant::now();
        let mut statuses = Vec::new();
        for server in servers.into_iter().cycle().take(40) {
            let reply = sign_in(server, username, "wrong");
            if reply.status == 429 {
                let wait = reply.header("retry-after").unwrap();
                assert!(wait.parse::<u64>().unwrap() >= 1, "{wait}");
            }
            statuses.push(reply.status);
        }
        assert_eq!(statuses[..10], [401; 10], "{username}");
        let verdicts = statuses.iter().filter(|status| **status == 401).count();
        let allowed = verdicts_allowed(started);
        assert!(verdicts <= allowed, "{username}: {statuses:?}");
        assert!(statuses.iter().all(|status| [401, 429].contains(status)));
    }
    // The right password waits as well, at either; for as long as it takes to ask them.
    fleet.place.sql(LONG_DELAYS);
    for server in servers {
        assert_eq!(sign_in(server, "max@example.com", PASSWORD).status, 429);
    }
}

#[test]
fn sixty_guesses_at_once_over_two_servers_get_no_more_verdicts_than_are_allowed() {
    let fleet = Fleet::new();
    path_of_new(
        fleet.a.address,
        &admin(fleet.a.address),
        "max@example.com",
        "member",
    );
    let servers = [fleet.a.address, fleet.b.address];
    let sixty: Vec<_> = servers.iter().cycle().take(60).collect();
    let started = Instant::now();
    let replies = at_once(&sixty, |server| {
        sign_in(**server, "max@example.com", "wrong")
    });
    let mut verdicts = replies.iter().filter(|reply| reply.status == 401).count();
    // 503 for those whom one address may not ask at one time, or while the others are being judged.
    let known = |reply: &Reply| [401, 429, 503].contains(&reply.status);
    assert!(replies.iter().all(known), "{replies:?}");
    // What they left is used up before anybody waits.
    while verdicts < BEFORE_DELAYS {
        let reply = sign_in(fleet.a.address, "max@example.com", "wrong");
        assert_ne!(reply.status, 429, "after {verdicts}");
        verdicts += usize::from(reply.status == 401);
    }
    fleet.place.sql(LONG_DELAYS);
    let allowed = verdicts_allowed(started);
    assert!(verdicts <= allowed, "{verdicts} of {allowed}");
    for server in servers {
        assert_eq!(sign_in(server, "max@example.com", PASSWORD).status, 429);
    }
}

#[test]
fn an_addresss_failures_count_at_both_servers_and_other_addresses_go_free() {
    let fleet = Fleet::with(&PROXY);
    let servers = [fleet.a.address, fleet.b.address];
    // Each name once, so that no account has failures in a row.
    let guesses: Vec<_> = servers
        .iter()
        .cycle()
        .take(OF_AN_ADDRESS + 20)
        .enumerate()
        .collect();
    let mut statuses = Vec::new();
    for some in guesses.chunks(12) {
        statuses.extend(at_once(some, |(number, server)| {
            let name = format!("u{number}@example.com");
            // What a client wrote itself stands before what the proxy appends.
            let forged = format!("198.51.100.{number}, 203.0.113.7");
            sign_in_from(**server, &forged, &name, "wrong").status
        }));
    }
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    // 503 where the last of the hundred were still being judged.
    let refused = count(429) + count(503);
    assert_eq!((count(401), refused), (OF_AN_ADDRESS, 20), "{statuses:?}");
    for server in servers {
        let (username, password) = super::ADMIN;
        let here = sign_in_from(server, "203.0.113.7", username, password);
        assert_eq!(here.status, 429);
        let elsewhere = sign_in_from(server, "203.0.113.8", username, password);
        assert_eq!(elsewhere.status, 200, "{}", elsewhere.body);
    }
}

#[test]
fn guesses_of_others_through_one_server_dont_lock_the_owner_out_of_the_other() {
    let fleet = Fleet::with(&PROXY);
    let (username, password) = super::ADMIN;
    let home = "192.0.2.1";
    assert_eq!(
        sign_in_from(fleet.a.address, home, username, password).status,
        200
    );
    for _ in 0..12 {
        sign_in_from(fleet.a.address, "203.0.113.7", username, "wrong");
    }
    fleet.place.sql(LONG_DELAYS);
    let guess = sign_in_from(fleet.b.address, "203.0.113.9", username, "wrong");
    assert_eq!(guess.status, 429);
    assert_eq!(
        sign_in_from(fleet.b.address, home, username, password).status,
        200
    );
}
