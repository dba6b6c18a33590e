//! The stores the HTTP contract is kept on, and how one test runs on each of them.
//!
//! A promise is written once, as `async fn a_promise(site: impl Site)`, and named in the file's `on_each_store!`,
//! which makes of it the tests `a_promise::memory`, `a_promise::sqlite` and so on. The compiler calls a promise that
//! is not named there dead code, so none is forgotten.

use super::{Town, config};
use crate::sign_in_throttle::SignInThrottle;
use crate::stack::{Place, Stack};
use crate::storage::Storage;
use core::any::Any;
use portcullis::directory::UserDirectory;
use portcullis::stores::memory::MemoryStore;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::SupabaseStore;

macro_rules! on_each_store {
    ($($promise:ident),+ $(,)?) => {$(
        mod $promise {
            $crate::server::site::on_each_store!(@ memory: $promise, Memory);
            $crate::server::site::on_each_store!(@ sqlite: $promise, Sqlite);
            $crate::server::site::on_each_store!(@ supabase: $promise, Supabase);
        }
    )+};
    (@ $name:ident: $promise:ident, $site:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            super::$promise($crate::server::site::$site).await;
        }
    };
}
pub(crate) use on_each_store;

/// What a store lives in: a folder, a schema. It goes when this value does.
pub(crate) type Home = Box<dyn Any + Send>;

/// Where towns stand: on a kind of store, each on a fresh one.
pub(crate) trait Site {
    type Store: UserDirectory + Clone;

    /// Whether the store itself writes the times, as text of one width, or passes on what a database says.
    const WRITES_TIMES: bool = true;

    /// A store that holds nobody, and its home.
    async fn store(&self) -> (Self::Store, Home);

    /// A town on a fresh store, with these variables on top of the least configuration.
    async fn town(&self, variables: &[(&str, &str)]) -> Town<Self::Store> {
        let (store, home) = self.store().await;
        let mut town = Town::with(store, &config(variables)).await;
        town.home = home;
        town
    }
}

/// A [`MemoryStore`].
#[derive(Debug)]
pub(crate) struct Memory;

impl Site for Memory {
    type Store = MemoryStore;

    async fn store(&self) -> (MemoryStore, Home) {
        (MemoryStore::new(), Box::new(()))
    }
}

/// A [`SqliteStore`] in a file of its own, opened as the server opens it: failures are counted there too.
#[derive(Debug)]
pub(crate) struct Sqlite;

impl Site for Sqlite {
    type Store = SqliteStore;

    async fn store(&self) -> (SqliteStore, Home) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("users.db")).await;
        (store.unwrap(), Box::new(folder))
    }

    async fn town(&self, variables: &[(&str, &str)]) -> Town<SqliteStore> {
        let (store, home) = self.store().await;
        let mut config = config(variables);
        config.throttle = SignInThrottle::sqlite(&store, &config.server_secret);
        let mut town = Town::with(store, &config).await;
        town.home = home;
        town
    }
}

/// A [`SupabaseStore`] on a schema of the real stack, wired as the server wires it: failures are counted there too.
#[derive(Debug)]
pub(crate) struct Supabase;

impl Supabase {
    /// The variables that make the server run on this place.
    pub(crate) fn variables(place: &Place) -> [(&'static str, &str); 3] {
        [
            ("SUPABASE_URL", &place.url),
            ("SUPABASE_KEY", &place.service_key),
            ("SUPABASE_SCHEMA", &place.schema),
        ]
    }

    /// The store that the server would open with them.
    fn open(place: &Place) -> SupabaseStore {
        match config(&Self::variables(place)).storage {
            Storage::Supabase(store) => store,
            other => panic!("the server would run on {other:?}"),
        }
    }
}

impl Site for Supabase {
    type Store = SupabaseStore;

    const WRITES_TIMES: bool = false;

    async fn store(&self) -> (SupabaseStore, Home) {
        let place = Stack::shared().place();
        (Self::open(&place), Box::new(place))
    }

    async fn town(&self, variables: &[(&str, &str)]) -> Town<SupabaseStore> {
        let place = Stack::shared().place();
        let mut all = variables.to_vec();
        all.extend(Self::variables(&place));
        let mut town = Town::with(Self::open(&place), &config(&all)).await;
        town.home = Box::new(place);
        town
    }
}
