//! [`SupabaseStore`]: users in a Supabase project, or behind any PostgREST, for any number of servers.

mod answer;
mod builder;
mod check;
mod client;
mod error;
mod import;
mod key;
mod lookups;
mod rows;
mod schema;
mod sent;
mod throttle;

pub use builder::SupabaseStoreBuilder;
pub use check::CheckError;
pub use error::{BuildError, SupabaseError};
pub use import::{ImportError, Imported, Progress};
pub use key::SupabaseKey;
pub use schema::Schema;
pub use throttle::SupabaseThrottle;

use crate::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use crate::password::PasswordHash;
use crate::store::{Account, UserStore};
use crate::user::{Email, Role, TenantId, User, UserId};
use client::{Call, Client};
use core::fmt;
use lookups::Lookups;
use rows::Row;
use schema::Name;
use sent::{Target, checked, columns_of, refused, row_of, uuid};
use std::sync::Arc;

/// The most rows asked for at a time. Supabase gives no more unless it is told to; what it gives less is asked for again.
const PAGE: u64 = 1000;

/// Keeps users in a table that PostgREST serves. Cheap to clone; clones share the connections.
///
/// ```no_run
/// use portcullis::stores::supabase::{SupabaseKey, SupabaseStore};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let key = SupabaseKey::new(&std::env::var("SUPABASE_KEY")?)?;
/// let users = SupabaseStore::builder(std::env::var("SUPABASE_URL")?, key).build()?;
/// users.check().await?; // says which table, column, grant or key is wrong
/// # Ok(())
/// # }
/// ```
///
/// The database is made ready once, by the SQL of [`Schema::migration`]. An existing table keeps its rows: rows
/// without a role or a tenant are read as such, an address that is none is shown but signs nobody in, and clear-text
/// passwords never leave the database until [`import_passwords`](Self::import_passwords) makes hashes of them.
///
/// - Whatever must be one step (the last administrator, the first user, the swap of a hash) is one function of the
///   database; its unique index, not a question asked before, decides about addresses.
/// - Reads are repeated twice where no answer came, within [`timeout`](SupabaseStoreBuilder::timeout); nothing else is.
/// - Look-ups by id that meet share a question, and each sees what was written before it was asked.
/// - Ids are parsed before they are sent; addresses, hashes and passwords travel in bodies, never in an address line.
/// - Several servers may share one project. Let them share a [`SupabaseThrottle`] too.
#[derive(Clone)]
pub struct SupabaseStore {
    lookups: Arc<Lookups>,
}

impl SupabaseStore {
    /// Starts with a project's URL, as Supabase shows it, and its service key.
    pub fn builder(url: impl Into<String>, key: SupabaseKey) -> SupabaseStoreBuilder {
        SupabaseStoreBuilder::new(url.into(), key)
    }

    fn client(&self) -> &Client {
        &self.lookups.client
    }

    fn schema(&self) -> &Schema {
        &self.lookups.schema
    }

    /// Calls a function that changes one user and gives it.
    async fn change(
        &self,
        function: &str,
        target: Target<'_>,
    ) -> Result<User, DirectoryError<SupabaseError>> {
        let select = self.schema().select(&Name::PROFILE);
        let query = [("select", select.as_str())];
        let call = Call::function(function, &query, &target)?.of_one_row();
        let rows: Vec<Row> = self.client().send(call).await.map_err(refused)?.json()?;
        let row = rows.into_iter().next().ok_or(DirectoryError::NotFound)?;
        Ok(row.user()?)
    }

    /// One page of rows and the number of all, of as many as are given at a time.
    async fn rows(
        &self,
        tenant: &str,
        limit: u64,
        offset: u64,
    ) -> Result<(Vec<Row>, u64), SupabaseError> {
        let schema = self.schema();
        let (select, limit, offset) = (
            schema.select(&Name::PROFILE),
            limit.to_string(),
            offset.to_string(),
        );
        let order = format!("{},{}", schema.name(Name::CreatedAt), schema.name(Name::Id));
        let query = [
            ("select", select.as_str()),
            (schema.name(Name::TenantId), tenant),
            ("order", order.as_str()),
            ("limit", limit.as_str()),
            ("offset", offset.as_str()),
        ];
        let call = Call::read(schema.name(Name::Table), &query).counted();
        let answer = self.client().send(call).await?;
        let total = answer.total.ok_or_else(|| answer.misbehaved("no count"))?;
        Ok((answer.json()?, total))
    }
}

