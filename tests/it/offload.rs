//! Hashing off the async threads, bounded.
