//! What a row means, also one that another program wrote.

use super::error::{Kind, SupabaseError};
use crate::password::PasswordHash;
use crate::store::{Account, AccountStatus};
use crate::user::{Email, Role, TenantId, User, UserId};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A row under the names that [`Schema::select`](super::Schema::select) asks for.
#[derive(Clone, Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    email: Option<String>,
    role: Option<String>,
    tenant_id: Option<Scalar>,
    created_at: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    epoch: u64,
}

/// Tenants are counted in some databases.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(i64),
}

impl Row {
    /// The user, as far as it can be shown.
    ///
    /// The program that wrote the row may have checked nothing. An address that is none is shown as it is, so that
    /// somebody can mend it; nobody can sign in with it. A role that is none gives no rights. But a tenant that is none
    /// would be taken for "no tenant", to which others belong, so such a row is an error.
    pub(super) fn user(self) -> Result<User, SupabaseError> {
        Ok(self.account()?.user)
    }

    /// The account, as far as it can be used.
    pub(super) fn account(self) -> Result<Account<User>, SupabaseError> {
        let id = UserId::new(self.id)
            .map_err(|_| SupabaseError::new(Kind::Row("an id that is none")))?;
        let tenant_id = self
            .tenant_id
            .map(|tenant| {
                TenantId::new(match tenant {
                    Scalar::Text(text) => text,
                    Scalar::Number(number) => number.to_string(),
                })
            })
            .transpose()
            .map_err(|_| SupabaseError::new(Kind::Row("a tenant that is none")))?;
        let user = User::new(
            id.clone(),
            Email::as_stored(self.email.unwrap_or_default()),
            self.role.and_then(|role| Role::new(role).ok()),
            tenant_id,
            self.created_at.unwrap_or_default(),
        );
        let mut account = Account::new(id, user);
        account.password_hash = self.password_hash.map(PasswordHash::from_stored);
        if self.disabled {
            account.status = AccountStatus::Disabled;
        }
        account.epoch = self.epoch;
        Ok(account)
    }
}

/// A row with a password in clear text, for the import.
#[derive(Deserialize)]
pub(super) struct ClearText {
    pub(super) id: UserId,
    /// Exactly as it is stored: the database compares it.
    pub(super) password: Zeroizing<String>,
}
