//! What is written of many equal events, on the layer itself.

use super::super::written::Written;
use super::json_lines;
use crate::log::Repeats;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

/// What was written by the events of `run`, as JSON.
fn written(run: impl FnOnce(&Repeats)) -> Vec<Value> {
    let (written, repeats) = (Written::default(), Repeats::default());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(written.clone());
    let subscriber = tracing_subscriber::registry()
        .with(lines)
        .with(repeats.clone());
    tracing::subscriber::with_default(subscriber, || run(&repeats));
    json_lines(&written.text())
}

fn refused(code: &str, address: u32) {
    let source = std::net::Ipv4Addr::from_bits(address);
    tracing::warn!(code, %source, user = "anna", "sign-in refused");
}

#[test]
fn the_first_is_written_at_once_and_the_others_are_one_line_with_their_number() {
    let lines = written(|repeats| {
        for number in 0..1000 {
            refused("wrong_password", number % 7);
        }
        refused("throttled", 1);
        repeats.sum_up();
        // A minute without any is not told.
        repeats.sum_up();
        refused("wrong_password", 1);
        repeats.sum_up();
    });
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["code"].as_str().unwrap(), line["repeats"].as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            ("wrong_password", None),
            ("throttled", None),
            ("wrong_password", Some(999)),
            ("wrong_password", None),
        ]
    );
    assert_eq!(lines[0]["source"], "0.0.0.0");
    let summary = &lines[2];
    assert_eq!(summary["message"], "sign-in refused");
    assert_eq!(summary["level"], "WARN");
    assert_eq!(summary["addresses"], 7);
    assert_eq!(summary["more_addresses"], Value::Null);
    // Of the details of one it says nothing.
    assert_eq!(summary["user"], Value::Null);
}

#[test]
fn each_route_and_each_error_is_told_apart_and_a_known_caller_is_written_always() {
    let lines = written(|repeats| {
        for _ in 0..3 {
            for route in ["GET /users", "POST /token"] {
                let span = tracing::error_span!(
                    "request",
                    route,
                    source = "192.0.2.1",
                    caller = tracing::field::Empty
                );
                span.in_scope(|| {
                    tracing::info!(status = 401, "answered");
                    for error in ["disk full", "locked"] {
                        tracing::error!(code = "store", error, "the store could not be asked");
                    }
                });
                span.record("caller", "some-id");
                span.in_scope(|| tracing::info!(status = 200, "answered"));
            }
            tracing::info!("no code: written");
        }
        repeats.sum_up();
    });
    let (summaries, singles): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line["repeats"].is_u64());
    let count = |of: &[&Value], key: &str, value: Value| {
        of.iter().filter(|line| line[key] == value).count()
    };
    assert_eq!(count(&singles, "status", 401.into()), 2);
    assert_eq!(count(&singles, "status", 200.into()), 6);
    assert_eq!(count(&singles, "code", "store".into()), 4);
    assert_eq!(count(&singles, "message", "no code: written".into()), 3);
    assert_eq!(summaries.len(), 6);
    for summary in summaries {
        assert_eq!(summary["repeats"], 2);
        assert_eq!(summary["addresses"], 1);
        let route = summary["route"].as_str().unwrap();
        assert!(["GET /users", "POST /token"].contains(&route));
        assert_eq!(summary["code"] == "store", summary["error"].is_string());
    }
}

/// A connection pool, for one, warns of each caller that waits for it.
#[test]
fn lines_of_libraries_are_summed_up_whoever_caused_them() {
    let lines = written(|repeats| {
        let span = tracing::error_span!("request", route = "POST /token", caller = "some-id");
        for number in 0..50 {
            span.in_scope(|| tracing::warn!(target: "pool", seconds = number, "slow"));
        }
        repeats.sum_up();
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["seconds"], 0);
    let summary = &lines[1];
    assert_eq!(summary["message"], "slow");
    assert_eq!(
        (&summary["repeats"], &summary["code"]),
        (&Value::from(49), &Value::from("pool"))
    );
}

#[test]
fn memory_and_lines_are_bounded_and_nothing_is_lost_from_the_sum() {
    const EVENTS: u32 = 20_000;
    let lines = written(|repeats| {
        for number in 0..EVENTS {
            let error = format!("error {}", number % 5000);
            let source = std::net::Ipv4Addr::from_bits(number);
            tracing::error!(code = "store", error, %source, "the store could not be asked");
        }
        for number in 0..EVENTS {
            refused("wrong_password", number);
        }
        repeats.sum_up();
    });
    assert!(lines.len() <= 2 * 128 + 1, "{}", lines.len());
    let repeats: u64 = lines
        .iter()
        .filter_map(|line| line["repeats"].as_u64())
        .sum();
    let singles = lines
        .iter()
        .filter(|line| line["repeats"].is_null())
        .count();
    assert_eq!(
        repeats + u64::try_from(singles).unwrap(),
        2 * u64::from(EVENTS)
    );
    let others = lines.iter().find(|line| line["code"] == "other").unwrap();
    assert_eq!(
        (&others["addresses"], &others["more_addresses"]),
        (&512.into(), &true.into())
    );
}
