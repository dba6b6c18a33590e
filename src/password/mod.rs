//! Passwords: [`Password`], [`PasswordHash`], [`PasswordHasher`], [`PasswordPolicy`].

mod error;
mod hasher;
mod params;
mod policy;

pub use error::{PasswordError, PolicyError};
pub use hasher::{PasswordHasher, Verdict};
pub use params::HashParams;
pub use policy::PasswordPolicy;

use crate::secret::secret_text;

secret_text! {
    /// A password as a person typed it. (stub)
    pub struct Password;
}

impl Password {
    /// (stub)
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }
}

secret_text! {
    /// A stored password hash: a PHC string, checked when it is used. (stub)
    pub struct PasswordHash;
}

impl PasswordHash {
    /// Wraps what a store holds. (stub)
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }
}

impl<T: Into<String>> From<T> for Password {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}
