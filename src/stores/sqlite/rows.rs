//! The statements of the SQLite store, each prepared and bound, and what their rows mean.

use super::SqliteError;
use crate::directory::Page;
use crate::password::PasswordHash;
use crate::store::{Account, AccountStatus};
use crate::user::{Email, Role, TenantId, User, UserId};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteExecutor, SqliteQueryResult, SqliteRow};

/// A statement that reads accounts, in the one form [`account`] understands.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, role, tenant_id, created_at, password_hash, disabled, epoch ",
            "FROM portcullis_users ",
            $rest
        )
    };
}

pub(super) async fn by_id(
    db: impl SqliteExecutor<'_>,
    id: &UserId,
) -> Result<Option<Account<User>>, SqliteError> {
    let query = sqlx::query(select!("WHERE id = ?1")).bind(id.as_str());
    one(query, db).await
}

pub(super) async fn by_email(
    db: impl SqliteExecutor<'_>,
    email: &Email,
) -> Result<Option<Account<User>>, SqliteError> {
    let query = sqlx::query(select!("WHERE email = ?1")).bind(email.as_str());
    one(query, db).await
}

/// `IS` and not `=`, so that no tenant equals no tenant.
pub(super) async fn in_tenant(
    db: &mut SqliteConnection,
    tenant: Option<&TenantId>,
    id: &UserId,
) -> Result<Option<Account<User>>, SqliteError> {
    let query = sqlx::query(select!("WHERE id = ?1 AND tenant_id IS ?2"))
        .bind(id.as_str())
        .bind(tenant.map(TenantId::as_str));
    one(query, db).await
}

pub(super) async fn page(
    db: &mut SqliteConnection,
    tenant: Option<&TenantId>,
    page: Page,
) -> Result<Vec<User>, SqliteError> {
    let rows = sqlx::query(select!(
        "WHERE tenant_id IS ?1 ORDER BY created_at, id LIMIT ?2 OFFSET ?3"
    ))
    .bind(tenant.map(TenantId::as_str))
    .bind(i64::from(page.limit))
    // No table has more rows than this, so what is past it is past the end anyway.
    .bind(i64::try_from(page.offset).unwrap_or(i64::MAX))
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(account(row)?.user)).collect()
}

pub(super) async fn count(
    db: &mut SqliteConnection,
    tenant: Option<&TenantId>,
) -> Result<u64, SqliteError> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM portcullis_users WHERE tenant_id IS ?1")
            .bind(tenant.map(TenantId::as_str))
            .fetch_one(db)
            .await?;
    u64::try_from(count).map_err(SqliteError::new)
}

/// Tells whether the tenant has another active user of the role.
pub(super) async fn another_of_role(
    db: &mut SqliteConnection,
    but: &User,
    role: &Role,
) -> Result<bool, SqliteError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM portcullis_users \
         WHERE tenant_id IS ?1 AND role = ?2 AND disabled = 0 AND id <> ?3)",
    )
    .bind(but.tenant_id.as_ref().map(TenantId::as_str))
    .bind(role.as_str())
    .bind(but.id.as_str())
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// Adds a row; `false` if the e-mail address is taken.
pub(super) async fn insert(
    db: impl SqliteExecutor<'_>,
    account: &Account<User>,
) -> Result<bool, SqliteError> {
    let statement = "INSERT INTO portcullis_users \
         (id, email, role, tenant_id, created_at, password_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    unless_taken(bind_new(statement, account).execute(db).await)
}

/// Adds a row if there is none at all; `false` if there is. One statement, so that two can't both be first.
pub(super) async fn insert_first(
    db: impl SqliteExecutor<'_>,
    account: &Account<User>,
) -> Result<bool, SqliteError> {
    let statement = "INSERT INTO portcullis_users \
         (id, email, role, tenant_id, created_at, password_hash) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
         WHERE NOT EXISTS (SELECT 1 FROM portcullis_users)";
    Ok(bind_new(statement, account)
        .execute(db)
        .await?
        .rows_affected()
        == 1)
}

