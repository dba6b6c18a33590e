//! Guides: how to do one thing from beginning to end. Documentation only, no code.

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("sign-in-protection.md")]
pub mod sign_in_protection {}
