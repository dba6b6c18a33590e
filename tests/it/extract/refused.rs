//! Why a request was refused: to the verifier's observer once, on the rejection for the application, to the client never.

use super::world::text;
use axum::extract::{FromRef, FromRequestParts as _};
use axum::response::IntoResponse as _;
use http::Request;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis::authenticator::CurrentUserError;
use portcullis::bearer::BearerError;
use portcullis::event::{Event, Observer};
use portcullis::extract::{CurrentUser, Permitted, Rejection, Requirement, Verified};
use portcullis::token::{Algorithm, SigningKey, TokenError};
use portcullis::{Account, Claims, PasswordHash, TokenIssuer, TokenVerifier, UserId, UserStore};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug, Default)]
struct Refused(Arc<Mutex<Vec<TokenError>>>);

impl Observer for Refused {
    fn observe(&self, event: Event<'_>) {
        if let Event::TokenRefused { token } = event {
            self.0.lock().unwrap().push(token.error());
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("canary: the store's own words")]
struct Down;

/// A store that is down.
#[derive(Clone)]
struct Broken;

impl UserStore for Broken {
    type User = ();
    type Error = Down;
    async fn find_by_login(&self, _: &str) -> Result<Option<Account<()>>, Down> {
        Err(Down)
    }
    async fn find_by_id(&self, _: &UserId) -> Result<Option<Account<()>>, Down> {
        Err(Down)
    }
    async fn replace_password_hash(
        &self,
        _: &UserId,
        _: &PasswordHash,
        _: &PasswordHash,
    ) -> Result<bool, Down> {
        Err(Down)
    }
}

#[derive(Clone)]
struct State {
    store: Broken,
    verifier: TokenVerifier,
}

impl FromRef<State> for Broken {
    fn from_ref(state: &State) -> Self {
        state.store.clone()
    }
}

impl FromRef<State> for TokenVerifier {
    fn from_ref(state: &State) -> Self {
        state.verifier.clone()
    }
}

struct Nobody;

impl Requirement for Nobody {
    type Extra = ();
    fn is_met(_: &Claims) -> bool {
        false
    }
}

#[derive(serde::Deserialize)]
struct Staff {
    #[serde(rename = "role")]
    _role: String,
}

fn fixture() -> (State, Refused, String) {
    let refused = Refused::default();
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key());
    let verifier = verifier.observer(refused.clone()).build().unwrap();
    let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
    let token = issuer.issue(&UserId::new("anna").unwrap()).unwrap();
    let state = State {
        store: Broken,
        verifier,
    };
    (state, refused, token.expose().to_owned())
}

fn request(authorization: &str) -> Parts {
    let request = Request::builder().header(AUTHORIZATION, authorization);
    request.body(()).unwrap().into_parts().0
}

/// What each extractor says of the same request, one after the other.
async fn each(parts: &mut Parts, state: &State) -> [Rejection; 4] {
    [
        Verified::<()>::from_request_parts(parts, state)
            .await
            .err()
            .unwrap(),
        Verified::<Staff>::from_request_parts(parts, state)
            .await
            .err()
            .unwrap(),
        CurrentUser::<Broken>::from_request_parts(parts, state)
            .await
            .err()
            .unwrap(),
        Permitted::<Nobody>::from_request_parts(parts, state)
            .await
            .err()
            .unwrap(),
    ]
}

#[tokio::test]
async fn a_refused_token_is_reported_once_however_many_extractors_ask() {
    let (state, refused, token) = fixture();
    let mut parts = request(&format!("Bearer {token}x"));
    for rejection in each(&mut parts, &state).await {
        let cause = rejection.cause().and_then(|cause| cause.downcast_ref());
        assert_eq!(cause, Some(&TokenError::Signature));
    }
    assert_eq!(*refused.0.lock().unwrap(), [TokenError::Signature]);
    // The next request is another.
    each(&mut request("Bearer x"), &state).await;
    assert_eq!(
        *refused.0.lock().unwrap(),
        [TokenError::Signature, TokenError::Shape]
    );
}

#[tokio::test]
async fn claims_that_fit_one_extractor_and_not_another_are_reported_for_the_other() {
    let (state, refused, token) = fixture();
    let mut parts = request(&format!("Bearer {token}"));
    assert!(
        Verified::<Staff>::from_request_parts(&mut parts, &state)
            .await
            .is_err()
    );
    assert!(
        Verified::<()>::from_request_parts(&mut parts, &state)
            .await
            .is_ok()
    );
    assert_eq!(*refused.0.lock().unwrap(), [TokenError::OwnClaims]);
}

#[tokio::test]
async fn a_rejection_has_its_cause_and_shows_it_to_nobody() {
    let (state, refused, token) = fixture();
    let mut parts = request(&format!("Bearer {token}"));
    let current = CurrentUser::<Broken>::from_request_parts(&mut parts, &state).await;
    let rejection = current.err().unwrap();
    let cause = rejection.cause().unwrap();
    assert!(matches!(
        cause.downcast_ref(),
        Some(CurrentUserError::Unavailable(_))
    ));
    assert_eq!(
        cause.source().unwrap().to_string(),
        "canary: the store's own words"
    );
    assert_eq!(rejection.refusal().status(), 503);
    assert!(!format!("{rejection:?} {rejection:#?}").contains("canary"));
    let response = rejection.clone().into_response();
    assert!(!format!("{:?}", response.headers()).contains("canary"));
    assert!(!text(response).await.contains("canary"));

    let [missing, ..] = each(&mut request("Basic dTpw"), &state).await;
    let cause = missing.cause().and_then(|cause| cause.downcast_ref());
    assert_eq!(cause, Some(&BearerError::Missing));
    let permitted = Permitted::<Nobody>::from_request_parts(&mut parts, &state).await;
    assert!(permitted.err().unwrap().cause().is_none());
    assert_eq!(*refused.0.lock().unwrap(), []);
}
