//! (stub)
use super::{HashParams, Password, PasswordError, PasswordHash};

/// What a verification found. (stub)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Right.
    Match,
    /// Right, and the hash should be replaced: its parameters are not today's.
    Outdated,
    /// Wrong.
    Mismatch,
    /// The stored hash is of a kind or size that is not accepted; the same work was done as for a wrong password.
    Unusable,
}

/// Hashes and verifies. Cheap to clone: clones share their memory blocks. (stub)
#[derive(Clone, Debug)]
pub struct PasswordHasher {}

impl PasswordHasher {
    /// (stub)
    ///
    /// # Errors
    /// if the decoy can't be made.
    pub fn new(_params: HashParams) -> Result<Self, PasswordError> {
        todo!()
    }
    /// (stub)
    ///
    /// # Errors
    /// if
    pub fn hash(&self, _password: &Password) -> Result<PasswordHash, PasswordError> {
        todo!()
    }
    /// (stub)
    pub fn verify(&self, _password: &Password, _hash: &PasswordHash) -> Verdict {
        todo!()
    }
    /// Does the work of a verification for nobody; always `Mismatch`. (stub)
    pub fn verify_decoy(&self, _password: &Password) -> Verdict {
        todo!()
    }
    /// (stub)
    pub fn needs_rehash(&self, _hash: &PasswordHash) -> bool {
        todo!()
    }
}
