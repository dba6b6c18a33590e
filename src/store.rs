//! What the application supplies so that people can sign in: [`UserStore`].

use crate::password::PasswordHash;
use crate::user::UserId;
use std::sync::Arc;

/// What a store knows of one person: the application's own user type and what sign-in needs beside it.
///
/// The password hash lives here and not on the user, so that it never reaches a handler or a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account<U> {
    /// What the person is known by.
    pub id: UserId,
    /// The application's own type.
    pub user: U,
    /// The stored hash; `None` for people who have no password here.
    pub password_hash: Option<PasswordHash>,
    /// Whether the person may sign in.
    pub status: AccountStatus,
    /// Grows whenever older tokens must end: at a change of password or of status. Default: 0.
    pub epoch: u64,
}

impl<U> Account<U> {
    /// An active account without a password, of epoch 0. Set the other fields as the store knows them.
    pub fn new(id: UserId, user: U) -> Self {
        Self {
            id,
            user,
            password_hash: None,
            status: AccountStatus::Active,
            epoch: 0,
        }
    }
}

/// Whether a person may sign in and use tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AccountStatus {
    /// It may.
    #[default]
    Active,
    /// It may not, until somebody sets it active again.
    Disabled,
}

/// How a store that is asked over a network failed, where it knows.
///
/// Put it at the end of your error's `source()` chain: clients are then told 502 or 504 instead of 503. An error without
/// one counts as [`Unavailable`](Self::Unavailable).
///
/// ```
/// use portcullis::Refusal;
/// use portcullis::store::Outage;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("no answer from the directory")]
/// struct LdapError(#[source] Outage);
///
/// assert_eq!(Refusal::store(&LdapError(Outage::TimedOut)).status(), 504);
/// ```
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outage {
    /// It could not be reached, or what it answered can't be used: 502.
    #[error("no usable answer")]
    BadGateway,
    /// It says that it can't answer now, or is asked more than it can answer: 503.
    #[error("not available now")]
    Unavailable,
    /// It did not answer in time: 504.
    #[error("no answer in time")]
    TimedOut,
}

/// Where accounts are kept. Implement it for your database with plain `async fn`.
///
/// An error means "could not be asked" and is answered 503 (or as its [`Outage`] says); "nobody by that name" is
/// `Ok(None)`.
/// Mixing the two up would tell strangers who exists, or let a broken database look like an empty one.
///
/// Every text is answered. A text that the database cannot hold or compare names nobody: return `Ok(None)` without a
/// query. PostgreSQL, for example, refuses U+0000 in a text with an error (SQLSTATE 22021); passed on as an error, it
/// lets anybody who types that character cause a 503. The conformance suite in `test_util` checks this with control
/// characters, invisible characters and texts of up to 1 MiB.
pub trait UserStore: Send + Sync + 'static {
    /// The application's own user type.
    type User: Send + Sync + 'static;
    /// What goes wrong when the store can't be asked.
    type Error: core::error::Error + Send + Sync + 'static;

    /// Finds the account for a login: an e-mail address, a user name.
    ///
    /// `login` is what a person typed. The [`Authenticator`](crate::Authenticator) passes it trimmed,
    /// at most 1,024 bytes of it and no control or invisible characters; other callers may pass any text.
    fn find_by_login(
        &self,
        login: &str,
    ) -> impl Future<Output = Result<Option<Account<Self::User>>, Self::Error>> + Send;

    /// Finds the account with this id.
    ///
    /// `id` is the subject of a verified token, or comes from a request's path. A [`UserId`] has 1 to 255 characters,
    /// none of them a control character; it need not have the form of the ids that the store gives.
    fn find_by_id(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<Account<Self::User>>, Self::Error>> + Send;

    /// Puts `new` in the place of `old` and answers `true`; answers `false` if the stored hash is not `old` any more.
    ///
    /// One atomic step: a password changed in the meantime must not be undone by a re-hash of the older one.
    /// It does not change the account's epoch, since the password stays the same.
    fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

impl<S: UserStore> UserStore for Arc<S> {
    type User = S::User;
    type Error = S::Error;

    fn find_by_login(
        &self,
        login: &str,
    ) -> impl Future<Output = Result<Option<Account<Self::User>>, Self::Error>> + Send {
        S::find_by_login(self, login)
    }

    fn find_by_id(
        &self,
        id: &UserId,
    ) -> impl Future<Output = Result<Option<Account<Self::User>>, Self::Error>> + Send {
        S::find_by_id(self, id)
    }

    fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send {
        S::replace_password_hash(self, id, old, new)
    }
}
