//! What is sent: rows, changes and ids in the database's names, and what its refusals mean.

use super::SupabaseError;
use super::schema::{Name, Schema};
use crate::directory::{DirectoryError, NewUser, UserChanges};
use crate::password::PasswordHash;
use crate::store::AccountStatus;
use crate::user::{Role, TenantId, UserId};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A row to be inserted, without what is none: a column's default then applies.
pub(super) fn row_of(schema: &Schema, new: &NewUser) -> Map<String, Value> {
    let columns = [
        (Name::Email, Some(new.email.as_str())),
        (Name::UserRole, new.role.as_ref().map(Role::as_str)),
        (Name::TenantId, new.tenant_id.as_ref().map(TenantId::as_str)),
        (
            Name::PasswordHash,
            new.password_hash.as_ref().map(PasswordHash::expose),
        ),
    ];
    columns
        .into_iter()
        .filter_map(|(name, value)| Some((schema.name(name).to_owned(), value?.into())))
        .collect()
}

/// The columns a change writes; a role that is taken away is null.
pub(super) fn columns_of(schema: &Schema, changes: &UserChanges) -> Map<String, Value> {
    let text = |text: &str| Value::from(text);
    let columns = [
        (
            Name::Email,
            changes.email.as_ref().map(|email| text(email.as_str())),
        ),
        (
            Name::UserRole,
            changes
                .role
                .as_ref()
                .map(|role| role.as_ref().map(|role| text(role.as_str())).into()),
        ),
        (
            Name::PasswordHash,
            changes
                .password_hash
                .as_ref()
                .map(|hash| text(hash.expose())),
        ),
        (
            Name::Disabled,
            changes
                .status
                .map(|status| Value::from(status != AccountStatus::Active)),
        ),
    ];
    columns
        .into_iter()
        .filter_map(|(name, value)| Some((schema.name(name).to_owned(), value?)))
        .collect()
}

/// What `portcullis_update` and `portcullis_delete` take.
#[derive(Serialize)]
pub(super) struct Target<'a> {
    pub(super) user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep_role: Option<&'a str>,
}

/// What the database refuses by its rules: its unique index, and the last of a role that must be kept.
pub(super) fn refused(error: SupabaseError) -> DirectoryError<SupabaseError> {
    match error.code() {
        Some("23505") => DirectoryError::Duplicate,
        Some("PT409") => DirectoryError::LastOfRole,
        _ => DirectoryError::Store(error),
    }
}

/// An id as the table holds it. Nothing else is ever sent.
pub(super) fn uuid(id: &UserId) -> Option<Uuid> {
    let uuid = Uuid::try_parse(id.as_str()).ok()?;
    // Other spellings of a UUID are other ids, as in every store.
    let mut text = Uuid::encode_buffer();
    (*uuid.hyphenated().encode_lower(&mut text) == *id.as_str()).then_some(uuid)
}

/// The id's text, if it is one of a UUID.
pub(super) fn checked(id: &UserId) -> Option<&str> {
    uuid(id).map(|_| id.as_str())
}
