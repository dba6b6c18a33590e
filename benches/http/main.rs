//! What checking a token adds to a request's processor time: axum routes with and without the check, in one server.
//!
//! The server is this program in another role, on one thread pinned to one core; wrk asks from another core for one route
//! after the other in alternating rounds, and the median of the rounds is printed. It needs Linux with two cores, and
//! the programs `taskset` and `wrk`: it fails where one is missing.
//!
//! `cargo bench --all-features --bench http`
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "../contest/mod.rs"]
#[expect(dead_code, reason = "other benchmarks use more of it")]
mod contest;
#[path = "../supabase/load.rs"]
#[expect(dead_code, reason = "here the load is wrk's")]
mod load;
#[path = "../process/mod.rs"]
mod process;
mod routes;

use process::Server;
use routes::{ANSWER, ROUTES, Route};
use std::env;
use std::process::Command;

/// Many and short: a shared machine gets slower and faster, so what is compared must lie close together.
const ROUNDS: usize = 21;
const SECONDS: u32 = 1;

/// What came of one round of one route.
#[derive(Clone, Copy)]
struct Figures {
    requests_a_second: f64,
    /// Of the server, a request, in microseconds.
    processor: f64,
}

fn main() {
    if env::args().nth(1).as_deref() == Some("serve") {
        return routes::serve();
    }
    for (program, package) in [("taskset", "util-linux"), ("wrk", "wrk")] {
        if let Err(error) = Command::new(program).arg("--version").output() {
            panic!("{program} must be installed (Debian's package {package}): {error}");
        }
    }
    let (core, other) = cores();
    let server = Server::listening(pinned(&core).arg(env::current_exe().unwrap()).arg("serve"));
    let tokens = ROUTES.map(|route| prove(&server, &route));
    let ask = |at: usize| wrk(&other, &server, &ROUTES[at], &tokens[at]);
    for at in 0..ROUTES.len() {
        ask(at);
    }
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let mut figures = [None; ROUTES.len()];
            for turn in 0..ROUTES.len() {
                let at = (round + turn) % ROUTES.len();
                figures[at] = Some(ask(at));
            }
            figures.map(Option::unwrap)
        })
        .collect();
    print(&rounds);
}

/// The first and the last core this process may run on: not two halves of one, where there are more than two.
fn cores() -> (String, String) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let (_, list) = status.split_once("Cpus_allowed_list:").unwrap();
    let mut cores = list.lines().next().unwrap().trim().split([',', '-']);
    let (Some(first), Some(other)) = (cores.next(), cores.next_back()) else {
        panic!("two cores are needed, one for the server and one for wrk");
    };
    (first.to_owned(), other.to_owned())
}

fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]);
    command
}

/// A token that the route takes, after it has been seen to take this and no other.
fn prove(server: &Server, route: &Route) -> String {
    let get = |path: &str, authorization: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{authorization}\r\n");
        load::once(server.address, &request)
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let (status, token) = get(&format!("/token/{}", route.algorithm), "");
    assert_eq!(status, 200);

    let good = get(route.path, &bearer(&token));
    assert_eq!(good, (200, ANSWER.to_owned()), "{}", route.path);
    let refusal = if route.path == ROUTES[0].path {
        200
    } else {
        401
    };
    let (input, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{input}.{first}{}", &signature[1..]);
    for authorization in [String::new(), bearer(&forged)] {
        let (status, _) = get(route.path, &authorization);
        assert_eq!(status, refusal, "{}: {authorization}", route.path);
    }
    token
}

/// Asks for the route for a round, over 32 connections. Each answer must be 200.
fn wrk(core: &str, server: &Server, route: &Route, token: &str) -> Figures {
    let before = server.processor();
    let output = pinned(core)
        .args(["wrk", "--threads", "1"])
        .args(["--connections", &load::CONNECTIONS.to_string()])
        .args(["--duration", &SECONDS.to_string()])
        // A busy machine may stand still for a while: that is slow, but no failure.
        .args(["--timeout", "30"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("http://{}{}", server.address, route.path))
        .output()
        .unwrap();
    let processor = server.processor() - before;
    let report = String::from_utf8(output.stdout).unwrap();
    let clean = !report.contains("Non-2xx") && !report.contains("Socket errors");
    assert!(output.status.success() && clean, "{}: {report}", route.path);
    let (_, rate) = report.split_once("Requests/sec:").unwrap();
    let (count, _) = report.split_once(" requests in ").unwrap();
    let count: f64 = count
        .split_whitespace()
        .next_back()
        .unwrap()
        .parse()
        .unwrap();
    Figures {
        requests_a_second: rate.split_whitespace().next().unwrap().parse().unwrap(),
        processor: processor / count * 1e6,
    }
}

fn print(rounds: &[[Figures; ROUTES.len()]]) {
    let median = |of: &dyn Fn(&[Figures; ROUTES.len()]) -> f64| {
        let mut figures: Vec<_> = rounds.iter().map(of).collect();
        figures.sort_unstable_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    println!("| route | requests/s | processor time a request | / bare |\n|---|---|---|---|");
    for (at, route) in ROUTES.iter().enumerate() {
        println!(
            "| {} | {:.0} | {:.2} µs | {:.3} |",
            route.name,
            median(&|round| round[at].requests_a_second),
            median(&|round| round[at].processor),
            median(&|round| round[at].processor / round[0].processor),
        );
    }
}
