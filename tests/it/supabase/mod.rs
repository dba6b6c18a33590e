//! The Supabase store on a real stack.
use crate::stack::{Place, Stack};
use portcullis::stores::supabase::{Schema, SupabaseKey, SupabaseStore};
use portcullis::test_util::conformance::{self, Broken};

pub(crate) fn store(place: &Place) -> SupabaseStore {
    SupabaseStore::builder(&place.url, SupabaseKey::new(&place.service_key).unwrap())
        .schema(Schema::default().schema(&place.schema))
        .build()
        .unwrap()
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
