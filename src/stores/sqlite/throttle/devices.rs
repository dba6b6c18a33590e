//! The devices that hold a token.

use super::SqliteError;
use super::counters::{DAY, FORGOTTEN_AT_ONCE, Micros, json, micros_of};
use crate::throttle::{Device, Limits};
use crate::user::UserId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

/// A device as it was recorded.
pub(super) struct KnownDevice {
    pub(super) device: Device,
    pub(super) account: UserId,
    pub(super) token_version: u64,
}

/// The device, if it is one of this login.
pub(super) async fn find(
    db: &mut SqliteConnection,
    logins: &[String],
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
    if !logins.contains(&login) || !device.is(&stored) {
        return Ok(None);
    }
    let version: i64 = row.try_get("token_version")?;
    Ok(Some(KnownDevice {
        device: stored,
        // As the store reads it: an older release may have written what no user may be called today.
        account: UserId::from_stored(row.try_get::<String, _>("account_id")?)
            .map_err(SqliteError::new)?,
        token_version: u64::try_from(version).map_err(SqliteError::new)?,
    }))
}

/// Records that a device was used, as [`known_addresses::record`](super::known_addresses::record) does.
pub(super) async fn record(
    db: &mut SqliteConnection,
    logins: &[String],
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
    .bind(super::places_per_account())
    .execute(db)
    .await?;
    Ok(())
}

/// The devices of a login, and with an account all devices of that.
pub(super) async fn of_login(
    db: &mut SqliteConnection,
    logins: &[String],
    account: Option<&UserId>,
) -> Result<Vec<Device>, SqliteError> {
    let rows = sqlx::query(
        "SELECT id, secret_hash FROM portcullis_devices \
         WHERE login IN (SELECT value FROM json_each(?1)) OR account_id = ?2",
    )
    .bind(json(logins)?)
    .bind(account.map(UserId::as_str))
    .fetch_all(db)
    .await?;
    rows.iter().map(stored_device).collect()
}

/// Deletes the devices of a login and of an account.
pub(super) async fn forget(
    db: &mut SqliteConnection,
    logins: &[String],
    account: &UserId,
) -> Result<(), SqliteError> {
    sqlx::query(
        "DELETE FROM portcullis_devices \
         WHERE login IN (SELECT value FROM json_each(?1)) OR account_id = ?2",
    )
    .bind(json(logins)?)
    .bind(account.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes some that were not used for too long.
pub(super) async fn evict(db: &mut SqliteConnection, now: Micros) -> Result<(), SqliteError> {
    sqlx::query(
        "DELETE FROM portcullis_devices WHERE id IN \
         (SELECT id FROM portcullis_devices WHERE last_use <= ?1 LIMIT ?2)",
    )
    .bind(now.saturating_sub(micros_of(Limits::DEVICE_MEMORY)))
    .bind(FORGOTTEN_AT_ONCE)
    .execute(db)
    .await?;
    Ok(())
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
