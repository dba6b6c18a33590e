//! (stub)

/// Hashing failed. (stub)
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed")]
#[non_exhaustive]
pub struct PasswordError {}

/// Why a password is not acceptable as a new one. (stub)
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// Too short.
    #[error("too short")]
    TooShort {
        /// How many code points it must have.
        min: usize,
    },
    /// Too long.
    #[error("too long")]
    TooLong {
        /// How many it may have.
        max: usize,
    },
    /// On the list of common passwords, or made of context words.
    #[error("too common")]
    Common,
}
