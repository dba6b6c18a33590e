//! A success that can't be stored, or whose answer is lost: nobody is signed in by it, and nothing is given back twice.

use super::{account, admitted, attempt, fail, failures, throttle, until};
use crate::server::PASSWORD;
use crate::stack::{Fault, Recorded, Stack};
use crate::supabase::town::town;
use portcullis::throttle::{Success, Throttle as _};

fn is_success(request: &Recorded) -> bool {
    request.path.ends_with("/portcullis_throttle_success")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_whose_success_is_not_stored_is_503_and_its_charge_goes_back() {
    let place = Stack::shared().place();
    let town = town(&place).await;
    let form = format!("username=anna@example.com&password={PASSWORD}");
    place
        .gateway
        .fault_where(Fault::SchemaCacheLost, is_success);
    for _ in 0..12 {
        let answer = town.form(&form).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(!answer.text.contains("access_token"));
        until(&place, "select count(*) from portcullis_counters", "0").await;
    }
    place.gateway.mend();
    assert_eq!(town.form(&form).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_whose_answer_is_lost_gives_the_address_its_failure_back_once() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    for number in 0..3 {
        let other = attempt(&format!("u{number}@example.com"), Some("192.0.2.1"));
        fail(&throttle, &other).await;
    }
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    let charge = admitted(&throttle, &anna).await.charge;
    place.gateway.fault_where(Fault::LostAnswer, is_success);
    let account = account();
    let lost = throttle.success(&charge, Success::new(&account, 0)).await;
    lost.expect_err("the answer is lost");
    assert_eq!(failures(&place, true), 3, "it was stored");
    throttle.not_made(charge);
    until(&place, "select count(*) from portcullis_refunds", "1").await;
    assert_eq!((failures(&place, false), failures(&place, true)), (3, 3));
}

/// The request is on its way still when the server gives up on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_comes_after_its_charge_went_back_gives_nothing_back() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    for number in 0..3 {
        let other = attempt(&format!("u{number}@example.com"), Some("192.0.2.1"));
        fail(&throttle, &other).await;
    }
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    let charge = admitted(&throttle, &anna).await.charge;
    place.gateway.record();
    place.gateway.fault_where(Fault::HangUp, is_success);
    let account = account();
    let lost = throttle.success(&charge, Success::new(&account, 0)).await;
    lost.expect_err("it did not arrive");
    let late = place.gateway.taken().into_iter().find(is_success).unwrap();
    throttle.not_made(charge);
    until(&place, "select count(*) from portcullis_refunds", "1").await;
    assert_eq!((failures(&place, false), failures(&place, true)), (3, 3));
    let late = String::from_utf8(late.body).unwrap();
    place.sql(&format!(
        "select portcullis_throttle_success('{late}'::jsonb -> 'success')"
    ));
    assert_eq!((failures(&place, false), failures(&place, true)), (3, 3));
}
