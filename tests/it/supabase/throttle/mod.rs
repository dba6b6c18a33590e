//! Failures counted in the database: as in memory, for all servers, and nobody slips past.

mod bounds;
mod crowd;
mod give_back;
mod lost;
mod model;
mod races;
mod requests;

use super::store;
use crate::stack::{Place, Session, Stack};
use core::time::Duration;
use portcullis::UserId;
use portcullis::opaque::ServerSecret;
use portcullis::stores::supabase::{SupabaseCharge, SupabaseThrottle};
use portcullis::throttle::{
    Acquired, Attempt, Counter, Device, DeviceToken, Forget, Success, Throttle, ThrottleError,
};
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

const SECRET: &[u8] = b"canary secret of all the servers";

/// How long what has to come may take. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

fn secret() -> ServerSecret {
    ServerSecret::new(SECRET).unwrap()
}

fn throttle(place: &Place) -> SupabaseThrottle {
    SupabaseThrottle::new(&store(place), secret())
}

fn attempt(login: &str, address: Option<&str>) -> Attempt {
    let address = address.map(|text| text.parse::<IpAddr>().unwrap());
    Attempt::new(login, address)
}

fn account() -> UserId {
    UserId::new("7b7f3a52-0000-4000-8000-000000000007").unwrap()
}

fn device(login: &str) -> Device {
    let login = Attempt::new(login, None).login;
    DeviceToken::issue(&secret(), &login).unwrap().1
}

/// A place whose clock stands still, so that no delay passes while a busy machine is slow.
fn timeless() -> Place {
    let place = Stack::shared().place();
    drop(Clock::stop(&place));
    place
}

/// An attempt that is admitted.
async fn admitted(throttle: &SupabaseThrottle, attempt: &Attempt) -> Acquired<SupabaseCharge> {
    throttle.acquire(attempt).await.unwrap()
}

/// An attempt whose password is wrong.
async fn fail(throttle: &SupabaseThrottle, attempt: &Attempt) {
    drop(admitted(throttle, attempt).await);
}

/// An attempt whose password is right; a new device is recorded if there is one.
async fn succeed(throttle: &SupabaseThrottle, attempt: &Attempt, device: Option<Device>) {
    let charge = admitted(throttle, attempt).await.charge;
    let account = account();
    let success = Success::new(&account, 3).new_device(device);
    throttle.success(&charge, success).await.unwrap();
}

fn is_limited<C>(outcome: &Result<Acquired<C>, ThrottleError>) -> bool {
    matches!(outcome, Err(ThrottleError::Limited { .. }))
}

/// The sum of all failures that are counted for accounts, or for addresses.
fn failures(place: &Place, of_addresses: bool) -> u32 {
    let sql = format!(
        "select coalesce(sum(failures), 0) from portcullis_counters where is_address = {of_addresses}"
    );
    place.sql(&sql).parse().unwrap()
}

