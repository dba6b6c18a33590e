//! All integration tests in one binary: one link step.
#![cfg(all(feature = "axum", feature = "sqlite", feature = "test-util"))]

mod autotraits;
mod bearer;
mod conformance;
mod email;
mod extract;
mod floors;
mod offload;
mod password;
mod refusal;
mod secrets;
mod server;
mod sign_in;
mod throttle;
mod token;
mod vectors;
