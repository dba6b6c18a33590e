//! What can go wrong with passwords: [`PasswordError`], [`ParamsError`], [`PolicyError`].

/// Hashing failed: there is no memory or randomness, or the password can't be hashed.
///
/// Its message says which. None of it is for the person who signs in.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the password could not be hashed: {reason}")]
pub struct PasswordError {
    reason: &'static str,
}

impl PasswordError {
    pub(crate) const NO_MEMORY: Self = Self::new("out of memory");
    pub(super) const NO_RANDOMNESS: Self = Self::new("no randomness");
    pub(super) const EMPTY: Self = Self::new("it is empty");
    pub(super) const OVERSIZE: Self = Self::new("it is over the size limit");
    pub(super) const UNUSABLE: Self = Self::new("its parameters are not accepted");

    pub(super) const BELOW_FLOOR: Self =
        Self::new("7168 KiB of memory is the least that is accepted");

    const fn new(reason: &'static str) -> Self {
        Self { reason }
    }
}

/// A stored hash is not an Argon2id hash that is accepted: of another scheme (such as bcrypt), malformed, or with
/// parameters out of bounds. Nobody can sign in with it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stored hash is not an argon2id hash of an accepted form")]
#[non_exhaustive]
pub struct UnsupportedHash;

/// Why hash parameters, or a policy's minimum length, can't be had.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamsError {
    /// Below the floor: an attacker with the stored hashes would get through them too fast.
    #[error("weaker than the least that is accepted")]
    TooWeak,
    /// Above the ceiling: a sign-in would take too long or too much memory, or people could not comply.
    #[error("more than the most that is accepted")]
    TooCostly,
}

/// Why a password is not acceptable as a new one. The messages are fit for the person who chose it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// It has too few characters (code points).
    #[error("use at least {min} characters")]
    TooShort {
        /// How many code points it must have.
        min: usize,
    },
    /// It has too many characters, or too many bytes in a script that needs several for each.
    #[error("use at most {max} characters")]
    TooLong {
        /// How many code points it may have; as many bytes of UTF-8.
        max: usize,
    },
    /// It is on the list of common passwords, made of patterns, or little more than the product's or the person's name.
    #[error("this password is too easy to guess, choose another one")]
    Common,
}
