//! Clear-text passwords that another program left in the table, made hashes in place.

use super::SupabaseStore;
use super::client::Call;
use super::error::SupabaseError;
use super::rows::ClearText;
use super::schema::Name;
use super::sent::checked;
use crate::password::{Password, PasswordHash};
use crate::user::UserId;
use futures_util::future::try_join_all;
use serde::Serialize;

/// How many rows are read and written at a time.
const BATCH: usize = 32;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Rows that are done or were left, so far.
    pub done: u64,
    /// Rows that held a clear-text password at the start.
    pub total: u64,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many clear-text passwords are gone.
    pub hashed: u64,
    /// Users whose password is longer than can be hashed. They are as they were.
    pub left: Vec<UserId>,
    /// Rows that hold a clear-text password now: those left, and what another program wrote meanwhile.
    pub remaining: u64,
}

/// Why an import stopped. What was done is done; run it again for the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError<E> {
    /// Supabase could not be asked.
    #[error("supabase could not be asked")]
    Store(#[from] SupabaseError),
    /// A password could not be hashed.
    #[error("a password could not be hashed")]
    Hash(#[source] E),
}

/// One row of what `portcullis_import_hashes` takes.
#[derive(Serialize)]
struct Hashed {
    id: UserId,
    clear_text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
}

impl SupabaseStore {
    /// Makes hashes of the clear-text passwords in the column [`Schema::clear_text`](super::Schema::clear_text), which
    /// are then gone. `None` if the table has no such column.
    ///
    /// It goes through the table in batches, each one step of the database: stopped at any moment and started again it
    /// goes on with the rest, and a password that is changed meanwhile is left for the next time. An empty password is
    /// taken away without a hash. Whoever is given a new password by this store before its turn comes loses the clear
    /// text of the old one, so what is imported is always what was written last. When nothing remains, drop the column.
    ///
    /// `hash` is called for a batch's passwords at once, so that as many threads work as it has; a good one is
    /// [`Authenticator::hash_password`](crate::Authenticator::hash_password). `progress` is told after each batch.
    ///
    /// # Errors
    /// [`ImportError`], after which it can be run again.
    pub async fn import_passwords<E>(
        &self,
        hash: impl AsyncFn(Password) -> Result<PasswordHash, E>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Option<Imported>, ImportError<E>> {
        let Some(total) = self.count_clear_text().await? else {
            return Ok(None);
        };
        let mut imported = Imported {
            hashed: 0,
            left: Vec::new(),
            remaining: total,
        };
        let mut done = 0_u64;
        let mut after = None;
        loop {
            progress(Progress { done, total });
            let rows = self.clear_text(after.as_ref()).await?;
            let Some(last) = rows.last() else { break };
            after = checked(&last.id).map(|_| last.id.clone());
            done = done.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
            let hashing = rows.into_iter().map(async |row| {
                let hash = match Password::new(row.password.as_str()) {
                    _ if row.password.is_empty() => None,
                    password if password.text().is_none() => return Ok((row.id, None)),
                    password => Some(hash(password).await?),
                };
                Ok((row.id.clone(), Some((row, hash))))
            });
            let mut batch = Vec::new();
            for (id, hashed) in try_join_all(hashing).await.map_err(ImportError::Hash)? {
                match hashed {
                    None => imported.left.push(id),
                    Some((row, hash)) => batch.push(Hashed {
                        id,
                        clear_text: row.password.to_string(),
                        password_hash: hash.map(|hash| hash.expose().to_owned()),
                    }),
                }
            }
            let written = self.write_hashes(&batch).await?;
            imported.hashed = imported.hashed.saturating_add(written);
        }
        imported.remaining = self.count_clear_text().await?.unwrap_or_default();
        Ok(Some(imported))
    }

    /// How many rows hold a clear-text password; `None` if there is no column for it.
    async fn count_clear_text(&self) -> Result<Option<u64>, SupabaseError> {
        let schema = self.schema();
        let query = [
            ("select", schema.name(Name::Id)),
            (schema.name(Name::ClearText), "not.is.null"),
            ("limit", "0"),
        ];
        let call = Call::read(schema.name(Name::Table), &query).counted();
        match self.client().send(call).await {
            // Without a number nobody knows: "none" would have the column dropped.
            Ok(answer) => answer
                .total
                .map(Some)
                .ok_or_else(|| answer.misbehaved("no count")),
            Err(error) if matches!(error.code(), Some("42703" | "PGRST204")) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next batch by id.
    async fn clear_text(&self, after: Option<&UserId>) -> Result<Vec<ClearText>, SupabaseError> {
        let schema = self.schema();
        let select = schema.select(&[Name::Id, Name::ClearText]);
        let limit = BATCH.to_string();
        let later = after.map(|id| format!("gt.{id}"));
        let mut query = vec![
            ("select", select.as_str()),
            (schema.name(Name::ClearText), "not.is.null"),
            ("order", schema.name(Name::Id)),
            ("limit", limit.as_str()),
        ];
        if let Some(later) = &later {
            query.push((schema.name(Name::Id), later.as_str()));
        }
        let call = Call::read(schema.name(Name::Table), &query);
        self.client().send(call).await?.json()
    }

    async fn write_hashes(&self, hashed: &[Hashed]) -> Result<u64, SupabaseError> {
        if hashed.is_empty() {
            return Ok(0);
        }
        let arguments = serde_json::json!({ "hashed": hashed });
        let call = Call::function("rpc/portcullis_import_hashes", &[], &arguments)?;
        self.client().send(call).await?.json()
    }
}
