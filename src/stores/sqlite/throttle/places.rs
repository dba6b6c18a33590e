//! Known addresses and devices: a few for each login, of which the least recently used goes first.

use super::SqliteError;
use super::counters::{DAY, Micros, json, micros_of};
use crate::throttle::{Device, Limits};
use crate::user::UserId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

/// How many rows of a table that are past their time are deleted in one step.
const FORGOTTEN_AT_ONCE: i64 = 512;

/// A device as it was recorded.
pub(super) struct KnownDevice {
    pub(super) device: Device,
    pub(super) account: UserId,
    pub(super) token_version: u64,
}

/// The names of a login, of which new rows get the first.
pub(super) type Logins<'a> = [&'a str];

/// Whether one of these addresses of a login is known.
pub(super) async fn knows_address(
    db: &mut SqliteConnection,
    names: &[&str],
    now: Micros,
) -> Result<bool, SqliteError> {
    let query = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM portcullis_known_addresses \
         WHERE name IN (SELECT value FROM json_each(?1)) AND last_use > ?2)",
    );
    let oldest = now.saturating_sub(micros_of(Limits::KNOWN_ADDRESS_MEMORY));
    let query = query.bind(json(names)?).bind(oldest);
    Ok(query.fetch_one(db).await?)
}

/// The device, if it is one of this login.
pub(super) async fn device(
    db: &mut SqliteConnection,
    logins: &Logins<'_>,
    device: &Device,
    now: Micros,
) -> Result<Option<KnownDevice>, SqliteError> {
    let row = sqlx::query(
        "SELECT id, login, account_id, token_version, secret_hash FROM portcullis_devices \
         WHERE id = ?1 AND last_use > ?2",
    )
    .bind(device.id.as_slice())
    .bind(now.saturating_sub(micros_of(Limits::DEVICE_MEMORY)))
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let login: String = row.try_get("login")?;
    let stored = stored_device(&row)?;
    if !logins.contains(&login.as_str()) || !device.is(&stored) {
        return Ok(None);
    }
    let version: i64 = row.try_get("token_version")?;
    Ok(Some(KnownDevice {
        device: stored,
        account: UserId::new(row.try_get::<String, _>("account_id")?).map_err(SqliteError::new)?,
        token_version: u64::try_from(version).map_err(SqliteError::new)?,
    }))
}

/// Records that an address (by its names) was used. A use within a day of the recorded one is not written.
pub(super) async fn record_address(
    db: &mut SqliteConnection,
    logins: &Logins<'_>,
    names: &[&str],
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
    .bind(most())
    .execute(db)
    .await?;
    Ok(())
}

/// Records that a device was used, as [`record_address`] does.
pub(super) async fn record_device(
    db: &mut SqliteConnection,
    logins: &Logins<'_>,
    device: &Device,
    account: &UserId,
    token_version: u64,
    now: Micros,
) -> Result<(), SqliteError> {
    let Some(login) = logins.first() else {
        return Ok(());
    };
    let written = sqlx::query(
        "INSERT INTO portcullis_devices (id, login, account_id, token_version, secret_hash, last_use) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET login = excluded.login, \
         account_id = excluded.account_id, token_version = excluded.token_version, last_use = excluded.last_use \
         WHERE last_use <= ?7 OR last_use > ?6 OR login <> ?2 OR account_id <> ?3 OR token_version <> ?4",
    )
    .bind(device.id.as_slice())
    .bind(login)
    .bind(account.as_str())
    .bind(i64::try_from(token_version).map_err(SqliteError::new)?)
    .bind(device.secret_hash.as_slice())
    .bind(now)
    .bind(now.saturating_sub(micros_of(DAY)))
    .execute(&mut *db)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(());
    }
    let logins = json(logins)?;
    sqlx::query(
        "UPDATE portcullis_devices SET last_use = ?2 \
         WHERE login IN (SELECT value FROM json_each(?1)) AND last_use > ?2",
    )
    .bind(&logins)
    .bind(now)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM portcullis_devices WHERE login IN (SELECT value FROM json_each(?1)) AND id NOT IN \
         (SELECT id FROM portcullis_devices WHERE login IN (SELECT value FROM json_each(?1)) \
          ORDER BY last_use DESC, id = ?2 DESC LIMIT ?3)",
    )
    .bind(&logins)
    .bind(device.id.as_slice())
    .bind(most())
    .execute(db)
    .await?;
    Ok(())
}

/// The names of a login's known addresses, and its devices; with an account also all devices of that.
pub(super) async fn of_login(
    db: &mut SqliteConnection,
    logins: &Logins<'_>,
    account: Option<&UserId>,
) -> Result<(Vec<String>, Vec<Device>), SqliteError> {
    let logins = json(logins)?;
    let addresses = sqlx::query_scalar(
        "SELECT name FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1))",
    )
    .bind(&logins)
    .fetch_all(&mut *db)
    .await?;
    let rows = sqlx::query(
        "SELECT id, secret_hash FROM portcullis_devices \
         WHERE login IN (SELECT value FROM json_each(?1)) OR account_id = ?2",
    )
    .bind(&logins)
    .bind(account.map(UserId::as_str))
    .fetch_all(db)
    .await?;
    let devices = rows.iter().map(stored_device).collect::<Result<_, _>>()?;
    Ok((addresses, devices))
}

/// Deletes what [`of_login`] finds.
pub(super) async fn forget(
    db: &mut SqliteConnection,
    logins: &Logins<'_>,
    account: &UserId,
) -> Result<(), SqliteError> {
    let logins = json(logins)?;
    sqlx::query(
        "DELETE FROM portcullis_known_addresses WHERE login IN (SELECT value FROM json_each(?1))",
    )
    .bind(&logins)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM portcullis_devices \
         WHERE login IN (SELECT value FROM json_each(?1)) OR account_id = ?2",
    )
    .bind(&logins)
    .bind(account.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes some of what was not used for too long.
pub(super) async fn evict(db: &mut SqliteConnection, now: Micros) -> Result<(), SqliteError> {
    for (statement, memory) in [
        (
            "DELETE FROM portcullis_known_addresses WHERE name IN \
             (SELECT name FROM portcullis_known_addresses WHERE last_use <= ?1 LIMIT ?2)",
            Limits::KNOWN_ADDRESS_MEMORY,
        ),
        (
            "DELETE FROM portcullis_devices WHERE id IN \
             (SELECT id FROM portcullis_devices WHERE last_use <= ?1 LIMIT ?2)",
            Limits::DEVICE_MEMORY,
        ),
    ] {
        sqlx::query(statement)
            .bind(now.saturating_sub(micros_of(memory)))
            .bind(FORGOTTEN_AT_ONCE)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

fn most() -> i64 {
    i64::try_from(Limits::PLACES_PER_ACCOUNT).unwrap_or(i64::MAX)
}

fn stored_device(row: &SqliteRow) -> Result<Device, SqliteError> {
    let bytes = |column: &str| row.try_get::<Vec<u8>, _>(column);
    let id = bytes("id")?.try_into();
    let secret_hash = bytes("secret_hash")?.try_into();
    // Not the bytes in the error.
    let wrong = |_: Vec<u8>| SqliteError::new("a stored device is damaged");
    Ok(Device::from_stored(
        id.map_err(wrong)?,
        secret_hash.map_err(wrong)?,
    ))
}
