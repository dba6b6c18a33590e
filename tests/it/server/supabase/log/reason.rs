//! Why the store could not be asked, in words that whoever runs the program understands.

use super::{Reply, Scene};
use crate::stack::{Fault, Gateway, Recorded, Stack};
use core::time::Duration;
use std::time::Instant;

/// Every line is wanted, not a summary.
const EACH_LINE: &[(&str, &str)] = &[("RUST_LOG", "debug")];

/// What the log says from here on; waits until it says this much of errors.
fn said_after(scene: &Scene, before: usize, errors: usize) -> String {
    let started = Instant::now();
    loop {
        let log = scene.program.log();
        let new = &log[before..];
        if new.matches("ERROR").count() >= errors || started.elapsed() > Duration::from_secs(10) {
            return new.to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every route fails, and for each the log says why.
fn each_route_says(scene: &Scene, host: &str, words: &str) {
    let before = scene.program.log().len();
    let round = scene.round();
    for (route, reply) in &round {
        assert!((502..=504).contains(&reply.status), "{route}: {reply:?}");
    }
    let said = said_after(scene, before, round.len());
    let errors: Vec<_> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), round.len(), "{words}: {said}");
    for line in errors {
        // A machine that is busy may take longer than readiness waits.
        let late = line.contains("the store did not answer in time");
        assert!(line.contains(words) || late, "{words}: {line}");
        // By the id that the client was given.
        assert!(line.contains("request{id="), "{line}");
        assert!(line.contains(host) || late, "{line}");
    }
}

fn asks_who(request: &Recorded) -> bool {
    request.method == "GET" && request.query.iter().any(|(name, _)| name == "id")
}

fn refuse(gateway: &Gateway, status: u16, code: &str) {
    gateway.fault(Fault::Answer {
        status,
        content_type: "application/json",
        body: format!(r#"{{"code":"{code}","message":"x","details":null,"hint":null}}"#),
    });
}

#[test]
fn when_the_store_is_down_the_log_says_why_and_at_which_host() {
    let place = Stack::shared().place();
    let scene = Scene::new(&place, EACH_LINE);
    let host = place.url.strip_prefix("http://").unwrap();
    for (fault, words) in [
        (
            Fault::InvalidApiKey,
            "supabase rejected the service key (401 Unauthorized)",
        ),
        (
            Fault::BadGateway,
            "supabase gave no answer of PostgREST's: no error of PostgREST's (502 Bad Gateway)",
        ),
        (
            Fault::SchemaCacheLost,
            "supabase is unavailable (503 Service Unavailable)",
        ),
        (
            Fault::Redirect {
                status: 301,
                to: "/x".to_owned(),
            },
            "supabase gave no answer of PostgREST's: a redirect (301 Moved Permanently)",
        ),
        (
            Fault::Html,
            "supabase gave no answer of PostgREST's: no JSON (200 OK)",
        ),
        (
            Fault::HangUp,
            "supabase could not be reached: client error (SendRequest): connection closed before message completed",
        ),
    ] {
        place.gateway.fault(fault);
        each_route_says(&scene, host, words);
    }
    for (status, code, words) in [
        (
            401,
            "PGRST301",
            "supabase rejected the service key (401 Unauthorized)",
        ),
        (
            401,
            "42501",
            "the database refused the service key's role (42501)",
        ),
        (
            404,
            "PGRST205",
            "the database refused with code PGRST205: there is no such table",
        ),
        (
            404,
            "PGRST202",
            "the database refused with code PGRST202: there is no such function",
        ),
        (
            400,
            "42703",
            "the database refused with code 42703: there is no such column",
        ),
        (
            406,
            "PGRST106",
            "the database refused with code PGRST106: the schema is not exposed",
        ),
        (
            503,
            "53300",
            "supabase is unavailable (503 Service Unavailable)",
        ),
        (
            504,
            "PGRST003",
            "supabase is unavailable (504 Gateway Timeout)",
        ),
    ] {
        refuse(&place.gateway, status, code);
        each_route_says(&scene, host, words);
    }
    place.gateway.stop();
    let words = "supabase could not be reached: client error (Connect): tcp connect error: Connection refused";
    each_route_says(&scene, host, words);
    place.gateway.start_again();
    place.gateway.mend();
    assert_eq!(scene.round()[1].1.status, 200);
}

#[test]
fn a_route_whose_caller_is_known_says_why_as_well() {
    let place = Stack::shared().place();
    let scene = Scene::new(&place, EACH_LINE);
    place
        .gateway
        .fault_where(Fault::InvalidApiKey, |request| !asks_who(request));
    let before = scene.program.log().len();
    let round = scene.round();
    let failed = |reply: &Reply| (502..=503).contains(&reply.status);
    let (failed, fine): (Vec<_>, Vec<_>) = round.iter().partition(|(_, reply)| failed(reply));
    // Who reads only itself needs no more than was asked to know who it is.
    let fine: Vec<_> = fine.iter().map(|(route, _)| *route).collect();
    assert_eq!(fine, ["GET /users/{id}", "GET /users/me"]);
    let said = said_after(&scene, before, failed.len());
    let words = "supabase rejected the service key (401 Unauthorized)";
    assert_eq!(said.matches(words).count(), failed.len(), "{said}");
}

#[test]
fn who_never_answers_is_said_too_and_by_whom_it_was_noticed() {
    let place = Stack::shared().place();
    let scene = Scene::new(&place, &[]);
    place.gateway.fault(Fault::BlackHole);
    let before = scene.program.log().len();
    let ready = super::ask(scene.address(), "GET", "/readyz", &[], "");
    assert_eq!(ready.status, 503);
    let said = said_after(&scene, before, 1);
    assert!(
        said.contains("the store did not answer in time") && said.contains("2s"),
        "{said}"
    );
    let before = scene.program.log().len();
    let users = super::call(scene.address(), "GET", "/users", &scene.bearer, "");
    assert_eq!(users.status, 504);
    let said = said_after(&scene, before, 1);
    assert!(said.contains("no answer from supabase within 5s"), "{said}");
}

#[test]
fn at_the_default_level_a_store_that_is_down_is_said_once_for_each_route_and_then_summed_up() {
    let place = Stack::shared().place();
    let mut scene = Scene::new(&place, &[("LOG_FORMAT", "json")]);
    place.gateway.fault(Fault::InvalidApiKey);
    for _ in 0..5 {
        scene.round();
    }
    scene.program.signal("-TERM");
    assert!(scene.program.exit().success());
    let log = scene.program.log();
    let words = "supabase rejected the service key (401 Unauthorized)";
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(words)).collect();
    let (summaries, first): (Vec<&str>, Vec<&str>) = lines
        .into_iter()
        .partition(|line| line.contains(r#""repeats":"#));
    // Each method of each route, of which two are asked for two users.
    assert_eq!((first.len(), summaries.len()), (8, 8), "{log}");
    let repeats: u64 = summaries
        .iter()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["repeats"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(repeats + 8, 5 * 9);
}
