//! Requests that two readers could understand in two ways, over real sockets: each is refused by the status RFC 9112 has
//! for it, and nothing more is read from a connection whose messages may end elsewhere.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

use super::program::{DEMO, Program};
use super::raw::{Reply, Wire, sign_in, token};
use std::net::SocketAddr;

/// Sends a request and one more; gives the first answer, and whether there was a second one.
fn answers(address: SocketAddr, request: &str) -> (Reply, bool) {
    let mut wire = Wire::to(address);
    wire.send(format!(
        "{request}GET /healthz HTTP/1.1\r\nHost: hidden\r\nConnection: close\r\n\r\n"
    ));
    let first = wire.reply().unwrap();
    (first, wire.reply().is_some())
}

#[test]
fn a_host_that_is_none_is_400_and_two_hosts_end_the_connection() {
    let program = Program::demo(&[]);
    let get = |hosts: &str| answers(program.address, &format!("GET / HTTP/1.1\r\n{hosts}\r\n"));
    for host in [
        "test",
        "example.com:8000",
        "example.com:",
        "127.0.0.1:80",
        "[::1]",
        "[2001:db8::1]:8000",
        "a_b-c.example~!$&'()*+,;=",
        "%41.example",
        "",
    ] {
        let (reply, second) = get(&format!("Host: {host}\r\n"));
        assert_eq!((reply.status, second), (200, true), "{host}");
    }
    for hosts in [
        "Host: a/../b\r\n",
        "Host: a\\b\r\n",
        "Host: user@a\r\n",
        "Host: a b\r\n",
        "Host: a?b\r\n",
        "Host: a#b\r\n",
        "Host: a:80:80\r\n",
        "Host: a:b\r\n",
        "Host: ::1\r\n",
        "Host: [::1\r\n",
        "Host: [::1]a\r\n",
        "Host: [::1]80\r\n",
        "Host: [127.0.0.1]\r\n",
        "Host: http://a\r\n",
        "Host: <a>\r\n",
        "Host: \"a\"\r\n",
        "Host: a%4\r\n",
        "Host: ä\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: a\r\nHost: a\r\n",
        "X: no host\r\n",
    ] {
        let (reply, second) = get(hosts);
        assert_eq!(reply.status, 400, "{hosts}");
        assert!(!second, "a second answer after {hosts}");
        assert_eq!(reply.header("connection"), Some("close"), "{hosts}");
    }
}

#[test]
fn a_transfer_coding_other_than_chunked_is_501_and_ends_the_connection() {
    let program = Program::demo(&[]);
    let post = |codings: &str| {
        let head = "POST /token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        answers(program.address, &format!("{head}{codings}\r\n0\r\n\r\n"))
    };
    for codings in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: xchunked, chunked\r\n",
    ] {
        let (reply, second) = post(codings);
        assert_eq!(reply.status, 501, "{codings}");
        assert!(!second, "a second answer after {codings}");
        assert_eq!(reply.json()["detail"], "Transfer-Encoding must be chunked");
        assert_eq!(reply.json()["error"], "invalid_request");
    }
    for codings in [
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding: Chunked\r\n",
    ] {
        assert_eq!(post(codings).0.status, 422, "an empty form");
    }
    // Where no length can be known, there is nothing but 400 (RFC 9112 §6.3).
    for codings in [
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
    ] {
        assert_eq!(post(codings).0.status, 400);
    }
}

#[test]
fn of_two_content_types_none_is_chosen() {
    let program = Program::demo(&[]);
    let bearer = token(&sign_in(program.address, DEMO.0, DEMO.1));
    let form = format!("username={}&password={}", DEMO.0, DEMO.1);
    let post = |path: &str, types: &[&str], body: &str| {
        let types: Vec<_> = (types.iter())
            .map(|kind| format!("Content-Type: {kind}\r\n"))
            .collect();
        let types = types.concat();
        let mut wire = Wire::to(program.address);
        wire.send(format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: {bearer}\r\nContent-Length: {}\r\n{types}\r\n{body}",
            body.len()
        ));
        wire.reply().unwrap()
    };
    let (urlencoded, json) = ("application/x-www-form-urlencoded", "application/json");
    assert_eq!(post("/token", &[urlencoded], &form).status, 200);
    assert_eq!(
        post(
            "/token",
            &["application/x-www-form-urlencoded; x=\"a,b\""],
            &form
        )
        .status,
        200
    );
    assert_eq!(post("/users", &[json], "{}").status, 422);
    for types in [
        &[urlencoded, json][..],
        &[json, urlencoded],
        &[urlencoded, urlencoded],
        &["application/x-www-form-urlencoded; charset=utf-8, application/json"],
    ] {
        let reply = post("/token", types, &form);
        assert_eq!(reply.status, 400, "{types:?}");
        assert_eq!(reply.json()["error"], "invalid_request");
    }
    for types in [
        &[json, "text/plain"][..],
        &["text/plain", json],
        &[json, json],
    ] {
        assert_eq!(post("/users", types, "{}").status, 400, "{types:?}");
    }
}

#[test]
fn what_is_read_of_an_endless_body_after_its_413_is_bounded_in_bytes() {
    let program = Program::demo(&[]);
    let mut wire = Wire::to(program.address);
    wire.send("POST /token HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0_usize;
    while sent < 1024 * 1024 * 1024 && wire.try_send(&chunk).is_ok() {
        sent += chunk.len();
    }
    // The server reads 16 MiB; the rest fits into the buffers of the system.
    println!("{sent} bytes were taken");
    assert!(sent < 64 * 1024 * 1024, "{sent}");
}

#[test]
fn the_token_endpoint_has_its_own_form_of_error_before_a_route_is_reached() {
    for (base, path) in [("", "/token"), ("", "/token/"), ("/auth", "/auth/token")] {
        let program = Program::demo(&[("BASE_PATH", base)]);
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n");
        let (reply, _) = answers(program.address, &request);
        assert_eq!(reply.status, 400, "{path}");
        assert_eq!(reply.json()["error"], "invalid_request", "{path}");
        assert_eq!(reply.json()["error_description"], reply.json()["detail"]);
        let (reply, _) = answers(
            program.address,
            "POST /users HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        );
        assert!(reply.json().get("error").is_none());
    }
}
