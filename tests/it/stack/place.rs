//! One test's part of the stack: a schema nobody else touches, and the way to it.

use super::gateway::Gateway;
use super::keys::{Keys, token};
use super::postgres::PATIENCE;
use super::{Cluster, Postrust, Session, Stack};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// A project as Supabase would give it: a URL, keys, and a schema.
///
/// Its gateway is its own, so that the faults and the records of one test never meet another test.
#[derive(Debug)]
pub(crate) struct Place {
    /// Without a slash at its end; `/rest/v1` lies below it.
    pub(crate) url: String,
    pub(crate) service_key: String,
    pub(crate) anon_key: String,
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
    pub(crate) schema: String,
    pub(crate) gateway: Gateway,
    cluster: Arc<Cluster>,
    postrust: Arc<Postrust>,
}

impl Place {
    pub(crate) fn new(stack: &Stack, schema: String) -> Self {
        let keys = Keys::of(&schema);
        let gateway = Gateway::start(stack.postrust.address(), keys.clone(), &schema);
        Self {
            url: gateway.url(),
            service_key: keys.service,
            anon_key: keys.anon,
            secret_key: keys.secret,
            publishable_key: keys.publishable,
            schema,
            gateway,
            cluster: Arc::clone(&stack.cluster),
            postrust: Arc::clone(&stack.postrust),
        }
    }

    /// Runs SQL as the superuser, the search path at this schema, and gives back the rows, one a line as `a|b`.
    pub(crate) fn sql(&self, text: &str) -> String {
        self.try_sql(text)
            .unwrap_or_else(|error| panic!("psql says: {error}"))
    }

    /// As [`Place::sql`], with psql's words on an error.
    pub(crate) fn try_sql(&self, text: &str) -> Result<String, String> {
        self.cluster.try_sql_in(&self.schema, text)
    }

    /// A connection that stays, as the superuser, the search path at this schema.
    pub(crate) fn session(&self) -> Session {
        self.cluster.session_in(&self.schema)
    }

    /// Makes what was created since the start known to the server, and waits until it is.
    pub(crate) fn reload(&self) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // The server tells nobody when it is done; a table it hasn't seen before does.
        let mark = format!("reload_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!(
            "create table {mark} (); notify pgrst, 'reload schema';"
        ));
        let started = Instant::now();
        while self.postrust.status(&format!("/{mark}"), &self.schema) == Some(404) {
            assert!(started.elapsed() < PATIENCE, "the schema is not reloaded");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.sql(&format!("drop table {mark};"));
    }

    /// A token as Supabase's sign-in gives one to a person.
    pub(crate) fn user_token(&self, sub: &str) -> String {
        token(&json!({
            "iss": format!("{}/auth/v1", self.url),
            "sub": sub,
            "role": "authenticated",
            "aud": "authenticated",
            "exp": 4_102_444_800_u64,
        }))
    }
}
