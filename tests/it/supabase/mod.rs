//! The Supabase store on the real stack: promises, SQL, rows of other programs, counting of failures.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod calls;
mod crowd;
mod departures;
mod faults;
mod hostile;
mod keys;
mod legacy;
mod logs;
mod lookups;
mod lost;
mod migration;
mod outages;
mod retries;
mod secrecy;
mod throttle;
mod tls;
mod town;
mod upgrade;
mod wire;

use crate::stack::{Place, Stack};
use portcullis::directory::{NewUser, Page, UserDirectory as _};
use portcullis::stores::supabase::{Schema, SupabaseKey, SupabaseStore, SupabaseStoreBuilder};
use portcullis::test_util::conformance::{self, Broken};

/// The store of a place, under the default names.
pub(crate) fn store(place: &Place) -> SupabaseStore {
    store_of(place, Schema::default())
}

/// The store of a place, under these names.
pub(crate) fn store_of(place: &Place, schema: Schema) -> SupabaseStore {
    store_with(place, &place.service_key, schema)
}

fn store_with(place: &Place, key: &str, schema: Schema) -> SupabaseStore {
    SupabaseStore::builder(&place.url, SupabaseKey::new(key).unwrap())
        .schema(schema.schema(&place.schema))
        .build()
        .unwrap()
}

/// A store of this place, by way of this address.
fn builder_at(url: &str, place: &Place) -> SupabaseStoreBuilder {
    SupabaseStore::builder(url, SupabaseKey::new(&place.service_key).unwrap())
        .schema(Schema::default().schema(&place.schema))
}

async fn promises_kept_by(key: impl Fn(&Place) -> &str) -> Result<(), Broken> {
    let place = Stack::shared().place();
    conformance::user_directory(async || {
        place.sql("truncate users");
        let store = store_with(&place, key(&place), Schema::default());
        store.check().await.unwrap();
        store
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supabase_store_keeps_every_promise() -> Result<(), Broken> {
    promises_kept_by(|place| &place.service_key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_them_with_a_key_that_is_no_jwt() -> Result<(), Broken> {
    promises_kept_by(|place| &place.secret_key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_longer_than_the_servers_limit_of_rows_is_whole() {
    let place = Stack::shared().place();
    let store = store(&place);
    place.sql(
        "insert into users (email) select format('user%s@example.com', n) from generate_series(1, 1500) n",
    );
    let all = store.list(None, Page::new(0, 5000)).await.unwrap();
    assert_eq!((all.users.len(), all.total), (1500, 1500));
    let mut ids: Vec<&str> = all.users.iter().map(|user| user.id.as_str()).collect();
    // All were made at one time, so the order is by id.
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), 1500);
    let part = store.list(None, Page::new(400, 1050)).await.unwrap();
    assert_eq!(part.total, 1500);
    assert_eq!(part.users, all.users[400..1450]);
    let end = store.list(None, Page::new(1499, 5000)).await.unwrap();
    assert_eq!(end.users, all.users[1499..]);
}

#[tokio::test]
async fn a_default_of_a_column_applies_where_nothing_was_said() {
    let place = Stack::shared().place();
    place.sql("alter table users alter column role set default 'guest'");
    let store = store(&place);
    let email = "anna@example.com".parse().unwrap();
    let anna = store.create(NewUser::new(email)).await.unwrap();
    assert_eq!(anna.role.unwrap().as_str(), "guest");
}
