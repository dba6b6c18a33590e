//! (stub)
use super::{Password, PolicyError};

/// (stub)
#[derive(Clone, Debug, Default)]
pub struct PasswordPolicy {}

impl PasswordPolicy {
    /// (stub)
    pub fn min_length(&self) -> usize {
        todo!()
    }
    /// (stub)
    pub fn max_length(&self) -> usize {
        todo!()
    }
    /// Checks a password somebody wants to set; `context` are words about the person: its e-mail address, its name. (stub)
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn check(&self, _password: &Password, _context: &[&str]) -> Result<(), PolicyError> {
        todo!()
    }
}
