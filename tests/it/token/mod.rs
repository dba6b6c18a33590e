//! What a verifier accepts and refuses: one file for each class of tokens.
#![expect(
    clippy::format_collect,
    clippy::items_after_statements,
    reason = "short beats fast in tests"
)]

mod borrowed;
mod cache;
mod circle;
mod claims;
mod confusion;
mod differential;
mod forge;
mod format;
mod header;
mod issuing;
mod json;
mod keys;
mod keyset;
mod oracle;
mod own_claims;
mod refused;
mod secrets;
mod signature;
