//! A database that a server of version 0.1.0 made: `tests/vectors/sqlite-0.1.0` tells how.

use super::{anna, guess, secret, succeed};
use portcullis::UserStore as _;
use portcullis::directory::{Page, UserDirectory as _};
use portcullis::password::{HashParams, Password, PasswordHasher, Verdict};
use portcullis::stores::sqlite::{SqliteStore, SqliteThrottle};
use portcullis::user::TenantId;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool};
use std::collections::BTreeMap;
use tempfile::TempDir;

const DATABASE: &str = include_str!("../../vectors/sqlite-0.1.0/database.sql");
const STATEMENTS: &str = include_str!("../../vectors/sqlite-0.1.0/statements.sql");

/// The database of 0.1.0 in a file, and a connection such as that version has, opened before the upgrade.
async fn database_of_0_1() -> (TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("users.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(DATABASE).execute(&pool).await.unwrap();
    (folder, pool)
}

fn statements() -> BTreeMap<&'static str, &'static str> {
    let named = STATEMENTS.split("-- name: ").skip(1);
    named
        .map(|part| part.trim().split_once('\n').unwrap())
        .collect()
}

/// Runs a statement of 0.1.0 and gives the first column of its rows as text, or how many rows it changed.
async fn run(db: &mut SqliteConnection, name: &str, values: &[Option<&str>]) -> Vec<String> {
    let statement = statements()[name];
    let mut query = sqlx::query(statement);
    for value in values {
        // What is a number there must be one.
        query = match value.map(str::parse::<i64>) {
            Some(Ok(number)) => query.bind(number),
            _ => query.bind(*value),
        };
    }
    if statement.starts_with("SELECT") {
        let rows = query.fetch_all(db).await.unwrap();
        let first = |row: &sqlx::sqlite::SqliteRow| {
            let number = row.try_get::<i64, _>(0).map(|number| number.to_string());
            number.or_else(|_| row.try_get::<String, _>(0)).unwrap()
        };
        return rows.iter().map(first).collect();
    }
    let done = query.execute(db).await.unwrap();
    vec![done.rows_affected().to_string()]
}

#[tokio::test]
async fn a_database_of_0_1_is_upgraded_with_every_user_and_password() {
    let (folder, before) = database_of_0_1().await;
    let dump = "SELECT group_concat(id || email || role || tenant_id || password_hash || disabled || epoch || created_at) \
                FROM (SELECT * FROM portcullis_users ORDER BY id)";
    let rows: String = sqlx::query_scalar(dump).fetch_one(&before).await.unwrap();
    before.close().await;
    let store = SqliteStore::open(folder.path().join("users.db"))
        .await
        .unwrap();
    let account = store.find_by_login("renamed@example.com").await.unwrap();
    let account = account.unwrap();
    assert_eq!(account.epoch, 1);
    let hasher = PasswordHasher::new(HashParams::default()).unwrap();
    let password = Password::new("a long pass phrase of a member!");
    let verdict = hasher.verify(&password, account.password_hash.as_ref().unwrap());
    assert_eq!(verdict, Verdict::Match);
    let page = Page::new(0, 10);
    let listing = store
        .list(account.user.tenant_id.as_ref(), page)
        .await
        .unwrap();
    assert_eq!(listing.total, 3);
    store.close().await;

    // And once more, which changes nothing.
    let store = SqliteStore::open(folder.path().join("users.db"))
        .await
        .unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("users.db"));
    let after = SqlitePool::connect_with(options).await.unwrap();
    let same: String = sqlx::query_scalar(dump).fetch_one(&after).await.unwrap();
    assert_eq!(same, rows);
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM portcullis_migrations")
        .fetch_all(&after)
        .await
        .unwrap();
    assert_eq!(versions, [1, 2]);
    drop(store);
}

#[tokio::test]
async fn a_server_of_0_1_that_is_running_goes_on_beside_the_new_one() {
    let (folder, old) = database_of_0_1().await;
    let mut old = old.acquire().await.unwrap();
    let old = &mut *old;
    // Its statements are prepared by then.
    assert_eq!(run(old, "any", &[]).await, ["1"]);
    let found = run(old, "by_email", &[Some("root@example.com")]).await;
    let [root]: [String; 1] = found.try_into().unwrap();
    let root = Some(root.as_str());

    let store = SqliteStore::open(folder.path().join("users.db"))
        .await
        .unwrap();
    let throttle = SqliteThrottle::new(&store, secret());
    let account = store
        .find_by_login("root@example.com")
        .await
        .unwrap()
        .unwrap();
    let tenant = account.user.tenant_id.clone();
    let tenant = tenant.as_ref().map(TenantId::as_str);
    for round in 0..3 {
        for _ in 0..5 {
            assert_eq!(guess(&throttle, &anna(None)).await, None);
        }
        succeed(&throttle, &anna(None), None).await;
        let (id, email) = (format!("id-{round}"), format!("new{round}@example.com"));
        let (id, email) = (Some(id.as_str()), Some(email.as_str()));
        let new = [
            id,
            email,
            Some("member"),
            tenant,
            Some("2026-11-26T00:00:00.000000+00:00"),
            Some("$1"),
        ];
        assert_eq!(run(old, "insert", &new).await, ["1"]);
        assert_eq!(
            run(
                old,
                "insert_first",
                &[Some("x"), Some("x"), None, None, Some("x"), None]
            )
            .await,
            ["0"]
        );
        assert_eq!(run(old, "by_id", &[id]).await.len(), 1);
        assert_eq!(run(old, "in_tenant", &[id, tenant]).await.len(), 1);
        assert_eq!(
            run(old, "swap_hash", &[id, Some("$1"), Some("$2")]).await,
            ["1"]
        );
        assert_eq!(
            run(
                old,
                "update",
                &[id, email, None, Some("$3"), Some("1"), Some("7")]
            )
            .await,
            ["1"]
        );
        assert_eq!(
            run(old, "page", &[tenant, Some("100"), Some("0")])
                .await
                .len(),
            4
        );
        assert_eq!(run(old, "count", &[tenant]).await, ["4"]);
        let others = run(old, "another_of_role", &[tenant, Some("admin"), root]).await;
        assert_eq!(others, ["0"]);
        // The new server sees what the old one wrote.
        let seen = store.find_by_login(email.unwrap()).await.unwrap().unwrap();
        assert_eq!(seen.epoch, 7);
        assert_eq!(run(old, "delete", &[id]).await, ["1"]);
        assert!(store.find_by_id(&seen.id).await.unwrap().is_none());
    }
    assert_eq!(statements().len(), 12);
}
