//! All integration tests in one binary: one link step.
#![cfg(all(
    feature = "axum",
    feature = "sqlite",
    feature = "supabase",
    feature = "test-util"
))]
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

mod autotraits;
mod bearer;
mod conformance;
mod email;
mod extract;
mod floors;
mod front_page;
mod guessable;
mod identifiers;
mod offload;
mod password;
mod refusal;
mod secrets;
mod server;
mod sign_in;
mod sqlite;
mod sqlite_readiness;
mod sqlite_throttle;
mod stack;
mod supabase;
mod throttle;
mod token;
mod vectors;

// The example server's own files, so that its router is tested without a socket and a test can hand it a faulty store.
// They refer to each other from the crate's root, hence this place.
#[path = "../../examples/server/accept_error.rs"]
mod accept_error;
#[path = "../../examples/server/app.rs"]
mod app;
#[path = "../../examples/server/audit.rs"]
mod audit;
#[path = "../../examples/server/body.rs"]
mod body;
#[path = "../../examples/server/client_address.rs"]
mod client_address;
#[path = "../../examples/server/command.rs"]
mod command;
#[path = "../../examples/server/config.rs"]
mod config;
#[path = "../../examples/server/connection.rs"]
mod connection;
#[path = "../../examples/server/connections.rs"]
mod connections;
#[path = "../../examples/server/docs.rs"]
mod docs;
#[path = "../../examples/server/edge.rs"]
mod edge;
#[path = "../../examples/server/error.rs"]
mod error;
#[path = "../../examples/server/form.rs"]
mod form;
#[path = "../../examples/server/guard.rs"]
mod guard;
#[path = "../../examples/server/json.rs"]
mod json;
#[path = "../../examples/server/keys.rs"]
mod keys;
#[path = "../../examples/server/limits.rs"]
mod limits;
#[path = "../../examples/server/log/mod.rs"]
mod log;
#[path = "../../examples/server/metrics/mod.rs"]
mod metrics;
#[path = "../../examples/server/openapi.rs"]
mod openapi;
#[path = "../../examples/server/policy.rs"]
mod policy;
#[path = "../../examples/server/query.rs"]
mod query;
#[path = "../../examples/server/routes/mod.rs"]
mod routes;
#[path = "../../examples/server/serve.rs"]
mod serve;
#[path = "../../examples/server/server_secret.rs"]
mod server_secret;
#[path = "../../examples/server/sign_in_throttle.rs"]
mod sign_in_throttle;
#[path = "../../examples/server/state.rs"]
mod state;
#[path = "../../examples/server/storage.rs"]
mod storage;
#[path = "../../examples/server/transport.rs"]
mod transport;
#[path = "../../examples/server/user_input.rs"]
mod user_input;

// What the README shows, to be run.
#[path = "../../examples/quick_start.rs"]
#[expect(
    dead_code,
    reason = "its `main` listens on a fixed port; the tests drive its router"
)]
mod quick_start;
