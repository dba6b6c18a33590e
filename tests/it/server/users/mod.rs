//! `/users`: the contract's tables 1.4 to 1.8, line by line, on each store.

mod change;
mod create;
mod delete;
pub(crate) mod hostile;
mod list;
mod read;
