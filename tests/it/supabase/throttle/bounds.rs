//! How much is kept: counters, known addresses, devices; and what a statement takes where there is a lot.

use super::{Clock, admitted, attempt, device, fail, succeed, throttle};
use crate::stack::{Place, Stack};
use core::time::Duration;
use portcullis::throttle::Counter;
use std::io::Write as _;
use std::time::SystemTime;

fn count(place: &Place, table: &str) -> u32 {
    let count = place.sql(&format!("select count(*) from portcullis_{table}"));
    count.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_names_push_out_each_other_and_not_the_account_under_attack() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    place.sql(
        "create or replace function portcullis_throttle_capacity() returns integer
            language sql stable set search_path = '' as $$ select 40 $$",
    );
    let (anna, home) = (
        attempt("anna@example.com", Some("192.0.2.1")),
        attempt("bert@example.com", Some("192.0.2.2")),
    );
    for _ in 0..5 {
        fail(&throttle, &anna).await;
    }
    succeed(&throttle, &home, None).await;
    for number in 0..120 {
        let address = format!("198.51.100.{number}");
        let made_up = attempt(&format!("u{number}@example.com"), Some(&address));
        fail(&throttle, &made_up).await;
    }
    let counts =
        place.sql("select is_address, count(*) from portcullis_counters group by 1 order by 1");
    assert_eq!(counts, "f|40\nt|40");
    assert_eq!(admitted(&throttle, &anna).await.failures, 5);
    let address = place.sql("select max(failures) from portcullis_counters where is_address");
    assert_eq!(address, "6", "the attacked account's address");
    assert_eq!(
        admitted(&throttle, &home).await.counter,
        Counter::KnownAddress
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_sixteen_known_addresses_and_sixteen_devices_the_last_used() {
    let place = Stack::shared().place();
    let mut clock = Clock::stop(&place);
    let throttle = throttle(&place);
    let mut at = SystemTime::now();
    let devices: Vec<_> = (0..18).map(|_| device("anna@example.com")).collect();
    let homes: Vec<_> = (0..18)
        .map(|number| attempt("anna@example.com", Some(&format!("192.0.2.{number}"))))
        .collect();
    let mut tick = || {
        // More than a day, or a use would not be written down.
        at += Duration::from_secs(25 * 60 * 60);
        clock.set(at);
    };
    for (home, device) in homes.iter().zip(&devices).take(16) {
        tick();
        succeed(&throttle, home, Some(*device)).await;
    }
    // The first is used again, and then two are new.
    tick();
    succeed(&throttle, &homes[0], None).await;
    let on_first = homes[0].clone().device(devices[0]);
    succeed(&throttle, &on_first, None).await;
    for number in [16, 17] {
        tick();
        succeed(&throttle, &homes[number], Some(devices[number])).await;
    }
    assert_eq!(
        (count(&place, "known_addresses"), count(&place, "devices")),
        (16, 16)
    );
    let elsewhere = attempt("anna@example.com", Some("203.0.113.9"));
    for (number, (home, device)) in homes.iter().zip(&devices).enumerate() {
        let is_kept = ![1, 2].contains(&number);
        let known = admitted(&throttle, home).await.counter == Counter::KnownAddress;
        let on_device = elsewhere.clone().device(*device);
        let counter = admitted(&throttle, &on_device).await.counter;
        let is_device = matches!(counter, Counter::Device { .. });
        assert_eq!((known, is_device), (is_kept, is_kept), "{number}");
    }
    // One account's many places take nothing from another's.
    let bert = attempt("bert@example.com", Some("192.0.2.1"));
    succeed(&throttle, &bert, None).await;
    assert_eq!(count(&place, "known_addresses"), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_written_down_once_a_day() {
    let place = Stack::shared().place();
    let mut clock = Clock::stop(&place);
    let throttle = throttle(&place);
    let mut at = SystemTime::now();
    let laptop = device("anna@example.com");
    let home = attempt("anna@example.com", Some("192.0.2.1"));
    // A row's version is another where it was written.
    let versions = || {
        place.sql(
            "select xmin, ctid, xmax from portcullis_known_addresses union all
             select xmin, ctid, xmax from portcullis_devices",
        )
    };
    clock.set(at);
    succeed(&throttle, &home, Some(laptop)).await;
    let first = versions();
    let on_laptop = home.clone().device(laptop);
    at += Duration::from_secs(23 * 60 * 60);
    clock.set(at);
    succeed(&throttle, &on_laptop, None).await;
    assert_eq!(versions(), first);
    at += Duration::from_secs(2 * 60 * 60);
    clock.set(at);
    succeed(&throttle, &on_laptop, None).await;
    assert_ne!(versions(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_with_a_thousand_failures_is_crowded_and_never_refused() {
    let place = Stack::shared().place();
    let throttle = throttle(&place);
    let one = attempt("anna@example.com", Some("2001:db8:1:1::1"));
    let neighbour = attempt("bert@example.com", Some("2001:db8:1:2::1"));
    assert!(!admitted(&throttle, &one).await.crowded_network);
    // The network's counter is the only one that both charge.
    assert!(!admitted(&throttle, &neighbour).await.crowded_network);
    place.sql("update portcullis_counters set failures = 1000 where is_address and failures = 2");
    assert!(admitted(&throttle, &neighbour).await.crowded_network);
    let v4 = attempt("anna@example.com", Some("192.0.2.1"));
    assert!(!admitted(&throttle, &v4).await.crowded_network);
}

/// Prints what it takes; how long that may be is not for a test on somebody's machine to say.
#[test]
fn with_a_hundred_thousand_counters_a_statement_reads_only_its_own() {
    let place = Stack::shared().place();
    place.sql(
        "insert into portcullis_counters
            select md5(n::text), n % 2 = 0, n % 7 + 1, now(), now() + n * interval '1 second', gen_random_uuid()
            from generate_series(1, 200000) n;
         analyze portcullis_counters",
    );
    let times = place.sql(
        "create table times (micros numeric);
         do $$ declare started timestamptz; n integer; begin
            for n in 1..2000 loop
                started := clock_timestamp();
                perform portcullis_throttle_acquire(jsonb_build_object(
                    'account', jsonb_build_array('a' || n), 'known_address', jsonb_build_array('p' || n),
                    'address', jsonb_build_array('x' || n), 'network', jsonb_build_array('n' || n % 10),
                    'in_flight', '{}'::jsonb),
                    '{\"account_failures\": 10, \"address_failures\": 100, \"address_window\": 900}');
                insert into times values (extract(epoch from clock_timestamp() - started) * 1000000);
            end loop; end $$;
         select percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by micros)::bigint[] from times",
    );
    let mut terminal = std::io::stderr();
    writeln!(
        terminal,
        "acquire on 200,000 counters, microseconds (50 %, 90 %, 99 %, longest): {times}"
    )
    .unwrap();
    let scans = "select coalesce(sum(seq_tup_read), 0) from pg_stat_all_tables
        where relid = 'portcullis_counters'::regclass";
    // Counting them all happens once in some 780 attempts a kind, not each time.
    let read: u64 = place.sql(scans).parse().unwrap();
    assert!(
        read < 2000 * 200_000 / 50,
        "{read} rows read one after the other"
    );
    let left = place.sql("select max(kind.count) <= 100000 + 2010 from (select count(*) from portcullis_counters group by is_address) kind");
    assert_eq!(left, "t");
}
