//! What the real program logs while its upstream fails: whose trouble it is, and no word that came from there.

use super::town::{PATIENCE, keys};
use crate::server::program::Program;
use crate::server::raw::{Reply, call, sign_in, token};
use crate::server::site::Supabase;
use crate::server::{NEW_PASSWORD, PASSWORD, SECRET};
use crate::stack::{BAD_GATEWAY_HOST, Fault, Place, Stack};
use serde_json::json;
use std::time::Instant;
use tempfile::TempDir;

const ADMIN: &str = "canary-admin@example.com";

/// The program on a place, with an administrator.
fn start(place: &Place, level: &str) -> Program {
    let mut variables = vec![
        ("RUST_LOG", level),
        ("ADMIN_EMAIL", ADMIN),
        ("ADMIN_PASSWORD", NEW_PASSWORD),
    ];
    variables.extend(Supabase::variables(place));
    Program::start(TempDir::new().unwrap(), &[], &variables)
}

/// Waits until the log says so.
fn logged(program: &Program, text: &str) {
    let started = Instant::now();
    while !program.log().contains(text) {
        assert!(started.elapsed() < PATIENCE, "{text}: {}", program.log());
        std::thread::sleep(core::time::Duration::from_millis(10));
    }
}

/// What a client does, whatever comes of it.
fn everything(program: &Program, bearer: &str, id: &str) -> Vec<Reply> {
    let user = format!("/users/{id}");
    let new = json!({"email": "canary-new@example.com", "password": PASSWORD}).to_string();
    vec![
        sign_in(program.address, ADMIN, NEW_PASSWORD),
        call(program.address, "GET", "/users", bearer, ""),
        call(program.address, "POST", "/users", bearer, &new),
        call(program.address, "GET", &user, bearer, ""),
        call(
            program.address,
            "PATCH",
            &user,
            bearer,
            r#"{"role":"admin"}"#,
        ),
        call(program.address, "DELETE", &user, bearer, ""),
        call(program.address, "GET", "/readyz", "", ""),
    ]
}

#[test]
fn a_rejected_service_key_is_said_in_the_log_and_is_502_to_the_client() {
    let place = Stack::shared().place();
    let program = start(&place, "info");
    let bearer = token(&sign_in(program.address, ADMIN, NEW_PASSWORD));
    place.gateway.fault(Fault::InvalidApiKey);
    for path in ["/users", "/users/me", "/agent"] {
        let reply = call(program.address, "GET", path, &bearer, "");
        assert_eq!(reply.status, 502, "{path}");
        assert_eq!(reply.header("www-authenticate"), None);
    }
    assert_eq!(sign_in(program.address, ADMIN, NEW_PASSWORD).status, 502);
    logged(
        &program,
        "supabase rejected the service key (401 Unauthorized)",
    );
    place.gateway.mend();
    assert_eq!(
        call(program.address, "GET", "/users", &bearer, "").status,
        200
    );
}

#[test]
fn at_the_most_talkative_level_the_log_holds_no_key_no_hash_and_nothing_of_upstream() {
    let place = Stack::shared().place();
    let program = start(&place, "trace");
    let bearer = token(&sign_in(program.address, ADMIN, NEW_PASSWORD));
    let id = place.sql("select id from users");
    let hash = place.sql("select password_hash from users");
    let said = json!({
        "code": "23502",
        "message": "CANARY message",
        "details": format!("Failing row contains (CANARY, {hash})"),
        "hint": "CANARY hint",
    });
    let mut replies = Vec::new();
    for fault in [
        Fault::InvalidApiKey,
        Fault::BadGateway,
        Fault::SchemaCacheLost,
        Fault::WrongShape,
        Fault::Html,
        Fault::HangUp,
        Fault::Huge,
        Fault::Answer {
            status: 400,
            content_type: "application/json",
            body: said.to_string(),
        },
        Fault::Answer {
            status: 500,
            content_type: "application/json",
            body: said.to_string(),
        },
    ] {
        place.gateway.fault(fault);
        replies.extend(everything(&program, &bearer, &id));
    }
    place.gateway.mend();
    place.gateway.stop();
    replies.extend(everything(&program, &bearer, &id));
    place.gateway.start_again();
    assert!(replies.iter().all(|reply| reply.status >= 502));
    replies.push(sign_in(program.address, ADMIN, PASSWORD));
    replies.extend(everything(&program, &bearer, &id));
    logged(&program, "supabase could not be reached");
    let log = program.log();
    assert!(log.contains("TRACE") && log.contains("supabase rejected the service key"));

    let mut words = vec![
        SECRET,
        PASSWORD,
        NEW_PASSWORD,
        ADMIN,
        BAD_GATEWAY_HOST,
        "CANARY",
        "canary-",
        "$argon2",
        "Double check",
        "nginx",
        &hash,
    ];
    words.extend(keys(&place));
    words.extend(bearer.strip_prefix("Bearer "));
    for word in words {
        assert!(!log.contains(word), "the log holds {word}");
        for reply in &replies {
            let shown = word == ADMIN || word == "canary-";
            let told = reply.head.contains(word) || reply.body.contains(word);
            // An administrator may see addresses, and whoever signs in gets a token.
            assert!(
                !told || shown || reply.body.contains("access_token"),
                "an answer holds {word}"
            );
        }
    }
}
