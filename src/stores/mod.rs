//! Ready-made stores of [`User`]s, and the rules they share.
//!
//! Each store is an adapter: nothing else of the crate knows them. To bring your own, implement
//! [`UserStore`](crate::UserStore), and [`UserDirectory`](crate::directory::UserDirectory) if it is to be
//! administered; `test_util::conformance` (feature `test-util`) checks that it keeps every promise.

#[cfg(any(feature = "sqlite", feature = "supabase"))]
mod identifiers;
pub mod memory;
#[cfg(any(feature = "sqlite", feature = "supabase"))]
mod refunds;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "supabase")]
pub mod supabase;

#[cfg(any(feature = "sqlite", feature = "supabase"))]
mod throttle_names;

use crate::directory::{NewUser, UserChanges};
use crate::store::{Account, AccountStatus};
use crate::user::{Role, User, UserId};
use time::OffsetDateTime;

/// The operating system gave no random bytes for an id.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no random bytes for a new id")]
struct NoRandomness;

/// Gives a new user its id and its time of creation.
fn account_of(new: NewUser) -> Result<Account<User>, NoRandomness> {
    let id = new_id()?;
    let user = User::new(
        id.clone(),
        new.email,
        new.role,
        new.tenant_id,
        timestamp(OffsetDateTime::now_utc()),
    );
    let mut account = Account::new(id, user);
    account.password_hash = new.password_hash;
    Ok(account)
}

/// A random UUID (RFC 9562 §5.4): ids can't be guessed from each other, nor do they tell how many users there are.
fn new_id() -> Result<UserId, NoRandomness> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    // 36 characters without control characters are an identifier, so this error can't occur.
    UserId::new(uuid.hyphenated().to_string()).map_err(|_| NoRandomness)
}

/// RFC 3339 in UTC with six digits of a second: of one width, so that it sorts as text.
fn timestamp(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micro) = at.to_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}+00:00")
}

/// Carries the changes out on an account.
///
/// Its epoch grows if the password or the status changes, which ends tokens issued before. A role or an
/// e-mail address is read anew at each request, so a change of these need not end anything.
fn change(account: &mut Account<User>, changes: UserChanges) {
    let ends_tokens = changes.password_hash.is_some()
        || changes
            .status
            .is_some_and(|status| status != account.status);
    if ends_tokens {
        account.epoch = account.epoch.saturating_add(1);
    }
    if let Some(email) = changes.email {
        account.user.email = email;
    }
    if let Some(role) = changes.role {
        account.user.role = role;
    }
    if let Some(hash) = changes.password_hash {
        account.password_hash = Some(hash);
    }
    if let Some(status) = changes.status {
        account.status = status;
    }
}

/// Tells whether the account is one of those that [`UserDirectory`](crate::directory::UserDirectory) counts
/// for its rule of the last one.
fn counts_for(account: &Account<User>, role: &Role) -> bool {
    account.status == AccountStatus::Active && account.user.role.as_ref() == Some(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_six_digits_and_an_offset_of_zero() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_750_000_000_000_042_999).unwrap();
        assert_eq!(timestamp(at), "2025-06-15T15:06:40.000042+00:00");
    }

    #[test]
    fn an_id_is_a_random_uuid() {
        let (one, two) = (new_id().unwrap(), new_id().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 36);
        assert_eq!(&one.as_str()[14..15], "4", "version 4");
    }
}
