//! Device tokens: what they are good for, and what makes them void.

use super::*;
use portcullis::opaque::{ServerSecret, ServerSecretError};
use portcullis::throttle::{Device, DeviceToken};

fn issue(throttle: &MemoryThrottle, login: &str) -> (DeviceToken, Device) {
    DeviceToken::issue(throttle.server_secret().unwrap(), login).unwrap()
}

/// A device of anna's, recorded by a sign-in.
async fn device(throttle: &MemoryThrottle) -> Device {
    let (_, device) = issue(throttle, "anna@example.com");
    let acquired = acquire(throttle, &anna(None)).await.unwrap();
    let id = UserId::new("1").unwrap();
    let success = Success::new(&id, 7).new_device(Some(device));
    throttle.success(&acquired.charge, success).await.unwrap();
    device
}

#[test]
fn a_token_is_good_for_its_login_and_its_secret_only_and_no_letter_can_be_changed() {
    let secret = ServerSecret::generate().unwrap();
    let (token, device) = DeviceToken::issue(&secret, "anna").unwrap();
    assert!(token.expose().starts_with("pdt_") && token.expose().len() == 91);
    assert_eq!(token.verify(&secret, "anna"), Some(device));
    assert_eq!(token.verify(&secret, "bob"), None);
    let other = ServerSecret::generate().unwrap();
    assert_eq!(token.verify(&other, "anna"), None);
    for at in 0..token.expose().len() {
        let mut text = token.expose().to_owned().into_bytes();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let changed = DeviceToken::from(String::from_utf8(text).unwrap());
        assert_eq!(changed.verify(&secret, "anna"), None, "{at}");
    }
    for text in ["", "pdt_", "pdt_AAAA", &"pdt_".repeat(1000)] {
        assert_eq!(DeviceToken::from(text).verify(&secret, "anna"), None);
    }
    assert!(!format!("{token:?} {device:?} {secret:?}").contains(&token.expose()[8..]));
}

#[test]
fn secrets_rotate_in_two_steps_and_two_of_one_key_id_are_refused() {
    let (old, new) = ([7; 32], [8; 32]);
    let old_server = ServerSecret::new(&old).unwrap();
    let (token, device) = DeviceToken::issue(&old_server, "anna").unwrap();
    let first_step = ServerSecret::new(&old)
        .unwrap()
        .with_previous(&new)
        .unwrap();
    let second_step = ServerSecret::new(&new)
        .unwrap()
        .with_previous(&old)
        .unwrap();
    let (new_token, new_device) = DeviceToken::issue(&second_step, "anna").unwrap();
    for server in [&first_step, &second_step] {
        assert_eq!(token.verify(server, "anna"), Some(device));
        assert_eq!(new_token.verify(server, "anna"), Some(new_device));
    }
    let last_step = ServerSecret::new(&new).unwrap();
    assert_eq!(token.verify(&last_step, "anna"), None);
    let twice = ServerSecret::new(&old).unwrap().with_previous(&old);
    assert_eq!(twice.unwrap_err(), ServerSecretError::SameKeyId);
    assert_eq!(
        ServerSecret::new(&[0; 31]).unwrap_err(),
        ServerSecretError::TooShort
    );
}

#[tokio::test]
async fn strangers_cannot_delay_a_device_and_its_own_failures_do() {
    let (throttle, clock) = throttle();
    let with_device = anna(Some(address(9))).device(device(&throttle).await);
    for n in 0..200 {
        guess(&throttle, &anna(Some(address(100 + n)))).await;
    }
    let acquired = acquire(&throttle, &with_device).await.unwrap();
    let expected = Counter::Device {
        account: UserId::new("1").unwrap(),
        token_version: 7,
    };
    assert_eq!((acquired.counter, acquired.failures), (expected, 0));
    for _ in 0..9 {
        assert_eq!(guess(&throttle, &with_device).await, None);
    }
    drop(acquired.charge);
    assert_eq!(guess(&throttle, &with_device).await, Some(SECOND));
    clock.advance(180 * DAY);
    let acquired = acquire(&throttle, &with_device).await.unwrap();
    assert_eq!(
        acquired.counter,
        Counter::Account,
        "forgotten after 180 days"
    );
}

#[tokio::test]
async fn an_unknown_device_and_a_device_of_another_login_count_as_none() {
    let (throttle, _clock) = throttle();
    let known = device(&throttle).await;
    let (_, unknown) = issue(&throttle, "anna@example.com");
    let forged = Device::from_stored(known.id, [0; 32]);
    for attempt in [
        anna(None).device(unknown),
        anna(None).device(forged),
        Attempt::new("bob", None).device(known),
    ] {
        let acquired = acquire(&throttle, &attempt).await.unwrap();
        assert_eq!(acquired.counter, Counter::Account);
        throttle.not_made(acquired.charge);
    }
}

#[tokio::test]
async fn all_devices_of_an_account_together_have_a_hundred_failures_in_a_row() {
    let (throttle, clock) = throttle();
    let mut devices = Vec::new();
    for _ in 0..16 {
        devices.push(device(&throttle).await);
    }
    let mut admitted = 0;
    'devices: for device in &devices {
        for _ in 0..10 {
            match guess(&throttle, &anna(None).device(*device)).await {
                None => admitted += 1,
                Some(delay) => {
                    assert!(delay > 23 * HOUR, "{delay:?}");
                    break 'devices;
                }
            }
        }
        clock.advance(SECOND);
    }
    assert_eq!(admitted, 100);
}

#[tokio::test]
async fn a_seventeenth_device_takes_the_place_of_the_least_recently_used() {
    let (throttle, clock) = throttle();
    let mut devices = Vec::new();
    for _ in 0..17 {
        clock.advance(SECOND);
        devices.push(device(&throttle).await);
    }
    let counter = async |device: Device| {
        let attempt = anna(None).device(device);
        acquire(&throttle, &attempt).await.unwrap().counter
    };
    assert_eq!(counter(devices[0]).await, Counter::Account);
    assert_ne!(counter(devices[1]).await, Counter::Account);
    assert_ne!(counter(devices[16]).await, Counter::Account);
}

#[tokio::test]
async fn a_right_password_on_a_device_ends_the_row_of_failures_of_all_devices() {
    let throttle = MemoryThrottle::default();
    let attempt = anna(None).device(device(&throttle).await);
    let id = UserId::new("1").unwrap();
    // More than a hundred in all, and never more than nine in a row.
    for _ in 0..12 {
        for _ in 0..9 {
            acquire(&throttle, &attempt).await.unwrap();
        }
        let charge = acquire(&throttle, &attempt).await.unwrap().charge;
        let success = Success::new(&id, 7);
        throttle.success(&charge, success).await.unwrap();
    }
}
