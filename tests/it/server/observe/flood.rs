//! A flood of strangers is a few lines, and the lines say how large it was.

use super::super::program::Program;
use super::super::raw::{Wire, sign_in};
use super::json_lines;
use core::time::Duration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Instant;
use tempfile::TempDir;

const ADMIN: (&str, &str) = ("admin@example.com", "canary of the first admin");

/// How long the flood lasts, and how many send it. Longer and more by `PORTCULLIS_FLOOD=seconds,clients`.
fn size() -> (Duration, usize) {
    let more = std::env::var("PORTCULLIS_FLOOD").unwrap_or_default();
    let more = more.split_once(',').and_then(|(seconds, clients)| {
        let seconds = seconds.parse().ok()?;
        Some((Duration::from_secs(seconds), clients.parse().ok()?))
    });
    more.unwrap_or((Duration::from_secs(3), 100))
}

/// Answers by route and status.
type Answers = BTreeMap<(&'static str, u16), u64>;

/// One client: a request after the other, on as few connections as the server allows.
fn client(address: SocketAddr, number: usize, until: Instant, answers: &Mutex<Answers>) {
    let mut own = Answers::new();
    let mut wire = Wire::to(address);
    for turn in 0.. {
        if Instant::now() > until {
            break;
        }
        let form = format!(
            "username=u{}@example.com&password=wrong",
            (number * 7 + turn) % 3
        );
        let (route, method, path, body) = match (number + turn) % 16 {
            0 => ("GET /", "GET", "/", ""),
            1 => ("GET /users", "GET", "/users", ""),
            2 => ("GET /users/{user_id}", "GET", "/users/1", ""),
            3 => ("other -", "BREW", "/coffee", ""),
            4 => ("GET /readyz", "GET", "/readyz/", ""),
            5 => ("POST /token", "POST", "/token", "nothing"),
            _ => ("POST /token", "POST", "/token", form.as_str()),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 10.0.{}.{}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            number / 200,
            number % 200,
            body.len(),
        );
        if wire.try_send(&request).is_err() {
            wire = Wire::to(address);
            continue;
        }
        match wire.reply() {
            Some(reply) => *own.entry((route, reply.status)).or_default() += 1,
            None => wire = Wire::to(address),
        }
    }
    let mut answers = answers.lock().unwrap();
    for (kind, count) in own {
        *answers.entry(kind).or_default() += count;
    }
}

/// How many events of a kind the lines stand for.
fn told(lines: &[Value], message: &str, route: &str, code: &str) -> u64 {
    let route_of = |line: &Value| {
        let own = line["route"].as_str().or(line["span"]["route"].as_str());
        own.unwrap_or_default().to_owned()
    };
    let code_of = |line: &Value| {
        let own = line["code"].as_str().map(str::to_owned);
        own.or_else(|| line["status"].as_u64().map(|status| status.to_string()))
    };
    let alike = lines.iter().filter(|line| {
        line["message"] == message
            && (route.is_empty() || route_of(line) == route)
            && (code.is_empty() || code_of(line).as_deref() == Some(code))
    });
    alike
        .map(|line| line["repeats"].as_u64().unwrap_or(1))
        .sum()
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the size of the flood, for whoever makes it larger"
)]
fn a_flood_with_mixed_answers_is_a_few_lines_that_add_up_to_it() {
    let (lasts, clients) = size();
    let variables = [
        ("LOG_FORMAT", "json"),
        ("TRUSTED_PROXY_HOPS", "1"),
        ("ADMIN_EMAIL", ADMIN.0),
        ("ADMIN_PASSWORD", ADMIN.1),
    ];
    let mut program = Program::start(TempDir::new().unwrap(), &[], &variables);
    let address = program.address;
    // What is no HTTP at all belongs to it too.
    for _ in 0..50 {
        let mut wire = Wire::to(address);
        wire.send("nonsense\r\n\r\n");
        drop(wire.reply());
    }
    for _ in 0..3 {
        assert_eq!(sign_in(address, ADMIN.0, ADMIN.1).status, 200);
    }
    let answers = Mutex::new(Answers::new());
    let until = Instant::now() + lasts;
    std::thread::scope(|scope| {
        for number in 0..clients {
            let answers = &answers;
            scope.spawn(move || client(address, number, until, answers));
        }
    });
    program.signal("-TERM");
    assert!(program.exit().success());

    let (log, answers) = (program.log(), answers.into_inner().unwrap());
    let lines = json_lines(&log);
    let sent: u64 = answers.values().sum();
    println!(
        "{sent} answers, {} lines, {} bytes: {answers:?}",
        lines.len(),
        log.len()
    );
    for status in [401, 429, 503] {
        assert!(
            answers.contains_key(&("POST /token", status)),
            "no {status}: {answers:?}"
        );
    }
    let minutes = usize::try_from(lasts.as_secs() / 60 + 1).unwrap();
    assert!(
        lines.len() < 100 * minutes,
        "{} lines for {sent} answers",
        lines.len()
    );
    for ((route, status), count) in &answers {
        let told = told(&lines, "answered", route, &status.to_string());
        // What was sent when the test began or ended is told as well.
        assert!(
            told >= *count && told <= count + 20,
            "{route} {status}: {count} sent, {told} told"
        );
    }
    assert_eq!(told(&lines, "connection failed", "", "not_http"), 50);
    // Refusals are counted by their reason, and by address.
    let throttled = told(&lines, "sign-in refused", "POST /token", "throttled");
    assert!(throttled >= answers[&("POST /token", 429)]);
    let summary = lines
        .iter()
        .find(|line| line["code"] == "throttled" && line["repeats"].is_u64());
    assert!(
        summary.unwrap()["addresses"].as_u64().unwrap() > 10,
        "{summary:?}"
    );
    // Who signed in is a line of its own each time.
    let signed_in: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "signed in")
        .collect();
    assert_eq!(signed_in.len(), 3);
    for line in signed_in {
        assert!(
            line["user"].is_string() && line["repeats"].is_null(),
            "{line}"
        );
        assert_eq!(line["source"], "127.0.0.1");
    }
}
