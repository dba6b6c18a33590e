//! Failure counters: read together, changed in memory by the rules of [`Limits`], written together.

use super::SqliteError;
use crate::throttle::{Count, CounterKind, Limits};
use core::time::Duration;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many forgotten rows of a table are deleted in one step.
pub(super) const FORGOTTEN_AT_ONCE: i64 = 512;

/// Microseconds since 1970.
pub(super) type Micros = i64;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Counter {
    /// The column `kind`.
    kind: i64,
    failures: u32,
    since: Micros,
    forget_at: Micros,
    generation: i64,
}

/// A failure that was charged to a counter, and what it takes to give it back.
pub(super) struct Charged {
    pub(super) name: String,
    pub(super) kind: CounterKind,
    generation: i64,
    at: Micros,
    since_before: Micros,
}

/// Some counters as they are stored and as they are to be, in the order of their names.
pub(super) struct Counters {
    limits: Limits,
    now: Micros,
    stored: BTreeMap<String, Counter>,
    current: BTreeMap<String, Counter>,
}

impl Counters {
    /// Reads the counters of these names that are not forgotten.
    pub(super) async fn read(
        db: &mut SqliteConnection,
        limits: Limits,
        names: &[&str],
        now: Micros,
    ) -> Result<Self, SqliteError> {
        let rows = sqlx::query(
            "SELECT name, kind, failures, since, forget_at, generation FROM portcullis_counters \
             WHERE name IN (SELECT value FROM json_each(?1)) AND forget_at > ?2",
        )
        .bind(json(names)?)
        .bind(now)
        .fetch_all(db)
        .await?;
        let stored: BTreeMap<_, _> = rows.iter().map(counter).collect::<Result<_, _>>()?;
        let mut current = stored.clone();
        for counter in current.values_mut().filter(|counter| counter.since > now) {
            // The clock was ahead when this was written. Left alone, it would refuse attempts until that time comes.
            let memory = counter.forget_at.saturating_sub(counter.since);
            counter.since = now;
            counter.forget_at = now.saturating_add(memory);
        }
        Ok(Self {
            limits,
            now,
            stored,
            current,
        })
    }

    /// The sum of the counters of these names, and the latest of their times.
    pub(super) fn sum(&self, names: &[String]) -> Count {
        let (mut failures, mut since) = (0_u32, None);
        for counter in names.iter().filter_map(|name| self.current.get(name)) {
            failures = failures.saturating_add(counter.failures);
            since = since.max(Some(counter.since));
        }
        Count::new(failures, time(since.unwrap_or(self.now)))
    }

    /// Counts one failure. A counter that begins with it gets the `generation`.
    pub(super) fn charge(&mut self, name: &str, kind: CounterKind, generation: i64) -> Charged {
        let first = Counter {
            kind: stored_kind(kind),
            failures: 0,
            since: self.now,
            forget_at: self.now,
            generation,
        };
        let counter = self.current.entry(name.to_owned()).or_insert(first);
        let charged = Charged {
            name: name.to_owned(),
            kind,
            generation: counter.generation,
            at: self.now,
            since_before: counter.since,
        };
        counter.failures = counter.failures.saturating_add(1);
        if matches!(kind, CounterKind::Consecutive | CounterKind::AllDevices) {
            counter.since = self.now;
        }
        counter.forget_at = forget_at(&self.limits, kind, counter);
        charged
    }

    /// Gives a failure back, unless the counter was cleared or has begun a new window since.
    pub(super) fn refund(&mut self, charged: &Charged) {
        let Some(counter) = self.current.get_mut(&charged.name) else {
            return;
        };
        if counter.generation != charged.generation {
            return;
        }
        counter.failures = counter.failures.saturating_sub(1);
        if counter.since == charged.at {
            counter.since = charged.since_before;
        }
        counter.forget_at = forget_at(&self.limits, charged.kind, counter);
        if counter.failures == 0 {
            self.current.remove(&charged.name);
        }
    }

    pub(super) fn clear(&mut self, name: &str) {
        self.current.remove(name);
    }

