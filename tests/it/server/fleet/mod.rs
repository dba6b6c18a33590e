//! Several servers on one database, each a process of its own: what one of them does, the others know.

mod change;
mod crash;
mod race;
mod throttle;

use super::PASSWORD;
use super::program::Program;
use super::raw::{Reply, call, sign_in, token};
use super::site::Supabase;
use crate::stack::{Place, Stack};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Barrier;
use tempfile::TempDir;

/// Whom each server would create if nobody were there.
const ADMIN: (&str, &str) = ("root@example.com", "canary of the first admin");

/// Two servers on one database.
struct Fleet {
    // The servers end before what they stand on.
    a: Program,
    b: Program,
    place: Place,
}

/// A server on this place, in a directory of its own. All share key and first administrator.
fn server(place: &Place, more: &[(&str, &str)]) -> Program {
    let mut variables = vec![("ADMIN_EMAIL", ADMIN.0), ("ADMIN_PASSWORD", ADMIN.1)];
    variables.extend(Supabase::variables(place));
    variables.extend(more);
    Program::start(TempDir::new().unwrap(), &[], &variables)
}

impl Fleet {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[(&str, &str)]) -> Self {
        let place = Stack::shared().place();
        Self {
            a: server(&place, more),
            b: server(&place, more),
            place,
        }
    }

    /// Each way round: the server something is done through, and the one that has to know.
    fn both_ways(&self) -> [(SocketAddr, SocketAddr); 2] {
        let (a, b) = (self.a.address, self.b.address);
        [(a, b), (b, a)]
    }
}

/// The first administrator's `Authorization`, of this server's sign-in.
fn admin(server: SocketAddr) -> String {
    token(&sign_in(server, ADMIN.0, ADMIN.1))
}

/// Asks a server to create a user with [`PASSWORD`].
fn create(server: SocketAddr, admin: &str, email: &str, role: &str) -> Reply {
    let body = json!({"email": email, "password": PASSWORD, "role": role});
    call(server, "POST", "/users", admin, &body.to_string())
}

/// Creates a user and gives its path.
fn path_of_new(server: SocketAddr, admin: &str, email: &str, role: &str) -> String {
    let created = create(server, admin, email, role);
    assert_eq!(created.status, 201, "{}", created.body);
    created.header("location").unwrap().to_owned()
}

/// Does this once for each of these at the same moment, and gives what came of it in their order.
fn at_once<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let together = Barrier::new(all.len());
    std::thread::scope(|scope| {
        let (together, work) = (&together, &work);
        let started: Vec<_> = all
            .iter()
            .map(|one| {
                scope.spawn(move || {
                    together.wait();
                    work(one)
                })
            })
            .collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    })
}
