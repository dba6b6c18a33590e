//! `GET /users/{user_id}` on a Supabase of one's own: the example server beside the program it replaces.
//!
//! PostgreSQL, a PostgREST-compatible server and a gateway are started as the tests start them; the two servers run on
//! them in alternating rounds, and the median of the rounds is printed. The original needs `python3`; its packages are
//! installed into `target/original`.
//!
//! `cargo bench --all-features --bench supabase`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark prints, and stops at the first surprise"
)]

mod load;
#[path = "../process/mod.rs"]
mod process;
mod servers;
#[path = "../../tests/it/stack/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
mod stack;

use portcullis::stores::supabase::Schema;
use process::Server;
use servers::PASSWORD;
use stack::Stack;
use std::net::SocketAddr;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// What is measured.
struct Case<'a> {
    name: &'a str,
    server: Option<&'a Server>,
    address: SocketAddr,
    request: String,
    /// Of each round: requests a second, and microseconds of the server's processor time a request.
    rounds: Vec<(f64, f64)>,
}

fn main() {
    let stack = Stack::start(1, |schema| {
        Schema::default().schema(schema).migration().unwrap()
    });
    let place = stack.place();
    let ours = Server::ours(&place);
    let original = Server::original(&place);
    place.sql(
        "insert into users (email, role, tenant_id) select format('user%s@example.com', n), 'member',
            (select tenant_id from users limit 1) from generate_series(1, 1000) n",
    );
    let id = |which: &str| {
        place
            .sql(&format!("select id from users where {which}"))
            .trim()
            .to_owned()
    };
    let (admin, other) = (id("role = 'admin'"), id("email = 'user500@example.com'"));

    let form = format!(
        "username=test@example.com&password={}",
        PASSWORD.replace(' ', "+")
    );
    let token = |server: &Server| {
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let (status, body) = load::once(server.address, &request);
        assert_eq!(status, 200, "{body}");
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        json["access_token"].as_str().unwrap().to_owned()
    };
    let read = |id: &str, token: &str| {
        format!("GET /users/{id} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let upstream = format!(
        "GET /rest/v1/users?id=eq.{other}&select=* HTTP/1.1\r\nHost: bench\r\napikey: {key}\r\nAuthorization: Bearer {key}\r\n\r\n",
        key = place.service_key
    );
    let our_token = token(&ours);
    let mut cases = vec![
        case("Supabase alone", None, place.gateway.address(), upstream),
        case(
            "portcullis, another user",
            Some(&ours),
            ours.address,
            read(&other, &our_token),
        ),
        case(
            "portcullis, oneself",
            Some(&ours),
            ours.address,
            read(&admin, &our_token),
        ),
    ];
    if let Some(original) = &original {
        let request = read(&other, &token(original));
        cases.insert(
            1,
            case(
                "the original, one client",
                Some(original),
                original.address,
                request,
            ),
        );
    }
    for case in &mut cases {
        load::run(case.address, &case.request, ROUND / 4);
    }
    for round in 0..ROUNDS {
        let count = cases.len();
        for turn in 0..count {
            measure(&mut cases[(round + turn) % count]);
        }
    }
    print(&mut cases);
}

fn case<'a>(
    name: &'a str,
    server: Option<&'a Server>,
    address: SocketAddr,
    request: String,
) -> Case<'a> {
    let (status, body) = load::once(address, &request);
    assert_eq!(status, 200, "{name}: {body}");
    assert!(body.contains("@example.com"), "{name}: {body}");
    Case {
        name,
        server,
        address,
        request,
        rounds: Vec::new(),
    }
}

fn measure(case: &mut Case<'_>) {
    let used = || case.server.map_or(0.0, Server::processor);
    let before = used();
    let rate = load::run(case.address, &case.request, ROUND);
    let each = (used() - before) / (rate * ROUND.as_secs_f64()) * 1e6;
    case.rounds.push((rate, each));
}

fn print(cases: &mut [Case<'_>]) {
    let median = |mut of: Vec<f64>| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    };
    let base = cases
        .iter()
        .find(|case| case.name.starts_with("the original"))
        .map(|case| case.rounds.clone());
    println!(
        "| {} connections | requests/s | / original | processor time a request |",
        load::CONNECTIONS
    );
    println!("|---|---|---|---|");
    for case in cases {
        let rate = median(case.rounds.iter().map(|round| round.0).collect());
        let each = median(case.rounds.iter().map(|round| round.1).collect());
        let ratio = base.as_ref().map_or_else(
            || "-".to_owned(),
            |base| {
                let ratios = case
                    .rounds
                    .iter()
                    .zip(base)
                    .map(|(one, other)| one.0 / other.0);
                format!("{:.1}", median(ratios.collect()))
            },
        );
        let each = case
            .server
            .map_or_else(|| "-".to_owned(), |_| format!("{each:.0} µs"));
        println!("| {} | {rate:.0} | {ratio} | {each} |", case.name);
    }
}
