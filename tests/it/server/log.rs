//! What the real program writes to its log: what happened, and nothing anybody could use.
#![cfg(unix)]

use super::program::Program;
use super::raw::{ask, call, sign_in, token};
use super::{NEW_PASSWORD, PASSWORD, SECRET};
use core::time::Duration;
use serde_json::json;
use tempfile::TempDir;

/// A secret as it could stand in a log: as it is, percent-encoded, in base64.
pub(super) fn forms_of(secret: &str) -> [String; 5] {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        encoded.replace('+', "%20"),
        encoded,
        base64_simd::STANDARD.encode_to_string(secret),
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(secret),
    ]
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn at_the_most_talkative_level_the_log_holds_no_secret_and_no_forged_line() {
    let login = "canary-login@example.com";
    let admin = "canary of the first admin";
    let variables = [
        ("RUST_LOG", "trace"),
        ("ADMIN_EMAIL", login),
        ("ADMIN_PASSWORD", admin),
        ("DATABASE", "users.db"),
    ];
    let program = Program::start(TempDir::new().unwrap(), &[], &variables);
    let address = program.address;
    let signed_in = sign_in(address, login, admin);
    let bearer = token(&signed_in);
    let secret_token = bearer.strip_prefix("Bearer ").unwrap().to_owned();

    let mut replies = vec![
        sign_in(address, login, PASSWORD),
        sign_in(address, PASSWORD, PASSWORD),
        sign_in(
            address,
            "x\r\n2026-01-01 FORGED\u{1b}[31m line",
            "x\n FORGED",
        ),
        ask(
            address,
            "POST",
            "/token",
            &[("Content-Type", "multipart/form-data; boundary=X")],
            PASSWORD,
        ),
        ask(
            address,
            "GET",
            &format!("/users?access_token={secret_token}"),
            &[],
            "",
        ),
        ask(address, "GET", &format!("/{secret_token}"), &[], ""),
        ask(
            address,
            "GET",
            "/users",
            &[("Authorization", &format!("{bearer}x"))],
            "",
        ),
        ask(
            address,
            "GET",
            "/users",
            &[
                ("Authorization", &bearer),
                ("X-Request-Id", "FORGED"),
                ("Cookie", PASSWORD),
            ],
            "",
        ),
    ];
    let users = call(address, "GET", "/users", &bearer, "").json();
    let path = format!("/users/{}", users[0]["id"].as_str().unwrap());
    for (method, path, body) in [
        (
            "POST",
            "/users",
            json!({"email": "b@example.com", "password": NEW_PASSWORD}).to_string(),
        ),
        (
            "POST",
            "/users",
            json!({"email": "b@example.com", "password": NEW_PASSWORD}).to_string(),
        ),
        (
            "POST",
            "/users",
            json!({"email": PASSWORD, "password": 1, "role": NEW_PASSWORD}).to_string(),
        ),
        (
            "POST",
            "/users",
            format!("{{\"password\":\"{NEW_PASSWORD}\""),
        ),
        ("POST", "/users", format!("[\"{NEW_PASSWORD}\"]")),
        (
            "POST",
            "/users",
            json!({"email": "c\r\nFORGED@example.com\u{1b}[31m", "password": NEW_PASSWORD})
                .to_string(),
        ),
        (
            "PATCH",
            &path,
            json!({"password": NEW_PASSWORD, "current_password": PASSWORD}).to_string(),
        ),
        (
            "PATCH",
            &path,
            json!({"password": NEW_PASSWORD, "current_password": admin}).to_string(),
        ),
    ] {
        replies.push(call(address, method, path, &bearer, &body));
    }
    assert!(replies.iter().all(|reply| reply.status != 500));
    std::thread::sleep(Duration::from_millis(100));
    let log = program.log();
    assert!(
        log.contains("answered") && log.contains("sign-in refused") && log.contains("DEBUG"),
        "{log}"
    );

    // Why a token was refused, which no answer says.
    assert!(
        log.contains("token refused") && log.contains("invalid_signature"),
        "{log}"
    );
    let secrets = [SECRET, PASSWORD, NEW_PASSWORD, admin, &secret_token];
    let mut forbidden: Vec<String> = secrets.into_iter().flat_map(forms_of).collect();
    forbidden.push("$argon2".to_owned());
    for word in &forbidden {
        assert!(!log.contains(word.as_str()), "the log holds {word}");
        for reply in &replies {
            assert!(
                !reply.head.contains(word.as_str()) && !reply.body.contains(word.as_str()),
                "an answer holds {word}"
            );
        }
    }
    assert!(!log.contains("canary-login"), "the log holds a login");
    assert!(!log.contains('\u{1b}'), "the log holds a control character");
    for line in log.lines() {
        assert!(!line.contains("FORGED"), "{line}");
        // Each line is one of ours: it begins with the time.
        assert!(line.starts_with("20") && line.contains('T'), "{line}");
    }
}
