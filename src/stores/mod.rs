//! Ready-made stores. Each is an adapter: nothing else of the crate knows them.

pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
