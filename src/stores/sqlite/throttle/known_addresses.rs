//! The addresses from which somebody signed in to an account.

use super::SqliteError;
use super::counters::{DAY, FORGOTTEN_AT_ONCE, Micros, json, micros_of};
use crate::throttle::Limits;
use sqlx::sqlite::SqliteConnection;

/// The name under which one of these is recorded. Its counter has that name too, so that
/// [`forgive`](crate::throttle::Throttle::forgive) finds it.
pub(super) async fn find(
    db: &mut SqliteConnection,
    names: &[String],
    now: Micros,
) -> Result<Option<String>, SqliteError> {
    if names.is_empty() {
        return Ok(None);
    }
    let query = sqlx::query_scalar(
        "SELECT name FROM portcullis_known_addresses \
         WHERE name IN (SELECT value FROM json_each(?1)) AND last_use > ?2 LIMIT 1",
    );
    let oldest = now.saturating_sub(micros_of(Limits::KNOWN_ADDRESS_MEMORY));
    let query = query.bind(json(names)?).bind(oldest);
    Ok(query.fetch_optional(db).await?)
}

/// Records that an address (by its names) of a login (by its names) was used; new rows get the first name. A use within a
/// day of the recorded one is not written. Of more than 16 addresses the least recently used go.
pub(super) async fn record(
    db: &mut SqliteConnection,
    logins: &[String],
    names: &[String],
    now: Micros,
) -> Result<(), SqliteError> {
    let (Some(login), Some((name, others))) = (logins.first(), names.split_first()) else {
        return Ok(());
    };
    let written = sqlx::query(
        "INSERT INTO portcullis_known_addresses (name, login, last_use) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET last_use = excluded.last_use WHERE last_use <= ?4 OR last_use > ?3",
    )
    .bind(name)
    .bind(login)
    .bind(now)
    .bind(now.saturating_sub(micros_of(DAY)))
    .execute(&mut *db)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(());
    }
    let (logins, others) = (json(logins)?, json(others)?);
    sqlx::query(
        "DELETE FROM portcullis_known_addresses WHERE name IN (SELECT value FROM json_each(?1))",
    )
    .bind(others)
    .execute(&mut *db)
    .await?;
    // What was recorded while the clock was ahead is to age from now on.
    sqlx::query(
        "UPDATE portcullis_known_addresses SET last_use = ?2 \
         WHERE login IN (SELECT value FROM json_each(?1)) AND last_use > ?2",
    )
    .bind(&logins)
    .bind(now)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1)) AND name NOT IN \
         (SELECT name FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1)) \
          ORDER BY last_use DESC, name = ?2 DESC LIMIT ?3)",
    )
    .bind(&logins)
    .bind(name)
    .bind(super::places_per_account())
    .execute(db)
    .await?;
    Ok(())
}

/// The names of a login's known addresses.
pub(super) async fn of_login(
    db: &mut SqliteConnection,
    logins: &[String],
) -> Result<Vec<String>, SqliteError> {
    let query = sqlx::query_scalar(
        "SELECT name FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1))",
    );
    Ok(query.bind(json(logins)?).fetch_all(db).await?)
}

/// Deletes a login's known addresses.
pub(super) async fn forget(
    db: &mut SqliteConnection,
    logins: &[String],
) -> Result<(), SqliteError> {
    let query = sqlx::query(
        "DELETE FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1))",
    );
    query.bind(json(logins)?).execute(db).await?;
    Ok(())
}

/// Deletes some that were not used for too long.
pub(super) async fn evict(db: &mut SqliteConnection, now: Micros) -> Result<(), SqliteError> {
    sqlx::query(
        "DELETE FROM portcullis_known_addresses WHERE name IN \
         (SELECT name FROM portcullis_known_addresses WHERE last_use <= ?1 LIMIT ?2)",
    )
    .bind(now.saturating_sub(micros_of(Limits::KNOWN_ADDRESS_MEMORY)))
    .bind(FORGOTTEN_AT_ONCE)
    .execute(db)
    .await?;
    Ok(())
}
