//! What the program on Supabase writes to its log: why something failed, and nothing anybody could use.

mod reason;
mod secret;

use super::super::program::Program;
use super::super::raw::{Reply, ask, call, sign_in, token};
use super::super::site::Supabase;
use super::super::{NEW_PASSWORD, PASSWORD};
use crate::stack::Place;
use serde_json::json;
use std::net::SocketAddr;
use tempfile::TempDir;

/// Who asks.
const ADMIN: (&str, &str) = ("canary-login@example.com", "canary of the first admin");

/// The program on a place, and an administrator's `Authorization` and path.
struct Scene {
    program: Program,
    bearer: String,
    path: String,
}

impl Scene {
    fn new(place: &Place, more: &[(&str, &str)]) -> Self {
        let mut variables = vec![("ADMIN_EMAIL", ADMIN.0), ("ADMIN_PASSWORD", ADMIN.1)];
        variables.extend(Supabase::variables(place));
        variables.extend(more);
        let program = Program::start(TempDir::new().unwrap(), &[], &variables);
        let bearer = token(&sign_in(program.address, ADMIN.0, ADMIN.1));
        let me = call(program.address, "GET", "/users/me", &bearer, "").json();
        Self {
            path: format!("/users/{}", me["id"].as_str().unwrap()),
            program,
            bearer,
        }
    }

    fn address(&self) -> SocketAddr {
        self.program.address
    }

    /// A sign-in, then each route that asks the store, with what it asks for.
    fn round(&self) -> Vec<(&'static str, Reply)> {
        let address = self.address();
        let as_admin =
            |method: &str, path: &str, body: &str| call(address, method, path, &self.bearer, body);
        let new = json!({"email": "canary-new@example.com", "password": NEW_PASSWORD});
        let own = json!({"password": NEW_PASSWORD, "current_password": PASSWORD});
        let other = format!("/users/{}", super::super::ABSENT);
        vec![
            ("POST /token", sign_in(address, ADMIN.0, PASSWORD)),
            ("GET /readyz", ask(address, "GET", "/readyz", &[], "")),
            ("GET /users", as_admin("GET", "/users", "")),
            ("GET /users/{id}", as_admin("GET", &self.path, "")),
            ("GET /users/me", as_admin("GET", "/users/me", "")),
            ("POST /users", as_admin("POST", "/users", &new.to_string())),
            (
                "PATCH /users/{id}",
                as_admin("PATCH", &self.path, &own.to_string()),
            ),
            (
                "PATCH another",
                as_admin("PATCH", &other, r#"{"role":"member"}"#),
            ),
            ("DELETE another", as_admin("DELETE", &other, "")),
        ]
    }
}