impl UserStore for SupabaseStore {
    type User = User;
    type Error = SupabaseError;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, SupabaseError> {
        let Ok(email) = Email::parse(login) else {
            return Ok(None);
        };
        let arguments = serde_json::json!({ "login": email.as_str() });
        let select = self.schema().select(&Name::ACCOUNT);
        let query = [("select", select.as_str())];
        let call = Call::question("rpc/portcullis_find_by_login", &query, &arguments)?;
        let rows: Vec<Row> = self.client().send(call).await?.json()?;
        rows.into_iter().next().map(Row::account).transpose()
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, SupabaseError> {
        match uuid(id) {
            Some(id) => self.lookups.find(id).await,
            None => Ok(None),
        }
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, SupabaseError> {
        let Some(id) = checked(id) else {
            return Ok(false);
        };
        let arguments = serde_json::json!({ "user_id": id, "old_hash": old.expose(), "new_hash": new.expose() });
        let call = Call::function("rpc/portcullis_replace_password_hash", &[], &arguments)?;
        self.client().send(call).await?.json()
    }
}

impl UserDirectory for SupabaseStore {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> Result<Listing, SupabaseError> {
        let tenant = tenant.map_or_else(|| "is.null".to_owned(), |tenant| format!("eq.{tenant}"));
        let mut users = Vec::new();
        loop {
            let got = u64::try_from(users.len()).unwrap_or(u64::MAX);
            let wanted = u64::from(page.limit).saturating_sub(got).min(PAGE);
            let offset = page.offset.saturating_add(got).min(i64::MAX.unsigned_abs());
            let (rows, total) = match self.rows(&tenant, wanted, offset).await {
                // The offset is past the end, and how many there are is not said.
                Err(error) if error.code() == Some("PGRST103") => self.rows(&tenant, 0, 0).await?,
                // A column of UUIDs, and a tenant that is none.
                Err(error) if error.code() == Some("22P02") => (Vec::new(), 0),
                answered => answered?,
            };
            let came = rows.len();
            for row in rows {
                users.push(row.user()?);
            }
            let all = u64::try_from(users.len()).unwrap_or(u64::MAX);
            // A server may give less than it was asked for, so only the total tells that it was all.
            let is_all = page.offset.saturating_add(all) >= total;
            if came == 0 || all >= u64::from(page.limit) || is_all {
                return Ok(Listing::new(users, total));
            }
        }
    }

    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<SupabaseError>> {
        let select = self.schema().select(&Name::PROFILE);
        let query = [("select", select.as_str())];
        let row = row_of(self.schema(), &new);
        let call = Call::insert(self.schema().name(Name::Table), &query, &row)?;
        let answer = self.client().send(call).await.map_err(refused)?;
        let rows: Vec<Row> = answer.json()?;
        let row = rows.into_iter().next();
        Ok(row.ok_or_else(|| answer.misbehaved("no row"))?.user()?)
    }

    async fn create_first(
        &self,
        new: NewUser,
    ) -> Result<Option<User>, DirectoryError<SupabaseError>> {
        let arguments = serde_json::json!({ "new_user": row_of(self.schema(), &new) });
        let select = self.schema().select(&Name::PROFILE);
        let query = [("select", select.as_str())];
        let call = Call::function("rpc/portcullis_create_first", &query, &arguments)?;
        let rows: Vec<Row> = self.client().send(call).await.map_err(refused)?.json()?;
        Ok(rows.into_iter().next().map(Row::user).transpose()?)
    }

    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<SupabaseError>> {
        let target = Target {
            user_id: checked(id).ok_or(DirectoryError::NotFound)?,
            changes: Some(columns_of(self.schema(), &changes)),
            tenant: tenant.map(TenantId::as_str),
            keep_role: keep.map(Role::as_str),
        };
        self.change("rpc/portcullis_update", target).await
    }

    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<SupabaseError>> {
        let target = Target {
            user_id: checked(id).ok_or(DirectoryError::NotFound)?,
            changes: None,
            tenant: tenant.map(TenantId::as_str),
            keep_role: keep.map(Role::as_str),
        };
        self.change("rpc/portcullis_delete", target).await.map(drop)
    }

    async fn ping(&self) -> Result<(), SupabaseError> {
        let select = self.schema().select(&[Name::Id]);
        let query = [("select", select.as_str()), ("limit", "1")];
        let call = Call::read(self.schema().name(Name::Table), &query);
        // A proxy's friendly page in JSON is no answer either.
        let answer = self.client().send(call).await?;
        answer.json::<Vec<Row>>().map(drop)
    }
}

/// Shows what the table is called, never the key or the address.
impl fmt::Debug for SupabaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupabaseStore")
            .field("schema", self.schema())
            .finish_non_exhaustive()
    }
}