    /// Writes what has changed, and tells how many counters are new.
    pub(super) async fn write(self, db: &mut SqliteConnection) -> Result<u32, SqliteError> {
        let mut new = 0_u32;
        for (name, counter) in &self.current {
            let stored = self.stored.get(name);
            if stored == Some(counter) {
                continue;
            }
            new = new.saturating_add(u32::from(stored.is_none()));
            // REPLACE: a forgotten counter of the same name may still be there.
            sqlx::query(
                "INSERT OR REPLACE INTO portcullis_counters \
                 (name, kind, failures, since, forget_at, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .bind(name)
            .bind(counter.kind)
            .bind(counter.failures)
            .bind(counter.since)
            .bind(counter.forget_at)
            .bind(counter.generation)
            .execute(&mut *db)
            .await?;
        }
        let is_cleared = |name: &&String| !self.current.contains_key(*name);
        for name in self.stored.keys().filter(is_cleared) {
            sqlx::query("DELETE FROM portcullis_counters WHERE name = ?1")
                .bind(name)
                .execute(&mut *db)
                .await?;
        }
        Ok(new)
    }
}

/// Deletes the counters of these names.
pub(super) async fn clear(db: &mut SqliteConnection, names: &[String]) -> Result<(), SqliteError> {
    sqlx::query("DELETE FROM portcullis_counters WHERE name IN (SELECT value FROM json_each(?1))")
        .bind(json(names)?)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes some forgotten counters. Of each kind that has more than `most`, those with the fewest failures go too, so that a
/// flood of made-up names cannot push out the counter of an account under attack.
pub(super) async fn evict(
    db: &mut SqliteConnection,
    limits: &Limits,
    most: i64,
    now: Micros,
) -> Result<(), SqliteError> {
    // What no counter lives to see was written while the clock was ahead, by more than a day.
    let longest = (limits.memory(CounterKind::Consecutive))
        .max(limits.memory(CounterKind::Address))
        .saturating_add(DAY);
    sqlx::query(
        "DELETE FROM portcullis_counters WHERE name IN \
         (SELECT name FROM portcullis_counters WHERE forget_at <= ?1 OR forget_at > ?2 LIMIT ?3)",
    )
    .bind(now)
    .bind(now.saturating_add(micros_of(longest)))
    .bind(FORGOTTEN_AT_ONCE)
    .execute(&mut *db)
    .await?;
    for kind in [0, 1] {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM portcullis_counters WHERE kind = ?1")
                .bind(kind)
                .fetch_one(&mut *db)
                .await?;
        sqlx::query(
            "DELETE FROM portcullis_counters WHERE name IN \
             (SELECT name FROM portcullis_counters WHERE kind = ?1 ORDER BY failures, since LIMIT ?2)",
        )
        .bind(kind)
        .bind(count.saturating_sub(most).max(0))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Names as a parameter for `json_each`, so that a statement is the same for any number of them.
pub(super) fn json(names: &[impl Serialize]) -> Result<String, SqliteError> {
    serde_json::to_string(names).map_err(SqliteError::new)
}

pub(super) fn micros(at: SystemTime) -> Micros {
    micros_of(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn micros_of(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// The time of a stored one; times before 1970 are 1970.
pub(super) fn time(micros: Micros) -> SystemTime {
    let since = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

fn forget_at(limits: &Limits, kind: CounterKind, counter: &Counter) -> Micros {
    let memory = limits.memory(kind);
    counter.since.saturating_add(micros_of(memory))
}

fn stored_kind(kind: CounterKind) -> i64 {
    match kind {
        CounterKind::Consecutive | CounterKind::AllDevices => 0,
        CounterKind::Address | CounterKind::Network => 1,
    }
}

fn counter(row: &SqliteRow) -> Result<(String, Counter), SqliteError> {
    let failures: i64 = row.try_get("failures")?;
    let counter = Counter {
        kind: row.try_get("kind")?,
        failures: u32::try_from(failures).map_err(SqliteError::new)?,
        since: row.try_get("since")?,
        forget_at: row.try_get("forget_at")?,
        generation: row.try_get("generation")?,
    };
    Ok((row.try_get("name")?, counter))
}
