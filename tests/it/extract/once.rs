//! A token is verified once a request however many extractors ask, and never for a verifier or a header that it was not
//! verified for.

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::middleware::from_extractor_with_state;
use axum::routing::get;
use http::Request;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis::extract::{CurrentUser, Verified};
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::ManualClock;
use portcullis::token::{Algorithm, Presented, Revocations, SigningKey};
use portcullis::{Claims, TokenIssuer, TokenVerifier, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt as _;

#[derive(Serialize, Deserialize)]
struct Own {
    role: String,
}

/// Counts how often claims are read, and revokes nothing.
#[derive(Clone, Debug, Default)]
struct Readings(Arc<AtomicUsize>);

impl Revocations for Readings {
    fn is_revoked(&self, _: &Presented<'_>) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }
}

impl Readings {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Scene {
    key: SigningKey,
    clock: ManualClock,
    readings: Readings,
    token: String,
}

impl Scene {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let clock = ManualClock::default();
        let issuer = TokenIssuer::builder("iss", "aud", key.clone()).clock(clock.clone());
        let own = Own {
            role: "admin".into(),
        };
        let anna = UserId::new("anna").unwrap();
        let token = issuer.build().unwrap().issue_with(&anna, &own).unwrap();
        Self {
            key,
            clock,
            readings: Readings::default(),
            token: token.expose().to_owned(),
        }
    }

    fn verifier(&self, audience: &str) -> TokenVerifier {
        TokenVerifier::builder("iss", audience, self.key.verifying_key())
            .clock(self.clock.clone())
            .revocations(self.readings.clone())
            .build()
            .unwrap()
    }

    fn request(&self) -> Parts {
        let header = format!("Bearer {}", self.token);
        let request = Request::builder().header(AUTHORIZATION, header).body(());
        request.unwrap().into_parts().0
    }
}

async fn verified<E>(parts: &mut Parts, verifier: &TokenVerifier) -> Option<Arc<Claims<E>>>
where
    E: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let found = Verified::<E>::from_request_parts(parts, verifier).await;
    found.ok().map(|Verified(claims)| claims)
}

#[tokio::test]
async fn a_second_extractor_gets_the_claims_of_the_first() {
    let scene = Scene::new();
    let (verifier, mut parts) = (scene.verifier("aud"), scene.request());
    let one = verified::<Own>(&mut parts, &verifier).await.unwrap();
    let other = verified::<Own>(&mut parts, &verifier.clone())
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(scene.readings.count(), 1);
    // Another type is read anew, and is then what is there.
    let plain = verified::<()>(&mut parts, &verifier).await.unwrap();
    assert_eq!(plain.subject(), one.subject());
    verified::<()>(&mut parts, &verifier).await.unwrap();
    assert_eq!(scene.readings.count(), 2);
    // Another request begins anew.
    verified::<Own>(&mut scene.request(), &verifier)
        .await
        .unwrap();
    assert_eq!(scene.readings.count(), 3);
}

#[tokio::test]
async fn a_current_user_needs_no_reading_of_its_own() {
    let scene = Scene::new();
    let verifier = scene.verifier("aud");
    let state = State {
        users: MemoryStore::new(),
        verifier: verifier.clone(),
    };
    let mut parts = scene.request();
    verified::<Own>(&mut parts, &verifier).await.unwrap();
    // Nobody of this name is in the store: that it is asked is what counts.
    let user = CurrentUser::<MemoryStore>::from_request_parts(&mut parts, &state).await;
    assert!(user.is_err());
    assert_eq!(scene.readings.count(), 1);
}

#[derive(Clone)]
struct State {
    users: MemoryStore,
    verifier: TokenVerifier,
}

impl axum::extract::FromRef<State> for MemoryStore {
    fn from_ref(state: &State) -> Self {
        state.users.clone()
    }
}

impl axum::extract::FromRef<State> for TokenVerifier {
    fn from_ref(state: &State) -> Self {
        state.verifier.clone()
    }
}

#[tokio::test]
async fn what_one_verifier_found_good_counts_for_no_other() {
    let scene = Scene::new();
    let (good, other) = (scene.verifier("aud"), scene.verifier("another audience"));
    let mut parts = scene.request();
    for _ in 0..2 {
        assert!(verified::<Own>(&mut parts, &good).await.is_some());
        assert!(verified::<Own>(&mut parts, &other).await.is_none());
        assert!(verified::<()>(&mut parts, &other).await.is_none());
    }
    // Not even for one that says the same.
    let twin = scene.verifier("aud");
    let before = scene.readings.count();
    assert!(verified::<Own>(&mut parts, &twin).await.is_some());
    assert_eq!(scene.readings.count(), before + 1);
}

#[tokio::test]
async fn a_header_that_changed_meanwhile_is_verified_for_itself() {
    let scene = Scene::new();
    let (verifier, mut parts) = (scene.verifier("aud"), scene.request());
    let good = parts.headers[AUTHORIZATION].clone();
    assert!(verified::<Own>(&mut parts, &verifier).await.is_some());
    let (_, signature) = scene.token.rsplit_once('.').unwrap();
    for (value, more) in [
        (Some(format!("Bearer {}x", scene.token)), None),
        (Some(format!("Bearer x.x.{signature}")), None),
        (Some("Basic dTpw".into()), None),
        (Some(format!("Bearer {}", scene.token)), Some(good.clone())),
        (None, None),
    ] {
        parts.headers.remove(AUTHORIZATION);
        for value in value.iter().map(|v| v.parse().unwrap()).chain(more) {
            parts.headers.append(AUTHORIZATION, value);
        }
        assert!(verified::<Own>(&mut parts, &verifier).await.is_none());
        assert!(verified::<()>(&mut parts, &verifier).await.is_none());
    }
    parts.headers.remove(AUTHORIZATION);
    parts.headers.insert(AUTHORIZATION, good);
    assert!(verified::<Own>(&mut parts, &verifier).await.is_some());
}

#[tokio::test]
async fn a_guarded_router_and_its_handlers_share_one_verification() {
    let scene = Scene::new();
    let verifier = scene.verifier("aud");
    let router = Router::new()
        .route(
            "/",
            get(async |Verified(claims): Verified<Own>| claims.extra().role.clone()),
        )
        .route_layer(from_extractor_with_state::<Verified<Own>, _>(
            verifier.clone(),
        ))
        .with_state(verifier);
    let request = Request::from_parts(
        {
            let mut parts = scene.request();
            parts.uri = "/".parse().unwrap();
            parts
        },
        Body::empty(),
    );
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(scene.readings.count(), 1);
}