/// Writes all that can change; `false` if the new e-mail address is taken.
pub(super) async fn update(
    db: &mut SqliteConnection,
    account: &Account<User>,
) -> Result<bool, SqliteError> {
    let result = sqlx::query(
        "UPDATE portcullis_users \
         SET email = ?2, role = ?3, password_hash = ?4, disabled = ?5, epoch = ?6 WHERE id = ?1",
    )
    .bind(account.id.as_str())
    .bind(account.user.email.as_str())
    .bind(account.user.role.as_ref().map(Role::as_str))
    .bind(account.password_hash.as_ref().map(PasswordHash::expose))
    .bind(account.status != AccountStatus::Active)
    .bind(i64::try_from(account.epoch).map_err(SqliteError::new)?)
    .execute(db)
    .await;
    unless_taken(result)
}

/// Replaces the hash if it still is the old one.
pub(super) async fn swap_hash(
    db: impl SqliteExecutor<'_>,
    id: &UserId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<bool, SqliteError> {
    let done = sqlx::query(
        "UPDATE portcullis_users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
    )
    .bind(id.as_str())
    .bind(old.expose())
    .bind(new.expose())
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn delete(db: &mut SqliteConnection, id: &UserId) -> Result<(), SqliteError> {
    let query = sqlx::query("DELETE FROM portcullis_users WHERE id = ?1").bind(id.as_str());
    query.execute(db).await?;
    Ok(())
}

/// Id, role and tenant of the next users behind `after` that have anything but visible ASCII in one of them.
pub(super) async fn suspect_identifiers(
    db: impl SqliteExecutor<'_>,
    after: &str,
) -> Result<Vec<(String, Option<String>, Option<String>)>, SqliteError> {
    let query = sqlx::query_as(
        "SELECT id, role, tenant_id FROM portcullis_users WHERE id > ?1 \
         AND (id GLOB '*[^!-~]*' OR role GLOB '*[^!-~]*' OR tenant_id GLOB '*[^!-~]*') \
         ORDER BY id LIMIT 1000",
    );
    Ok(query.bind(after).fetch_all(db).await?)
}

/// Reads at the most one row, and nothing of it.
pub(super) async fn any(db: impl SqliteExecutor<'_>) -> Result<(), SqliteError> {
    let query = sqlx::query("SELECT 1 FROM portcullis_users LIMIT 1");
    query.fetch_optional(db).await?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind_new<'q>(statement: &'static str, account: &'q Account<User>) -> Query<'q> {
    sqlx::query(statement)
        .bind(account.id.as_str())
        .bind(account.user.email.as_str())
        .bind(account.user.role.as_ref().map(Role::as_str))
        .bind(account.user.tenant_id.as_ref().map(TenantId::as_str))
        .bind(account.user.created_at.as_str())
        .bind(account.password_hash.as_ref().map(PasswordHash::expose))
}

async fn one(
    query: Query<'_>,
    db: impl SqliteExecutor<'_>,
) -> Result<Option<Account<User>>, SqliteError> {
    let row = query.fetch_optional(db).await?;
    row.as_ref().map(account).transpose()
}

/// The unique index decides, not a question asked before: between the two somebody else could be quicker.
fn unless_taken(result: Result<SqliteQueryResult, sqlx::Error>) -> Result<bool, SqliteError> {
    match result {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads a row strictly: one that another hand has damaged is an error, never half a user.
fn account(row: &SqliteRow) -> Result<Account<User>, SqliteError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let optional = |column: &str| row.try_get::<Option<String>, _>(column);
    let id = UserId::from_stored(text("id")?).map_err(SqliteError::new)?;
    let email = Email::parse(&text("email")?).map_err(SqliteError::new)?;
    let role = optional("role")?.map(Role::from_stored).transpose();
    let tenant_id = optional("tenant_id")?
        .map(TenantId::from_stored)
        .transpose();
    let user = User::new(
        id.clone(),
        email,
        role.map_err(SqliteError::new)?,
        tenant_id.map_err(SqliteError::new)?,
        text("created_at")?,
    );
    let mut account = Account::new(id, user);
    account.password_hash = optional("password_hash")?.map(PasswordHash::from_stored);
    account.status = if row.try_get("disabled")? {
        AccountStatus::Disabled
    } else {
        AccountStatus::Active
    };
    account.epoch = u64::try_from(row.try_get::<i64, _>("epoch")?).map_err(SqliteError::new)?;
    Ok(account)
}
