//! The real stack under the tests of the Supabase store: PostgreSQL, a PostgREST-compatible server, and gateways before it that keep
//! Supabase's rules.
//!
//! It starts by itself at first use and ends with the process. What can't start fails the test; nothing is skipped.
//! It stands alone, so that a benchmark can take it in by `#[path]`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod gateway;
mod install;
mod keys;
mod leash;
mod place;
mod postgres;
mod postrust;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use gateway::{BAD_GATEWAY_HOST, Fault, Gateway, Recorded};
pub(crate) use keys::{Keys, token};
pub(crate) use place::Place;
pub(crate) use postgres::{Cluster, open_schema};
pub(crate) use postrust::Postrust;
pub(crate) use session::Session;

use core::fmt::Write as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use portcullis::stores::supabase::Schema;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};

/// The SQL that makes one schema what the tests need; it gets the schema's name, which is the search path as well.
pub(crate) type Migration = fn(schema: &str) -> String;

/// What every place of the shared stack, and of one's own, starts with.
pub(crate) const MIGRATION: Migration = |schema| {
    let schema = Schema::default().schema(schema);
    schema.migration().unwrap()
};

/// How many tests can have a place of the shared stack.
const PLACES: usize = 320;

/// PostgreSQL and the server before it. Its parts end in this order.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) postrust: Arc<Postrust>,
    pub(crate) cluster: Arc<Cluster>,
    places: usize,
    taken: AtomicUsize,
}

impl Stack {
    /// The one of this process. Whoever breaks it breaks other tests: see [`Stack::own`].
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Option<Stack>> = OnceLock::new();
        SHARED
            .get_or_init(|| catch_unwind(|| Self::start(PLACES, MIGRATION)).ok())
            .as_ref()
            .unwrap_or_else(|| {
                panic!("the stack did not start; the first test that needed it says why")
            })
    }

    /// One for a test that breaks things. It ends when dropped.
    pub(crate) fn own() -> Self {
        Self::start(4, MIGRATION)
    }

    /// A stack with this many places, each migrated; so is the schema `public`.
    pub(crate) fn start(places: usize, migration: Migration) -> Self {
        // First, since it can take minutes and nothing should idle meanwhile.
        let program = install::program();
        let cluster = Cluster::start();
        let mut schemas = vec![String::from("public")];
        schemas.extend((0..places).map(place_name));
        // In one run and before the server starts, since it reads the schemas once.
        let mut text = String::from("begin;\n");
        for schema in &schemas {
            if schema != "public" {
                writeln!(text, "create schema {schema};").unwrap();
                text += &open_schema(schema);
            }
            writeln!(text, "set search_path = {schema};\n{}", migration(schema)).unwrap();
        }
        // Without statistics of all these tables the server's queries on the catalogue take seconds.
        text += "commit;\nanalyze;\n";
        cluster.sql(&text);
        let postrust = Postrust::start(&program, &cluster, &schemas);
        Self {
            postrust: Arc::new(postrust),
            cluster: Arc::new(cluster),
            places,
            taken: AtomicUsize::new(0),
        }
    }

    /// The next schema nobody has used, behind a gateway of its own.
    pub(crate) fn place(&self) -> Place {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        assert!(
            number < self.places,
            "this stack has {} places",
            self.places
        );
        Place::new(self, place_name(number))
    }
}

fn place_name(number: usize) -> String {
    format!("place_{number}")
}
