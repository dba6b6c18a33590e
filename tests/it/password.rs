//! Hashing, verifying and choosing passwords.
