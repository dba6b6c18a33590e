//! Strangers whose attempts all wait for a slow database: devices, known addresses and right passwords have requests left.

use super::{PATIENCE, account, admitted, attempt, device, succeed, throttle};
use crate::stack::{Fault, Recorded, Stack};
use portcullis::throttle::{Counter, Success, Throttle as _};
use std::sync::Arc;

const KNOWN: &str = "anna@example.com";

/// An attempt of somebody who sends no device and whose address nobody knows.
fn is_of_a_stranger(request: &Recorded) -> bool {
    let is_attempt = request.path.ends_with("/portcullis_throttle_acquire");
    is_attempt && request.json()["attempt"]["network"].is_array()
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_strangers_leave_requests_for_devices_known_addresses_and_right_passwords() {
    let place = Stack::shared().place();
    let throttle = Arc::new(throttle(&place));
    let laptop = device(KNOWN);
    let mut at_home = attempt(KNOWN, Some("192.0.2.1"));
    succeed(&throttle, &at_home, Some(laptop)).await;
    at_home.seems_known = true;
    let elsewhere = attempt(KNOWN, Some("198.51.100.1")).device(laptop);
    let right = admitted(&throttle, &at_home).await.charge;

    // Strangers come over IPv6, those at home do not: by that the gateway tells them apart.
    place
        .gateway
        .fault_where(Fault::BlackHole, is_of_a_stranger);
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let throttle = Arc::clone(&throttle);
        let address = format!("2001:db8:{number:x}::1");
        let attempt = attempt(&format!("u{number}@example.com"), Some(&address));
        strangers.spawn(async move { throttle.acquire(&attempt).await.is_ok() });
    }
    tokio::time::sleep(core::time::Duration::from_millis(200)).await;
    let owner = async {
        let acquired = admitted(&throttle, &at_home).await;
        assert_eq!(acquired.counter, Counter::KnownAddress);
        throttle.not_made(acquired.charge);
        let acquired = admitted(&throttle, &elsewhere).await;
        assert!(matches!(acquired.counter, Counter::Device { .. }));
        let account = account();
        let success = Success::new(&account, 3);
        throttle.success(&right, success).await.unwrap();
    };
    // All strangers still wait when the owner is done.
    tokio::time::timeout(PATIENCE, owner).await.unwrap();
    assert_eq!(strangers.try_join_next().map(drop), None);
    place.gateway.mend();
}
