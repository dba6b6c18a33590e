//! The order and the equality of sign-in.
