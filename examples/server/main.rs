//! The example server. (stub)
fn main() {}
