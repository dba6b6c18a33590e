//! A bounded number of counters, and what an attempt costs among many.

use super::{DAY, Fixture, HOUR, address, anna, guess};
use core::time::Duration;
use portcullis::throttle::Attempt;
use std::time::Instant;

#[tokio::test]
async fn a_flood_of_made_up_names_neither_grows_the_tables_nor_frees_a_delayed_account() {
    let fixture = Fixture::new().await;
    let clock = fixture.clock.clone();
    let throttle = fixture.throttle.capacity(200);
    let mut delay = Duration::ZERO;
    while delay < HOUR {
        delay = guess(&throttle, &anna(None)).await.unwrap_or_default();
        if delay < HOUR {
            clock.advance(delay);
        }
    }
    let count = "SELECT MAX((SELECT COUNT(*) FROM portcullis_counters WHERE kind = 0), \
                 (SELECT COUNT(*) FROM portcullis_counters WHERE kind = 1))";
    let sql =
        super::SqlitePool::connect_with(super::SqliteConnectOptions::new().filename(&fixture.path))
            .await
            .unwrap();
    for n in 0..1000_u32 {
        clock.advance(Duration::from_millis(1));
        let made_up = Attempt::new(&format!("nobody{n}@example.com"), Some(address(n)));
        assert_eq!(guess(&throttle, &made_up).await, None);
        let count: i64 = sqlx::query_scalar(count).fetch_one(&sql).await.unwrap();
        assert!(count <= 200, "{count} after {n}");
    }
    let still = Duration::from_secs(3599);
    assert_eq!(guess(&throttle, &anna(None)).await, Some(still));
    clock.advance(2 * DAY);
    assert_eq!(guess(&throttle, &anna(None)).await, None);
}

#[tokio::test]
async fn an_attempt_among_a_hundred_thousand_counters_looks_at_few_rows() {
    let fixture = Fixture::new().await;
    let sql = fixture.sql().await;
    sqlx::raw_sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) \
         INSERT INTO portcullis_counters (name, kind, failures, since, forget_at, generation) \
         SELECT hex(randomblob(16)), kind, 1 + n % 5, 1750000000000000 + n, 1750086400000000 + n, random() \
         FROM n, (SELECT 0 AS kind UNION ALL SELECT 1)",
    )
    .execute(&sql)
    .await
    .unwrap();
    let attempt = |n| Attempt::new(&format!("u{n}@example.com"), Some(address(n)));
    let mut times = Vec::new();
    for n in 0..400 {
        let begun = Instant::now();
        assert_eq!(guess(&fixture.throttle, &attempt(n)).await, None);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    print(format_args!(
        "acquire among 100,000 counters of each kind: median {:?}, three longest {:?}",
        times[200],
        &times[397..]
    ));
    let count = "SELECT COUNT(*) FROM portcullis_counters WHERE kind = 0";
    assert!(fixture.number(count).await <= 100_000);
    // Each statement finds its rows by an index.
    for statement in [
        "EXPLAIN QUERY PLAN SELECT failures FROM portcullis_counters \
         WHERE name IN (SELECT value FROM json_each('[]')) AND forget_at > 1",
        "EXPLAIN QUERY PLAN SELECT name FROM portcullis_counters WHERE forget_at <= 1 OR forget_at > 2 LIMIT 3",
        "EXPLAIN QUERY PLAN SELECT name FROM portcullis_counters WHERE kind = 0 ORDER BY failures, since LIMIT 3",
        "EXPLAIN QUERY PLAN SELECT id FROM portcullis_devices \
         WHERE login IN (SELECT value FROM json_each('[]')) OR account_id = ''",
        "EXPLAIN QUERY PLAN SELECT name FROM portcullis_known_addresses WHERE last_use <= 1 LIMIT 3",
    ] {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(statement).fetch_all(&sql).await.unwrap();
        for (_, _, _, step) in plan {
            let scans = step.starts_with("SCAN portcullis") || step.contains("TEMP B-TREE");
            assert!(!scans, "{statement}: {step}");
        }
    }
}

#[expect(clippy::print_stdout, reason = "a time is printed, never asserted")]
fn print(line: core::fmt::Arguments<'_>) {
    println!("{line}");
}
