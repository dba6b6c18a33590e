//! The metrics over a real socket: in the format, about what happened, and bounded whatever strangers send.

use super::super::program::DEMO;
use super::super::raw::{Reply, Wire, ask, call, sign_in, token};
use super::Piped;
use crate::limits::Limits;
use crate::metrics::{self, MeasuredStore};
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::conformance::{self, Broken};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use tempfile::TempDir;

/// Samples by name and labels, as they stand in the text.
type Samples = BTreeMap<String, f64>;

const README: &str = include_str!("../../../../examples/server/README.md");

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The labels of a sample; fails on what the format does not allow.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(name), "{text}");
        let end = value.find('"').unwrap();
        assert!(!value[..end].contains(['\\', '\n']), "{text}");
        found.push((name.to_owned(), value[..end].to_owned()));
        rest = value[end + 1..]
            .strip_prefix(',')
            .unwrap_or(&value[end + 1..]);
    }
    found
}

/// Reads the text format, version 0.0.4, as strictly as `promtool check metrics`.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    let (mut kinds, mut samples) = (HashMap::new(), Samples::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            name.clone_into(&mut family);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, family, "HELP and TYPE belong together");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!((kind == "counter") == name.ends_with("_total"), "{line}");
            let before = kinds.insert(name.to_owned(), kind);
            assert_eq!(before, None, "a family is told once: {name}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let (name, set) = match sample.split_once('{') {
            Some((name, set)) => (name, set.strip_suffix('}').unwrap()),
            None => (sample, ""),
        };
        let labels = labels(set);
        let kind = kinds[&family];
        let own = name == family
            || (kind == "histogram"
                && ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| name.strip_suffix(end) == Some(&family)));
        assert!(own, "{line} stands under {family}");
        assert_eq!(
            name.ends_with("_bucket"),
            labels.iter().any(|(name, _)| name == "le"),
            "{line}"
        );
        let value: f64 = value.parse().unwrap();
        assert!(
            value.is_finite() && (value >= 0.0 || kind == "gauge"),
            "{line}"
        );
        assert_eq!(
            samples.insert(sample.to_owned(), value),
            None,
            "twice: {sample}"
        );
    }
    histograms_add_up(&samples);
    for name in kinds.keys() {
        assert!(
            README.contains(&format!("`{name}`")),
            "the README does not tell of {name}"
        );
    }
    samples
}

/// Buckets grow, and the last holds as many as are counted.
fn histograms_add_up(samples: &Samples) {
    for (sample, count) in samples.iter().filter(|(name, _)| name.contains("_count")) {
        let bucket = match sample.split_once('{') {
            Some((name, set)) => {
                format!(
                    "{}_bucket{{le=\"+Inf\",{set}",
                    name.strip_suffix("_count").unwrap()
                )
            }
            None => format!(
                "{}_bucket{{le=\"+Inf\"}}",
                sample.strip_suffix("_count").unwrap()
            ),
        };
        let set = sample
            .split_once('{')
            .map_or("", |(_, set)| set.trim_end_matches('}'));
        let all = samples.iter().find(|(name, _)| {
            **name == bucket
                || (name.starts_with(bucket.split('{').next().unwrap())
                    && name.contains("+Inf")
                    && name.contains(set))
        });
        let all = all.unwrap().1;
        assert!(
            (all - count).abs() < 0.1,
            "{sample}: {all} in buckets, {count} counted"
        );
    }
}

fn scrape(address: SocketAddr) -> Samples {
    let reply = ask(address, "GET", "/metrics", &[], "");
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    parse(&reply.body)
}

/// What has grown, and by how much.
fn grown(before: &Samples, after: &Samples, name: &str) -> f64 {
    after.get(name).unwrap_or(&0.0) - before.get(name).unwrap_or(&0.0)
}

