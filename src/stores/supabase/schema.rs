//! [`Schema`]: what the table and its columns are called, and the SQL that makes a database ready.

use super::BuildError;
use core::fmt::Write as _;

/// What makes a database ready, under the default names: one transaction.
const SCRIPT: &str = concat!(
    "begin;\nset local client_min_messages to warning;\n\n",
    include_str!("migrations/portcullis.sql"),
    "\n",
    include_str!("migrations/throttle_0_1.sql"),
    "\n",
    include_str!("migrations/throttle.sql"),
    "\n-- PostgREST learns of the functions.\nnotify pgrst, 'reload schema';\n\ncommit;\n",
);

/// The longest identifier PostgreSQL keeps whole, in bytes.
const MAX_NAME: usize = 63;

/// The names in the database. The defaults are in the doc of each setter.
///
/// Names are 1 to 63 ASCII letters, digits and underscores; upper case is kept, as in quotes.
///
/// ```
/// use portcullis::stores::supabase::Schema;
/// let members = Schema::default().table("members").email("mail");
/// let sql = members.migration()?; // to be run once, by psql or in Supabase's SQL editor
/// assert!(sql.contains(r#""public"."members""#));
/// # Ok::<(), portcullis::stores::supabase::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    names: [String; Name::ALL.len()],
}

/// What has a name. In the script it stands in quotes, by its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Schema,
    Table,
    Role,
    Id,
    Email,
    UserRole,
    TenantId,
    CreatedAt,
    PasswordHash,
    Disabled,
    Epoch,
    ClearText,
}

impl Name {
    const ALL: [(Self, &'static str); 12] = [
        (Self::Schema, "public"),
        (Self::Table, "users"),
        (Self::Role, "service_role"),
        (Self::Id, "id"),
        (Self::Email, "email"),
        (Self::UserRole, "role"),
        (Self::TenantId, "tenant_id"),
        (Self::CreatedAt, "created_at"),
        (Self::PasswordHash, "password_hash"),
        (Self::Disabled, "disabled"),
        (Self::Epoch, "epoch"),
        (Self::ClearText, "password"),
    ];

    /// The columns of a user, as it is shown.
    pub(super) const PROFILE: [Self; 5] = [
        Self::Id,
        Self::Email,
        Self::UserRole,
        Self::TenantId,
        Self::CreatedAt,
    ];

    /// The columns of a user's account.
    pub(super) const ACCOUNT: [Self; 8] = [
        Self::Id,
        Self::Email,
        Self::UserRole,
        Self::TenantId,
        Self::CreatedAt,
        Self::PasswordHash,
        Self::Disabled,
        Self::Epoch,
    ];

    /// What the store itself calls it, in rows and in the script.
    pub(super) fn default(self) -> &'static str {
        Self::ALL
            .iter()
            .find_map(|(name, default)| (*name == self).then_some(*default))
            .unwrap_or_default()
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            names: Name::ALL.map(|(_, default)| default.to_owned()),
        }
    }
}

macro_rules! setters {
    ($($(#[$meta:meta])* $setter:ident, $name:ident;)*) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $setter(self, name: impl Into<String>) -> Self {
            self.with(Name::$name, &name.into())
        }
    )*};
}

impl Schema {
    setters! {
        /// Sets the schema that holds table and functions; PostgREST must expose it. Default: `public`.
        schema, Schema;
        /// Sets the table of users. Default: `users`.
        table, Table;
        /// Sets the database role that the key stands for. Default: `service_role`.
        service_role, Role;
        /// Sets the column of ids, which are UUIDs. Default: `id`.
        id, Id;
        /// Sets the column of e-mail addresses. Default: `email`.
        email, Email;
        /// Sets the column of roles. Default: `role`.
        role, UserRole;
        /// Sets the column of tenants. Default: `tenant_id`.
        tenant_id, TenantId;
        /// Sets the column of the times of creation. Default: `created_at`.
        created_at, CreatedAt;
        /// Sets the column of password hashes. Default: `password_hash`.
        password_hash, PasswordHash;
        /// Sets the column that says who may not sign in. Default: `disabled`.
        disabled, Disabled;
        /// Sets the column that counts what ends tokens. Default: `epoch`.
        epoch, Epoch;
        /// Sets the column of clear-text passwords that another program left behind. Default: `password`.
        clear_text, ClearText;
    }

