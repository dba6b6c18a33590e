//! Sign-in under a flood: 500 clients from ever new addresses for 15 seconds, on SQLite and on Supabase, in a release build.
//!
//! Prints what became of legitimate sign-ins, how long they took, and what `GET /users/me` took beside them; fails where a promise
//! of the guide "Sign-in protection" is broken. All of it runs on one machine, so the flood takes half of its processors.
//!
//! `cargo bench --all-features --bench flood`; `-- sqlite` or `-- supabase` for one of them. `PORTCULLIS_SERVER` names another server's
//! program, to compare with an earlier version: nothing is asserted of it then.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod client;
mod people;
#[path = "../process/mod.rs"]
#[expect(dead_code, reason = "other benchmarks read the processor time too")]
mod process;
#[path = "../../tests/it/stack/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
mod stack;

use client::Client;
use people::{PASSWORD, People, Tried};
use portcullis::stores::supabase::Schema;
use process::Server;
use stack::Stack;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 500;
const FLOOD: Duration = Duration::from_secs(15);
/// Logins that the second flood repeats, the first half of which exist.
const REPEATED: u32 = 1000;

fn main() {
    let wanted = std::env::args()
        .nth(1)
        .filter(|kind| !kind.starts_with('-'));
    let other = std::env::var_os("PORTCULLIS_SERVER").map(PathBuf::from);
    let program = other.clone().unwrap_or_else(build);
    let wants = |kind: &str| wanted.as_ref().is_none_or(|wanted| wanted == kind);
    if wants("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let server = start(
            &program,
            &[("DATABASE", folder.path().join("flood.db").to_str().unwrap())],
        );
        floods("SQLite", &server, other.is_none());
    }
    if wants("supabase") {
        let stack = Stack::start(1, |schema| {
            Schema::default().schema(schema).migration().unwrap()
        });
        let place = stack.place();
        let server = start(
            &program,
            &[
                ("SUPABASE_URL", &place.url),
                ("SUPABASE_KEY", &place.service_key),
                ("SUPABASE_SCHEMA", &place.schema),
            ],
        );
        floods("Supabase", &server, other.is_none());
    }
}

fn start(program: &PathBuf, storage: &[(&str, &str)]) -> Server {
    Server::listening(
        Command::new(program)
            .env_clear()
            .envs([
                ("SECRET_KEY", "4Jx0gT3v9nQm7bW2sLpY8dRf6hZc1kVu5aEo"),
                ("BIND", "127.0.0.1:0"),
                ("RUST_LOG", "warn"),
                ("ADMIN_EMAIL", "admin@example.com"),
                ("ADMIN_PASSWORD", PASSWORD),
                ("TRUSTED_PROXY_HOPS", "1"),
            ])
            .envs(storage.iter().copied())
            .stderr(Stdio::null())
            .current_dir(std::env::temp_dir()),
    )
}

/// One flood after the other on a server.
fn floods(store: &str, server: &Server, asserts: bool) {
    let people = People::create(server.address);
    println!("## {store}");
    let quiet = users_me(server.address, &people.admin, &AtomicBool::new(false), 100);
    println!(
        "GET /users/me without a flood: p50 {:?}, p99 {:?}",
        at(&quiet, 50),
        at(&quiet, 99)
    );

    // Every try has a login of its own, which nobody has tried before: nothing tells them from newcomers.
    let fresh = AtomicU32::new(0);
    let result = flood(server.address, &people, &people.newcomers[..50], || {
        let n = fresh.fetch_add(1, Ordering::Relaxed);
        format!("made-up-{n}@example.com")
    });
    report("a fresh login per try", &result);
    if asserts {
        assert_eq!(
            result.known.succeeded, result.known.people,
            "known addresses and devices"
        );
    }

    let turn = AtomicU32::new(0);
    let result = flood(server.address, &people, &people.newcomers[50..], || {
        let n = turn.fetch_add(1, Ordering::Relaxed) % REPEATED;
        if n < REPEATED / 2 {
            people.victims[usize::try_from(n).unwrap()].clone()
        } else {
            format!("nobody-{n}@example.com")
        }
    });
    report("1,000 logins repeated", &result);
    if asserts {
        assert_eq!(
            result.known.succeeded, result.known.people,
            "known addresses and devices"
        );
        let newcomers = &result.newcomers;
        assert!(
            newcomers.succeeded * 10 >= newcomers.people * 9,
            "newcomers"
        );
    }
}

