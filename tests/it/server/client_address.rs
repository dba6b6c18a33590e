//! Which address a request is counted for, as the log shows it, and what is said when a proxy's header is not read.
#![cfg(unix)]

use super::program::Program;
use super::raw::Wire;

/// Sends requests with these bytes in the header and gives the addresses in the log.
fn addresses(hops: &str, headers: &[&[u8]]) -> Vec<String> {
    let program = Program::demo(&[("TRUSTED_PROXY_HOPS", hops), ("RUST_LOG", "debug")]);
    for header in headers {
        let mut wire = Wire::to(program.address);
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        wire.send(header);
        wire.send(b"\r\n");
        assert_eq!(wire.reply().unwrap().status, 200);
    }
    let log = program.log();
    let is_answer = |line: &&str| line.contains("/healthz") && line.contains("answered");
    log.lines()
        .filter(is_answer)
        .map(|line| {
            let (_, address) = line.split_once("source=").unwrap();
            address.split([' ', '}']).next().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_last_entries_count_whatever_bytes_the_client_put_before_them() {
    let found = addresses(
        "1",
        &[
            b"X-Forwarded-For: 203.0.113.9\r\n",
            b"X-Forwarded-For: \xff\xfe, 203.0.113.9\r\n",
            b"X-Forwarded-For: \xc3\xa4,,, 203.0.113.9:4711 \r\n",
            b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: \x80,203.0.113.9\r\n",
            b"X-Forwarded-For: \xe2\x80\xae\r\nX-Forwarded-For: 203.0.113.9\r\n",
            b"X-Forwarded-For: 2001:db8::1\r\n",
            b"X-Forwarded-For: \xff, [2001:db8::1]\r\n",
            b"X-Forwarded-For: [2001:db8::1]:4711\r\n",
            b"X-Forwarded-For: 198.51.100.1, [127.0.0.2]\r\n",
            b"X-Forwarded-For: 198.51.100.1, unknown\r\n",
            b"X-Forwarded-For: 198.51.100.1, \xff\r\n",
            b"X-Forwarded-For: \r\n",
            b"",
        ],
    );
    let (v4, v6, peer) = ("203.0.113.9", "2001:db8::1", "127.0.0.1");
    assert_eq!(
        found,
        [v4, v4, v4, v4, v4, v6, v6, v6, peer, peer, peer, peer, peer]
    );
    let found = addresses(
        "2",
        &[
            b"X-Forwarded-For: \xff, 203.0.113.9, \xff\r\n",
            b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1\r\n",
            b"X-Forwarded-For: 10.0.0.1\r\n",
        ],
    );
    assert_eq!(found, [v4, v4, peer]);
}

#[test]
fn a_proxys_header_that_is_not_read_is_told_once() {
    let program = Program::demo(&[]);
    let ask = |header: &str| {
        let reply = super::raw::ask(
            program.address,
            "GET",
            "/healthz",
            &[(header, "203.0.113.9")],
            "",
        );
        assert_eq!(reply.status, 200);
    };
    let told = || program.log().matches("TRUSTED_PROXY_HOPS").count();
    ask("X-Other");
    assert_eq!(told(), 0);
    for _ in 0..5 {
        ask("X-Forwarded-For");
    }
    let log = program.log();
    let line = log
        .lines()
        .find(|line| line.contains("TRUSTED_PROXY_HOPS is 0"));
    assert!(line.is_some_and(|line| line.contains(" WARN ")), "{log}");
    assert_eq!(log.matches("TRUSTED_PROXY_HOPS is 0").count(), 1, "{log}");
    assert!(log.contains(" peer=127.0.0.1"), "{log}");
    assert!(!log.contains("source=203"), "{log}");

    let program = Program::demo(&[("TRUSTED_PROXY_HOPS", "1")]);
    super::raw::ask(
        program.address,
        "GET",
        "/",
        &[("X-Forwarded-For", "203.0.113.9")],
        "",
    );
    assert!(!program.log().contains("TRUSTED_PROXY_HOPS"));
}

#[test]
fn a_header_with_fewer_entries_than_proxies_is_told_once() {
    for (header, entries) in [
        ("X-Forwarded-For: 203.0.113.9\r\n", "entries=1"),
        ("", "entries=0"),
    ] {
        let program = Program::demo(&[("TRUSTED_PROXY_HOPS", "2")]);
        let ask = |path: &str, header: &str| {
            let mut wire = Wire::to(program.address);
            wire.send(format!(
                "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}\r\n"
            ));
            assert_eq!(wire.reply().unwrap().status, 200);
        };
        // As many as there are proxies, and a supervisor's probe past them.
        ask("/", "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n");
        ask("/readyz", "");
        ask("/healthz/", "");
        assert!(!program.log().contains("TRUSTED_PROXY_HOPS"));
        for _ in 0..3 {
            ask("/", header);
        }
        let log = program.log();
        let told: Vec<_> = (log.lines())
            .filter(|line| line.contains("has fewer entries than TRUSTED_PROXY_HOPS"))
            .collect();
        assert_eq!(told.len(), 1, "{log}");
        for words in [" WARN ", "peer=127.0.0.1 ", entries, "hops=2"] {
            assert!(told[0].contains(words), "{log}");
        }
    }
}
