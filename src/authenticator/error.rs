//! Why nobody was signed in, and why a password could not be hashed.

use crate::offload::Lost;
use crate::password::PasswordError;
use core::time::Duration;

type Source = Box<dyn core::error::Error + Send + Sync>;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Unknown login, wrong password, no password, an unusable hash: one answer for all.
    #[error("incorrect username or password")]
    InvalidCredentials,
    /// The password was right, the account is disabled. Strangers are told the same as above.
    #[error("the account is disabled")]
    Disabled,
    /// Too many failures of late. The password was not looked at, and the attempt is not counted.
    #[error("too many failed sign-ins, try again later")]
    Throttled {
        /// How long to wait until an attempt is admitted. Never zero.
        retry_after: Duration,
    },
    /// No room for this attempt: too many are under way in this process, from this client, or on this account (attempts on it
    /// that are not decided yet). The password was not looked at. Safe to retry in a moment.
    #[error("too many sign-ins at once, try again")]
    Busy,
    /// The store or the throttle could not be asked, or the hash was lost ([`Lost`]). Nobody is let in.
    #[error("sign-in is unavailable")]
    Unavailable(#[source] Source),
}

/// Why a token's holder is not, or not any more, a user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CurrentUserError {
    /// Gone, disabled, or the password or status was changed since: nobody is told which.
    #[error("the account is gone, disabled, or its tokens were ended")]
    Ended,
    /// The store could not be asked.
    #[error("the user store is unavailable")]
    Unavailable(#[source] Source),
}

/// Why a new password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// More hashing is asked for than can be done. Safe to try again.
    #[error("password hashing is overloaded")]
    Overloaded(#[source] Lost),
    /// The password is empty or over the size limit, or there is no memory or randomness.
    #[error("the password could not be hashed")]
    Failed(#[source] PasswordError),
}