    fn with(mut self, name: Name, to: &str) -> Self {
        for ((known, _), held) in Name::ALL.iter().zip(&mut self.names) {
            if *known == name {
                to.clone_into(held);
            }
        }
        self
    }

    pub(super) fn name(&self, name: Name) -> &str {
        let mut named = Name::ALL.iter().zip(&self.names);
        named
            .find_map(|((known, _), held)| (*known == name).then_some(held.as_str()))
            .unwrap_or_default()
    }

    /// What PostgREST is asked to `select`: the columns, by the names [`Row`](super::rows::Row) knows.
    pub(super) fn select(&self, columns: &[Name]) -> String {
        let mut select = String::new();
        for column in columns {
            let separator = if select.is_empty() { "" } else { "," };
            let (ours, theirs) = (column.default(), self.name(*column));
            let written = if ours == theirs {
                write!(select, "{separator}{ours}")
            } else {
                write!(select, "{separator}{ours}:{theirs}")
            };
            // Writing to a string can't fail.
            debug_assert!(written.is_ok(), "a string takes all that is written");
        }
        select
    }

    /// The SQL that brings a database to what this store needs, under these names.
    ///
    /// Run it as the owner of the table, by psql or in Supabase's SQL editor. It is one transaction that creates what is
    /// missing, changes no row, and can be run again at any time.
    ///
    /// # Errors
    /// [`BuildError::Name`] if a name is not one.
    pub fn migration(&self) -> Result<String, BuildError> {
        self.check()?;
        Ok(self.rename(SCRIPT))
    }

    /// The SQL that drops the column of clear-text passwords, for when
    /// [`import_passwords`](super::SupabaseStore::import_passwords) left none.
    pub fn drop_clear_text(&self) -> String {
        let of = |name| self.name(name);
        format!(
            r#"alter table "{}"."{}" drop column "{}";"#,
            of(Name::Schema),
            of(Name::Table),
            of(Name::ClearText)
        )
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        let is_name = |name: &String| {
            (1..=MAX_NAME).contains(&name.len())
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if self.names.iter().all(is_name) {
            Ok(())
        } else {
            Err(BuildError::Name)
        }
    }

    /// Puts our names in the place of the defaults. Only names that can be set stand in quotes in it.
    fn rename(&self, script: &str) -> String {
        let pieces = script.split('"').enumerate().map(|(place, piece)| {
            let mut named = Name::ALL.iter().zip(&self.names);
            // Every second piece stands between quotes.
            (place % 2 == 1)
                .then(|| {
                    named.find_map(|((_, known), held)| (*known == piece).then_some(held.as_str()))
                })
                .flatten()
                .unwrap_or(piece)
        });
        pieces.collect::<Vec<_>>().join("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_holds_no_quotes_but_around_names() {
        for line in SCRIPT.lines() {
            let code = line.split("--").next().unwrap_or_default();
            assert_eq!(line.matches('"').count() % 2, 0, "{line}");
            for quoted in code.split('"').skip(1).step_by(2) {
                let known = Name::ALL.iter().any(|(_, default)| *default == quoted);
                assert!(
                    known || quoted == "%" || quoted == "%s",
                    "{quoted:?} in {line}"
                );
            }
        }
        assert_eq!(
            Schema::default().migration().unwrap(),
            SCRIPT,
            "under the default names it is as shipped"
        );
    }

    #[test]
    fn other_names_take_the_places_of_the_defaults_even_crosswise() {
        let swapped = Schema::default()
            .email("role")
            .role("email")
            .table("People");
        let sql = swapped.rename(r#"select "email", "role" from "public"."users" -- "x""#);
        assert_eq!(
            sql,
            r#"select "role", "email" from "public"."People" -- "x""#
        );
        let select = swapped.select(&[Name::Id, Name::Email, Name::UserRole]);
        assert_eq!(select, "id,email:role,role:email");
    }

    #[test]
    fn a_name_that_could_be_more_than_a_name_is_refused() {
        let long = "a".repeat(64);
        for name in ["", "a b", "a\"b", "a;b", "a,b", "a:b", "1a", "ä", &long] {
            assert!(Schema::default().epoch(name).check().is_err(), "{name}");
        }
        assert!(Schema::default().epoch("a".repeat(63)).check().is_ok());
    }
}
