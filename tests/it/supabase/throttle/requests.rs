//! How many requests a sign-in takes, and what is in them.

use super::{account, admitted, attempt, device, throttle};
use crate::server::PASSWORD;
use crate::stack::{Place, Recorded, Stack};
use crate::supabase::town::town;
use portcullis::throttle::{Device, Success, Throttle as _};
use serde_json::{Value, json};

const ACQUIRE: &str = "/rest/v1/rpc/portcullis_throttle_acquire";
const LOOK_UP: &str = "/rest/v1/rpc/portcullis_find_by_login";
const SUCCESS: &str = "/rest/v1/rpc/portcullis_throttle_success";

fn paths(place: &Place) -> Vec<String> {
    let taken: Vec<Recorded> = place.gateway.taken();
    taken.into_iter().map(|request| request.path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_takes_three_requests_a_wrong_password_two_and_a_refusal_one() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let (right, wrong) = (
        format!("username=anna@example.com&password={PASSWORD}"),
        "username=anna@example.com&password=wrong",
    );
    place.gateway.record();
    // A failure that comes before costs a success no request more.
    for _ in 0..2 {
        assert_eq!(town.form(&right).await.status, 200);
        assert_eq!(paths(&place), [ACQUIRE, LOOK_UP, SUCCESS]);
        assert_eq!(town.form(wrong).await.status, 401);
        assert_eq!(paths(&place), [ACQUIRE, LOOK_UP]);
    }
    let nobody = "username=nobody-at-all@example.com&password=wrong";
    assert_eq!(town.form(nobody).await.status, 401);
    assert_eq!(paths(&place), [ACQUIRE, LOOK_UP]);
    place.sql("update portcullis_counters set failures = 30");
    assert_eq!(town.form(&right).await.status, 429);
    assert_eq!(paths(&place), [ACQUIRE]);
}

/// What a request of the throttle's holds, with hashes and ids left out.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_and_a_refund_say_what_is_needed_and_name_nobody() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let laptop: Device = device("canary@example.com");
    let canary = attempt("canary@example.com", Some("2001:db8::77"));
    let charge = admitted(&throttle, &canary).await.charge;
    place.gateway.record();
    let account = account();
    let success = Success::new(&account, 3).new_device(Some(laptop));
    throttle.success(&charge, success).await.unwrap();
    let sent = place.gateway.taken().remove(0);
    let counter = json!({"name": "text", "generation": "text", "since_before": "text"});
    let body = sent.json();
    assert_eq!(
        shape(&body),
        json!({"success": {
            "id": "text", "at": "text", "refund": [counter, counter], "clear": ["text", "text"],
            "account": ["text"], "known_address": ["text"], "account_id": "text", "token_version": 3,
            "devices": [{"id": "text", "secret_hash": "text"}],
        }})
    );
    assert_eq!(body["success"]["account_id"], account.as_str());
    throttle.not_made(charge);
    super::until(&place, "select count(*) from portcullis_refunds", "1").await;
    let refund = place.gateway.taken().remove(0);
    assert_eq!(
        shape(&refund.json()),
        json!({"attempts": [{"id": "text", "at": "text", "charged": [counter, counter, counter], "unless_cleared": true}],
            "keep_seconds": 60.0})
    );
    for request in [sent, refund] {
        let text = String::from_utf8(request.body).unwrap();
        for word in ["canary", "example", "2001:db8"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}
