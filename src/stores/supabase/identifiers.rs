//! The check for stored identifiers that hide something. It reads rows: the database's functions know no Unicode.

use super::client::Call;
use super::rows::Row;
use super::schema::Name;
use super::{PAGE, SupabaseError, SupabaseStore};
use crate::stores::identifiers::{MAX_LISTED, describe_unclean};

/// How many pages are read: enough for most tables, and the start of a server does not wait for minutes.
const MAX_PAGES: usize = 10;

impl SupabaseStore {
    /// Lists stored ids, roles and tenants that could not be created today, a sentence each and at most 100: with
    /// invisible characters, or with white space at an end.
    ///
    /// They were written by an older release or another program. They stay readable, but no token can be issued for such
    /// an id, and two of them that look alike are two. Call it at the start, and log what it lists as warnings. It reads
    /// the first 10,000 users by id, and changes nothing.
    ///
    /// # Errors
    /// [`SupabaseError`] if the table can't be read.
    pub async fn check_identifiers(&self) -> Result<Vec<String>, SupabaseError> {
        let schema = self.schema();
        let select = schema.select(&[Name::Id, Name::UserRole, Name::TenantId]);
        let limit = PAGE.to_string();
        let mut listed = Vec::new();
        let mut later: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut query = vec![
                ("select", select.as_str()),
                ("order", schema.name(Name::Id)),
                ("limit", limit.as_str()),
            ];
            if let Some(later) = &later {
                query.push((schema.name(Name::Id), later.as_str()));
            }
            let call = Call::read(schema.name(Name::Table), &query);
            let rows: Vec<Row> = self.client().send(call).await?.json()?;
            for row in &rows {
                let (id, role, tenant_id) = row.identifiers();
                listed.extend(describe_unclean(id, role, tenant_id));
            }
            match rows.last() {
                Some(last) if listed.len() < MAX_LISTED => later = Some(format!("gt.{}", last.id)),
                _ => break,
            }
        }
        listed.truncate(MAX_LISTED);
        Ok(listed)
    }
}
