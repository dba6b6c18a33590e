#![cfg(all(feature = "sqlite", feature = "test-util"))]
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]
#[path = "it/sqlite_throttle/mod.rs"]
mod sqlite_throttle;
