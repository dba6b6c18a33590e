//! What a verifier accepts and refuses: one file for each class of tokens.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod circle;
mod claims;
mod confusion;
mod forge;
mod format;
mod header;
mod issuing;
mod json;
mod keys;
mod keyset;
mod oracle;
mod signature;
