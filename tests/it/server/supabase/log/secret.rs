//! At the most talkative level: no key, no hash, no password, no token, no login, no word of the upstream's.

use super::super::super::log::forms_of;
use super::super::super::raw::{Reply, call, sign_in};
use super::super::super::{NEW_PASSWORD, PASSWORD, SECRET};
use super::{ADMIN, Scene};
use crate::stack::{BAD_GATEWAY_HOST, Fault, Place, Stack};
use serde_json::json;
use std::time::Duration;

/// Stands in everything that an upstream says.
const UPSTREAM: &str = "canary of the upstream";

/// Whatever an upstream may say, with what it knows of secrets.
fn faults(place: &Place, hash: &str) -> Vec<Fault> {
    let knows = format!(
        "{UPSTREAM} {} {} {hash} {} {}",
        place.service_key, place.secret_key, ADMIN.0, ADMIN.1
    );
    let answer = |status, content_type, body: &str| Fault::Answer {
        status,
        content_type,
        body: body.to_owned(),
    };
    let error = |code: &str| {
        json!({"code": code, "message": knows, "details": knows, "hint": knows}).to_string()
    };
    let mut faults = vec![
        Fault::InvalidApiKey,
        Fault::BadGateway,
        Fault::SchemaCacheLost,
        Fault::Redirect { status: 302, to: format!("{}/{}", place.url, UPSTREAM.replace(' ', "-")) },
        Fault::Html,
        Fault::WrongShape,
        Fault::HangUp,
        Fault::LostAnswer,
        answer(200, "text/html", &format!("<html>{knows}</html>")),
        answer(200, "application/json", &json!(knows).to_string()),
        // A row of other shapes than a user's.
        answer(200, "application/json", &json!([{"id": knows, "email": 1, "password_hash": hash}]).to_string()),
        answer(200, "application/json", &json!([{"id": knows, "email": knows, "role": knows, "tenant_id": "", "created_at": knows}]).to_string()),
        answer(500, "text/plain", &knows),
    ];
    for (status, code) in [
        (400, "22P02"),
        (401, "PGRST301"),
        (401, "42501"),
        (403, "42501"),
        (404, "PGRST205"),
        (409, "23505"),
        (409, "PT409"),
        (500, "XX000"),
        (503, "PGRST002"),
        (418, UPSTREAM),
    ] {
        faults.push(answer(
            status,
            "application/json; charset=utf-8",
            &error(code),
        ));
    }
    faults
}

/// What the program says to a client and to its operator, and what must not stand there.
fn holds_no_secret(place: &Place, scene: &Scene, hash: &str, replies: &[Reply]) {
    let log = scene.program.log();
    let token = scene.bearer.strip_prefix("Bearer ").unwrap();
    let mut forbidden: Vec<String> = [
        &*place.service_key,
        &*place.secret_key,
        // What makes a key and a token: the rest of them anybody can write.
        place.service_key.rsplit('.').next().unwrap(),
        token,
        token.rsplit('.').next().unwrap(),
        SECRET,
        PASSWORD,
        NEW_PASSWORD,
        ADMIN.1,
        hash,
        UPSTREAM,
        &UPSTREAM.replace(' ', "-"),
        BAD_GATEWAY_HOST,
    ]
    .into_iter()
    .flat_map(forms_of)
    .collect();
    forbidden.extend(["$argon2", "argon2id", "password_hash"].map(str::to_owned));
    for word in &forbidden {
        assert!(!log.contains(word.as_str()), "the log holds {word}");
        for reply in replies {
            assert!(
                !reply.head.contains(word.as_str()),
                "a head holds {word}: {reply:?}"
            );
            assert!(
                !reply.body.contains(word.as_str()),
                "a body holds {word}: {reply:?}"
            );
        }
    }
    // People's addresses are in answers to them, never in the log.
    let mut private: Vec<String> = ["canary-login", "canary-new", "canary-stranger"]
        .into_iter()
        .flat_map(forms_of)
        .collect();
    private.extend(["Bearer e", "apikey", "sb_secret", "uthorization"].map(str::to_owned));
    for word in &private {
        let line = log.lines().find(|line| line.contains(word.as_str()));
        assert!(line.is_none(), "the log holds {word}: {line:?}");
    }
    for line in log.lines() {
        assert!(
            line.starts_with("20") && line.contains('T'),
            "no line of ours: {line}"
        );
    }
}

/// Everything once on each kind of key: success, refusals, then whatever may come from upstream.
fn at_trace_with(place: &Place, key: &str) {
    let scene = Scene::new(place, &[("RUST_LOG", "trace"), ("SUPABASE_KEY", key)]);
    let hash = place.sql("select password_hash from users limit 1");
    assert!(hash.starts_with("$argon2id$"), "{hash}");

    let address = scene.address();
    let mut replies: Vec<Reply> = Vec::new();
    let mut note =
        |round: Vec<(&'static str, Reply)>| replies.extend(round.into_iter().map(|one| one.1));
    note(scene.round());
    // It is there now.
    note(scene.round());
    note(vec![
        (
            "a stranger",
            sign_in(address, "canary-stranger@example.com", PASSWORD),
        ),
        ("no address", sign_in(address, PASSWORD, PASSWORD)),
        (
            "no token",
            call(address, "GET", "/users", &format!("{}x", scene.bearer), ""),
        ),
    ]);
    let at_first = scene.program.log();
    // What the HTTP client writes at this level is there too.
    for words in ["sign-in refused", "TRACE", "hyper_util::client"] {
        assert!(at_first.contains(words), "no {words}: {at_first}");
    }

    for fault in faults(place, &hash) {
        place.gateway.fault(fault.clone());
        note(vec![
            ("sign-in", sign_in(address, ADMIN.0, ADMIN.1)),
            ("caller", call(address, "GET", "/users", &scene.bearer, "")),
        ]);
        // The same where the caller is known and the sign-in is counted: then it meets what comes after.
        place.gateway.fault_where(fault, |request| {
            let asks_who =
                request.method == "GET" && request.query.iter().any(|(name, _)| name == "id");
            !asks_who && !request.path.ends_with("/portcullis_throttle_acquire")
        });
        note(scene.round());
        place.gateway.mend();
    }
    place.gateway.stop();
    note(scene.round());
    place.gateway.start_again();
    assert!(replies.iter().all(|reply| reply.status != 500));
    assert!(replies.iter().any(|reply| reply.status == 201));
    std::thread::sleep(Duration::from_millis(100));
    holds_no_secret(place, &scene, &hash, &replies);
}

#[test]
fn with_a_secret_key_neither_log_nor_answers_hold_a_secret_or_a_word_of_the_upstreams() {
    let place = Stack::shared().place();
    at_trace_with(&place, &place.secret_key);
}

#[test]
fn with_a_service_role_key_neither_log_nor_answers_hold_a_secret_or_a_word_of_the_upstreams() {
    let place = Stack::shared().place();
    at_trace_with(&place, &place.service_key);
}