struct Outcome {
    known: Tried,
    newcomers: Tried,
    me: Vec<Duration>,
    statuses: BTreeMap<u16, u32>,
}

/// Floods the server and meanwhile lets people sign in and use their tokens.
fn flood(
    server: SocketAddr,
    people: &People,
    newcomers: &[String],
    login: impl Fn() -> String + Sync,
) -> Outcome {
    let (over, address) = (AtomicBool::new(false), AtomicU32::new(0x0b00_0000));
    let statuses = Mutex::new(BTreeMap::new());
    let next_address = || {
        // Spread over the address space, and never twice in a flood.
        let n = address.fetch_add(1, Ordering::Relaxed);
        IpAddr::from(Ipv4Addr::from(n.wrapping_mul(0x9e37_79b1)))
    };
    let (known, newcomers, me) = std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::of(server);
                let mut counts = BTreeMap::new();
                while !over.load(Ordering::Relaxed) {
                    let answer = client.sign_in(next_address(), &login(), "wrong password", None);
                    *counts.entry(answer.status).or_insert(0) += 1;
                }
                let mut all = statuses.lock().unwrap();
                for (status, count) in counts {
                    *all.entry(status).or_insert(0) += count;
                }
            });
        }
        let me = scope.spawn(|| users_me(server, &people.admin, &over, u32::MAX));
        let known = scope.spawn(|| people.sign_in_known(server, FLOOD));
        let newcomers =
            scope.spawn(|| People::sign_in_new(server, newcomers, FLOOD, &next_address));
        let started = Instant::now();
        let (known, newcomers) = (known.join().unwrap(), newcomers.join().unwrap());
        std::thread::sleep(FLOOD.saturating_sub(started.elapsed()));
        over.store(true, Ordering::Relaxed);
        let me = me.join().unwrap();
        (known, newcomers, me)
    });
    Outcome {
        known,
        newcomers,
        me,
        statuses: statuses.into_inner().unwrap(),
    }
}

/// Reads the caller's own user, every 20 ms, until it is over.
fn users_me(server: SocketAddr, token: &str, over: &AtomicBool, most: u32) -> Vec<Duration> {
    let mut client = Client::of(server);
    let request =
        format!("GET /users/me HTTP/1.1\r\nHost: flood\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut times = Vec::new();
    for _ in 0..most {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        assert_eq!(client.ask(&request).status, 200);
        times.push(started.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    times.sort();
    times
}

/// The time that `percent` of the sorted times do not exceed.
fn at(times: &[Duration], percent: usize) -> Duration {
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

fn report(what: &str, outcome: &Outcome) {
    println!("flood, {what}: answers by status {:?}", outcome.statuses);
    for (who, tried) in [
        ("known addresses and devices, one try", &outcome.known),
        (
            "logins without failures at new addresses, three tries",
            &outcome.newcomers,
        ),
    ] {
        println!(
            "  {who}: {} of {} signed in, p50 {:?}, p95 {:?}, refused {:?}",
            tried.succeeded,
            tried.people,
            at(&tried.times, 50),
            at(&tried.times, 95),
            tried.refused,
        );
    }
    println!(
        "  GET /users/me: p50 {:?}, p99 {:?}",
        at(&outcome.me, 50),
        at(&outcome.me, 99)
    );
}

/// The example server, built for release.
fn build() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let target = this.ancestors().nth(3).unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--example",
            "server",
            "--all-features",
        ])
        .args(["--manifest-path", manifest, "--target-dir"])
        .arg(target)
        .status();
    assert!(
        built.unwrap().success(),
        "the example server cannot be built"
    );
    target.join("release/examples/server")
}