#[test]
fn what_happens_is_counted_under_the_documented_names() {
    let place = TempDir::new().unwrap();
    let program = Piped::demo(place.path(), &[]);
    let (address, metrics) = (program.address, program.metrics);
    let before = scrape(metrics);
    let bearer = token(&sign_in(address, DEMO.0, DEMO.1));
    for password in ["one", "two", "three"] {
        assert_eq!(sign_in(address, DEMO.0, password).status, 401);
    }
    assert_eq!(sign_in(address, "nobody@example.com", "x").status, 401);
    for _ in 0..5 {
        assert_eq!(call(address, "GET", "/users", &bearer, "").status, 200);
        assert_eq!(call(address, "GET", "/users/", "Bearer x", "").status, 401);
    }
    let mut wire = Wire::to(address);
    wire.send("nonsense\r\n\r\n");
    drop(wire.reply());
    let open = Wire::to(address);
    // Accepted in turn: once this is answered, the one before it is counted.
    assert_eq!(ask(address, "GET", "/healthz", &[], "").status, 200);
    let after = scrape(metrics);
    for (name, by) in [
        ("portcullis_sign_ins_total{outcome=\"signed_in\"}", 1.0),
        ("portcullis_sign_ins_total{outcome=\"wrong_password\"}", 3.0),
        ("portcullis_sign_ins_total{outcome=\"unknown_login\"}", 1.0),
        ("portcullis_refusals_total{code=\"invalid_grant\"}", 4.0),
        ("portcullis_refusals_total{code=\"invalid_token\"}", 5.0),
        (
            "portcullis_requests_total{method=\"GET\",route=\"/users\",status=\"200\"}",
            5.0,
        ),
        (
            "portcullis_requests_total{method=\"GET\",route=\"/users\",status=\"401\"}",
            5.0,
        ),
        (
            "portcullis_requests_total{method=\"POST\",route=\"/token\",status=\"401\"}",
            4.0,
        ),
        ("portcullis_request_seconds_count{route=\"/token\"}", 5.0),
        (
            "portcullis_store_seconds_count{call=\"find_by_login\"}",
            5.0,
        ),
        ("portcullis_store_seconds_count{call=\"list\"}", 5.0),
        (
            "portcullis_connections_failed_total{reason=\"not_http\"}",
            1.0,
        ),
    ] {
        assert!(
            (grown(&before, &after, name) - by).abs() < 0.1,
            "{name}: {after:#?}"
        );
    }
    assert!(grown(&before, &after, "portcullis_log_lines_repeated_total") >= 8.0);
    assert!(
        grown(
            &before,
            &after,
            "portcullis_request_seconds_sum{route=\"/token\"}"
        ) > 0.0
    );
    assert!(after["portcullis_connections"] >= 1.0);
    assert!(grown(&before, &after, "portcullis_hashes_total") >= 1.0);
    for gauge in [
        "portcullis_hashes_running",
        "portcullis_hashes_waiting{class=\"known\"}",
        "portcullis_hashes_waiting{class=\"no_failures\"}",
        "portcullis_hashes_waiting{class=\"other\"}",
    ] {
        assert!(after[gauge].abs() < 0.1, "{gauge}");
    }
    drop(open);
}

#[test]
fn strangers_make_no_series_and_the_server_itself_has_no_metrics() {
    let place = TempDir::new().unwrap();
    let program = Piped::demo(place.path(), &[]);
    let send = |method: &str, path: &str| -> Reply { ask(program.address, method, path, &[], "") };
    // Each kind once, then many of a kind.
    let round = |number: usize| {
        for method in [format!("X{number}"), "GET".to_owned()] {
            for path in [
                format!("/p{number}"),
                format!("/users/{number}"),
                format!("/docs?{number}"),
            ] {
                send(&method, &path);
            }
        }
        sign_in(program.address, &format!("u{number}@example.com"), "x");
    };
    round(0);
    let before = scrape(program.metrics);
    (1..100).for_each(round);
    let after = scrape(program.metrics);
    let new: Vec<_> = after
        .keys()
        .filter(|name| !before.contains_key(*name))
        .collect();
    // The address' counter may be full by then.
    let expected = |name: &&&String| {
        !name.contains("throttled") && !name.contains("slow_down") && !name.contains("429")
    };
    assert_eq!(new.iter().filter(expected).count(), 0, "{new:?}");
    assert!(after.len() < 500, "{}", after.len());

    assert_eq!(send("GET", "/metrics").status, 404);
    assert_eq!(ask(program.metrics, "GET", "/users", &[], "").status, 404);
    assert_eq!(
        ask(program.metrics, "POST", "/metrics", &[], "").status,
        405
    );
}

#[tokio::test]
async fn a_measured_store_keeps_every_promise() -> Result<(), Broken> {
    conformance::user_directory(async || MeasuredStore(MemoryStore::new())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_said_by_its_variable() {
    let any = "127.0.0.1:0".parse().unwrap();
    let address = metrics::serve(any, Limits::default()).await.unwrap();
    scrape(address);
    let error = metrics::serve(address, Limits::default())
        .await
        .unwrap_err();
    let expected = format!("METRICS_BIND: can't listen on {address}: Address already in use");
    assert!(error.to_string().starts_with(&expected), "{error}");
    for wrong in ["9000", "localhost:9000", "127.0.0.1"] {
        assert!(metrics::bind(Some(wrong)).is_err(), "{wrong}");
    }
}
