//! A start with a wrong key or address, or before an upstream that is none: one line says what is wrong and what to do.

use super::super::program::Program;
use super::{refusal, starts};
use crate::stack::{BAD_GATEWAY_HOST, Fault, Stack};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use tempfile::TempDir;

#[test]
fn a_wrong_key_or_address_stops_the_start_and_one_line_says_which_and_what_to_do() {
    let place = Stack::shared().place();
    starts(&place);
    // Of the right shape, but of no project.
    let (secret, service) = (
        format!("{}x", place.secret_key),
        format!("{}x", place.service_key),
    );
    for (arguments, variables, words) in [
        (
            &[][..],
            &[("SUPABASE_KEY", "")][..],
            "SUPABASE_URL is set, but not SUPABASE_KEY: the project's secret key",
        ),
        (
            &[],
            &[("SUPABASE_URL", "")],
            "SUPABASE_KEY is set, but not SUPABASE_URL: set it to the project's URL, or neither",
        ),
        (
            &[],
            &[("SUPABASE_KEY", &*place.publishable_key)],
            "SUPABASE_KEY: the key is a public one (anon, publishable); the service key or a secret key is needed",
        ),
        (
            &[],
            &[("SUPABASE_KEY", &*place.anon_key)],
            "SUPABASE_KEY: the key is a public one (anon, publishable); the service key or a secret key is needed",
        ),
        (
            &[],
            &[("SUPABASE_KEY", "canary")],
            "SUPABASE_KEY: the key is neither a secret key (sb_secret_...) nor a JWT",
        ),
        (
            &[],
            &[("SUPABASE_KEY", &*secret)],
            "the service key is rejected: is it of this project, and current?",
        ),
        (
            &[],
            &[("SUPABASE_KEY", &*service)],
            "the service key is rejected: is it of this project, and current?",
        ),
        // Nobody listens there.
        (
            &[],
            &[("SUPABASE_URL", "http://127.0.0.1:1")],
            "tcp connect error: Connection refused (os error 111) (host 127.0.0.1:1)",
        ),
        (
            &[],
            &[("SUPABASE_URL", "abcdefgh.supabase.co")],
            "SUPABASE_URL: the address is not the URL of a project, such as https://",
        ),
        (
            &[],
            &[("SUPABASE_URL", "http://10.0.0.1")],
            "must be https: the service key would travel in the clear; SUPABASE_ALLOW_HTTP=true",
        ),
        (
            &[],
            &[("SUPABASE_ALLOW_HTTP", "yes")],
            "SUPABASE_ALLOW_HTTP must be true or false",
        ),
        (
            &[],
            &[("SUPABASE_SCHEMA", "a b")],
            "SUPABASE_SCHEMA or SUPABASE_TABLE: names in the database have",
        ),
        (&[], &[("SECRET_KEY", "canary")], "SECRET_KEY"),
    ] {
        let error = refusal(&place, arguments, variables);
        assert!(error.contains(words), "{words}: {error}");
    }
    // The new kind of key does as well.
    let new = [
        ("SUPABASE_URL", &*place.url),
        ("SUPABASE_KEY", &*place.secret_key),
        ("SUPABASE_SCHEMA", &*place.schema),
    ];
    drop(Program::start(TempDir::new().unwrap(), &[], &new));
}

#[test]
fn an_upstream_that_is_no_postgrest_stops_the_start_and_is_not_quoted() {
    let place = Stack::shared().place();
    let canary = "canary of the upstream";
    let page = |status| Fault::Answer {
        status,
        content_type: "text/html",
        body: format!("<html>{canary}</html>"),
    };
    let json = |status| Fault::Answer {
        status,
        content_type: "application/json",
        body: format!(
            r#"{{"code":"{canary}","message":"{canary}","hint":"{canary}","details":"{canary}"}}"#
        ),
    };
    let to = format!("{}/{canary}", place.url).replace(' ', "-");
    for (fault, words) in [
        (page(200), "no answer of PostgREST's: no JSON (200 OK)"),
        (
            page(404),
            "no answer of PostgREST's: no error of PostgREST's (404 Not Found)",
        ),
        // What Supabase says of a project that is paused.
        (
            json(540),
            "no answer of PostgREST's: no error of PostgREST's (540",
        ),
        (
            json(503),
            "supabase is unavailable (503 Service Unavailable)",
        ),
        (
            Fault::BadGateway,
            "no answer of PostgREST's: no error of PostgREST's (502 Bad Gateway)",
        ),
        (
            Fault::SchemaCacheLost,
            "supabase is unavailable (503 Service Unavailable)",
        ),
        (
            Fault::Redirect { status: 301, to },
            "no answer of PostgREST's: a redirect (301 Moved Permanently)",
        ),
        (
            Fault::WrongShape,
            "no answer of PostgREST's: another shape (200 OK)",
        ),
        (Fault::Huge, "no answer of PostgREST's: too long (200 OK)"),
        (
            Fault::HangUp,
            "supabase could not be reached: client error (SendRequest): connection closed before message completed",
        ),
        (Fault::BlackHole, "no answer from supabase within 5s"),
        (
            Fault::InvalidApiKey,
            "the service key is rejected: is it of this project, and current?",
        ),
    ] {
        place.gateway.fault(fault);
        let error = refusal(&place, &[], &[]);
        assert!(error.contains(words), "{words}: {error}");
        assert!(
            !error.contains("canary") && !error.contains(BAD_GATEWAY_HOST),
            "{error}"
        );
        let asked = error.contains("; is SUPABASE_URL the address of a project, and does it run?");
        assert!(asked || error.contains("is it of this project"), "{error}");
    }
    place.gateway.mend();
    starts(&place);
    // Something that speaks no HTTP at all.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream.and_then(|mut stream| {
                let _read = stream.read(&mut [0; 4096])?;
                writeln!(stream, "SSH-2.0-{canary}")
            }));
        }
    });
    let error = refusal(&place, &[], &[("SUPABASE_URL", &url)]);
    assert!(
        error.contains("supabase could not be reached: ")
            && error.contains("invalid HTTP version parsed"),
        "{error}"
    );
    assert!(!error.contains("canary"), "{error}");
}