/// Waits until SQL answers this.
async fn until(place: &Place, sql: &str, expected: &str) {
    let mut session = place.session();
    let started = Instant::now();
    loop {
        let answer = session.sql(sql);
        if answer == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{sql}: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The database's clock, stopped and set by the test.
struct Clock {
    session: Session,
}

impl Clock {
    fn stop(place: &Place) -> Self {
        let mut session = place.session();
        session.sql(&format!(
            "create table clock (at timestamptz not null);
             insert into clock values (now());
             create or replace function portcullis_throttle_now() returns timestamptz
                language sql volatile set search_path = '' as $$ select at from \"{}\".clock $$",
            place.schema
        ));
        Self { session }
    }

    fn set(&mut self, time: SystemTime) {
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let (hours, micros) = (
            since_1970.as_secs() / 3600,
            since_1970.as_micros() % 3_600_000_000,
        );
        // Apart, since intervals are multiplied as floating-point numbers.
        self.session.sql(&format!(
            "update clock set at = timestamptz '1970-01-01 00:00:00+00' + make_interval(hours => {hours})
                + {micros} * interval '1 microsecond'"
        ));
    }
}

#[tokio::test]
async fn an_owner_is_admitted_at_a_known_address_and_on_a_device_while_others_guess() {
    let place = timeless();
    let throttle = throttle(&place);
    let home = attempt("anna@example.com", Some("192.0.2.1"));
    let laptop = device("anna@example.com");
    let on_laptop = attempt("anna@example.com", Some("198.51.100.7")).device(laptop);
    succeed(&throttle, &home, Some(laptop)).await;
    let thief = attempt("anna@example.com", Some("203.0.113.9"));
    for _ in 0..10 {
        fail(&throttle, &thief).await;
    }
    assert!(is_limited(&throttle.acquire(&thief).await));
    let at_home = admitted(&throttle, &home).await.counter;
    assert_eq!(at_home, Counter::KnownAddress);
    let device = Counter::Device {
        account: account(),
        token_version: 3,
    };
    assert_eq!(admitted(&throttle, &on_laptop).await.counter, device);
    // Both have a counter of their own, and a neighbour's failures do not stop them.
    place.sql("update portcullis_counters set failures = 100 where is_address");
    for attempt in [&home, &on_laptop] {
        for failures in 1..10 {
            assert_eq!(admitted(&throttle, attempt).await.failures, failures);
        }
        assert!(is_limited(&throttle.acquire(attempt).await));
    }
    let neighbour = attempt("bert@example.com", Some("192.0.2.1"));
    assert!(is_limited(&throttle.acquire(&neighbour).await));
}

#[tokio::test]
async fn logins_and_addresses_are_not_in_the_tables_and_what_is_forgotten_goes() {
    let place = Stack::shared().place();
    let throttle = throttle(&place).legacy_secret(SECRET);
    let anna = attempt("anna@example.com", Some("192.0.2.1"));
    succeed(&throttle, &anna, Some(device("anna@example.com"))).await;
    for login in ["anna@example.com", "hunter2 typed into the wrong field"] {
        fail(&throttle, &attempt(login, Some("2001:db8::1"))).await;
    }
    let bert = UserId::new("bert").unwrap();
    throttle
        .forgive(&bert, &["bert@example.com"], Forget::Everything)
        .await
        .unwrap();
    let rows: Vec<String> = [
        "counters",
        "known_addresses",
        "devices",
        "refunds",
        "attempts",
    ]
    .iter()
    .map(|table| place.sql(&format!("select * from portcullis_{table}")))
    .collect();
    let rows = rows.join("\n");
    assert_eq!(
        rows.trim().lines().filter(|row| !row.is_empty()).count(),
        8,
        "{rows}"
    );
    for word in ["anna", "bert", "hunter2", "192.0.2.1", "2001:db8"] {
        assert!(!rows.contains(word), "{rows}");
    }
    place.sql(
        "update portcullis_counters set forget_at = now();
         update portcullis_known_addresses set last_use = now() - interval '30 days';
         update portcullis_devices set last_use = now() - interval '180 days';
         update portcullis_attempts set forget_at = now()",
    );
    let bert = attempt("bert@example.com", Some("192.0.2.2"));
    succeed(&throttle, &bert, Some(device("bert@example.com"))).await;
    for (table, left) in [
        ("counters", "0"),
        ("known_addresses", "1"),
        ("devices", "1"),
        ("attempts", "0"),
    ] {
        let count = place.sql(&format!("select count(*) from portcullis_{table}"));
        assert_eq!(count, left, "{table}");
    }
}

#[tokio::test]
async fn servers_find_each_others_counters_by_one_secret() {
    let place = timeless();
    let anna = attempt("anna@example.com", None);
    let (one, same) = (throttle(&place), throttle(&place));
    let other = SupabaseThrottle::new(&store(&place), ServerSecret::new(&[7; 32]).unwrap());
    for _ in 0..10 {
        fail(&one, &anna).await;
    }
    assert!(is_limited(&same.acquire(&anna).await));
    fail(&other, &anna).await;
    assert!(!format!("{one:?}").contains("canary"));
}

/// The second server has the new secret at the front already, the first has it at the end.
#[tokio::test]
async fn while_a_secret_is_replaced_servers_count_together() {
    let place = timeless();
    let new = [9; 32];
    let old_first = secret().with_previous(&new).unwrap();
    let new_first = ServerSecret::new(&new)
        .unwrap()
        .with_previous(SECRET)
        .unwrap();
    let one = SupabaseThrottle::new(&store(&place), old_first);
    let two = SupabaseThrottle::new(&store(&place), new_first);
    let anna = attempt("anna@example.com", None);
    for server in [&one, &two].into_iter().cycle().take(10) {
        fail(server, &anna).await;
    }
    assert!(is_limited(&one.acquire(&anna).await));
    assert!(is_limited(&two.acquire(&anna).await));
    place.sql("update portcullis_counters set since = since - interval '1 hour'");
    succeed(&two, &anna, None).await;
    assert_eq!(admitted(&one, &anna).await.failures, 0);

    let home = attempt("bert@example.com", Some("192.0.2.1"));
    succeed(&one, &home, None).await;
    let known = admitted(&two, &home).await;
    assert_eq!(known.counter, Counter::KnownAddress);
    let account = account();
    two.success(&known.charge, Success::new(&account, 0))
        .await
        .unwrap();
    assert_eq!(
        place.sql("select count(*) from portcullis_known_addresses"),
        "1"
    );
    // Nor does anything outlive being forgiven by the other's names.
    fail(&one, &home).await;
    two.forgive(&account, &["bert@example.com"], Forget::Everything)
        .await
        .unwrap();
    assert_eq!(failures(&place, false), 1, "only anna's is left");
    assert_eq!(admitted(&one, &home).await.counter, Counter::Account);
}
