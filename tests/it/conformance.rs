//! The store suite, run on every store.
