//! The Supabase store on a real stack.
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
mod logs;
mod lookups;
mod outages;
mod retries;
mod secrecy;
mod tls;
mod town;
mod wire;

use crate::stack::{Place, Stack};
use portcullis::stores::supabase::{Schema, SupabaseKey, SupabaseStore, SupabaseStoreBuilder};
use portcullis::test_util::conformance::{self, Broken};

pub(crate) fn store(place: &Place) -> SupabaseStore {
    builder_at(&place.url, place).build().unwrap()
}

/// A store of this place, by way of this address.
fn builder_at(url: &str, place: &Place) -> SupabaseStoreBuilder {
    SupabaseStore::builder(url, SupabaseKey::new(&place.service_key).unwrap())
        .schema(Schema::default().schema(&place.schema))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supabase_store_keeps_every_promise() -> Result<(), Broken> {
    let places = std::sync::Mutex::new(Vec::new());
    conformance::user_directory(async || {
        let place = Stack::shared().place();
        let store = store(&place);
        store.check().await.unwrap();
        places.lock().unwrap().push(place);
        store
    })
    .await
}
