//! A small application behind the extractors, and requests to it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::body::{Body, to_bytes};
use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, Response};
use portcullis::directory::{NewUser, UserChanges, UserDirectory};
use portcullis::extract::{CurrentUser, Permitted, Requirement, Verified};
use portcullis::test_util::ManualClock;
use portcullis::token::{Algorithm, SigningKey};
use portcullis::user::User;
use portcullis::{Claims, PasswordHash, TokenIssuer, TokenVerifier, UserStore};
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;

#[derive(Clone)]
pub(super) struct App<S> {
    pub(super) users: Users<S>,
    pub(super) tokens: TokenVerifier,
}

/// Stands for an application's own store type.
#[derive(Clone)]
pub(super) struct Users<S>(pub(super) S);

impl<S: UserStore> UserStore for Users<S> {
    type User = S::User;
    type Error = S::Error;
    async fn find_by_login(
        &self,
        login: &str,
    ) -> Result<Option<portcullis::Account<S::User>>, S::Error> {
        self.0.find_by_login(login).await
    }
    async fn find_by_id(
        &self,
        id: &portcullis::UserId,
    ) -> Result<Option<portcullis::Account<S::User>>, S::Error> {
        self.0.find_by_id(id).await
    }
    async fn replace_password_hash(
        &self,
        id: &portcullis::UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, S::Error> {
        self.0.replace_password_hash(id, old, new).await
    }
}

impl<S: Clone> FromRef<App<S>> for Users<S> {
    fn from_ref(app: &App<S>) -> Self {
        app.users.clone()
    }
}

impl<S> FromRef<App<S>> for TokenVerifier {
    fn from_ref(app: &App<S>) -> Self {
        app.tokens.clone()
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Staff {
    pub(super) role: String,
}

pub(super) struct Admin;

impl Requirement for Admin {
    type Extra = Staff;
    fn is_met(claims: &Claims<Staff>) -> bool {
        claims.extra().role == "admin"
    }
}

async fn verified(Verified(claims): Verified) -> String {
    claims.subject().to_string()
}
async fn own_claims(Verified(claims): Verified<Staff>) -> String {
    claims.extra().role.clone()
}
async fn maybe_verified(reader: Option<Verified>) -> String {
    reader.map_or("nobody".into(), |Verified(claims)| {
        claims.subject().to_string()
    })
}
async fn current<S: UserStore<User = User> + Clone>(
    CurrentUser(user): CurrentUser<Users<S>>,
) -> Json<String> {
    Json(user.email.into())
}
async fn maybe_current<S: UserStore<User = User> + Clone>(
    user: Option<CurrentUser<Users<S>>>,
) -> Json<String> {
    Json(user.map_or("nobody".into(), |CurrentUser(user)| user.email.into()))
}
async fn admin(Permitted(claims): Permitted<Admin>) -> String {
    claims.subject().to_string()
}

pub(super) const ROUTES: [&str; 6] = [
    "/verified",
    "/own",
    "/maybe",
    "/current",
    "/maybe-current",
    "/admin",
];

pub(super) struct World<S> {
    pub(super) users: S,
    pub(super) clock: ManualClock,
    pub(super) issuer: TokenIssuer,
    pub(super) verifier: TokenVerifier,
    router: Router,
    pub(super) anna: User,
}

impl<S: UserDirectory + Clone> World<S> {
    pub(super) async fn new(users: S) -> Self {
        let clock = ManualClock::default();
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let verifier = TokenVerifier::builder("issuer", "audience", key.verifying_key());
        let verifier = verifier.clock(clock.clone()).build().unwrap();
        let issuer = TokenIssuer::builder("issuer", "audience", key)
            .clock(clock.clone())
            .build()
            .unwrap();
        let app = App {
            users: Users(users.clone()),
            tokens: verifier.clone(),
        };
        let router = Router::new()
            .route("/verified", get(verified))
            .route("/own", get(own_claims))
            .route("/maybe", get(maybe_verified))
            .route("/current", get(current::<S>))
            .route("/maybe-current", get(maybe_current::<S>))
            .route("/admin", get(admin))
            .with_state(app);
        let mut new = NewUser::new("anna@example.com".parse().unwrap());
        new.password_hash = Some(PasswordHash::from_stored("$old"));
        let anna = users.create(new).await.unwrap();
        Self {
            users,
            clock,
            issuer,
            verifier,
            router,
            anna,
        }
    }

    /// A token that satisfies every route: of the role `admin`.
    pub(super) fn token(&self) -> String {
        self.token_of("admin")
    }

    pub(super) fn token_of(&self, role: &str) -> String {
        let own = Staff { role: role.into() };
        self.issuer
            .issue_with(&self.anna.id, &own)
            .unwrap()
            .expose()
            .to_owned()
    }

    pub(super) async fn change(&self, set: impl FnOnce(&mut UserChanges)) {
        let mut changes = UserChanges::default();
        set(&mut changes);
        self.users
            .update(None, &self.anna.id, changes, None)
            .await
            .unwrap();
    }

    pub(super) async fn get(&self, path: &str, authorization: &[&str]) -> Response<Body> {
        send(&self.router, "GET", path, authorization).await
    }

    pub(super) async fn bearer(&self, path: &str, token: &str) -> Response<Body> {
        self.get(path, &[&format!("Bearer {token}")]).await
    }
}

pub(super) async fn send(
    router: &Router,
    method: &str,
    path: &str,
    authorization: &[&str],
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for value in authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

pub(super) async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

pub(super) async fn expect(
    response: Response<Body>,
    status: u16,
    challenge: Option<&str>,
    detail: &str,
) {
    let header = |name| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let found = (
        response.status().as_u16(),
        header(WWW_AUTHENTICATE),
        header(CONTENT_TYPE),
    );
    let json = Some("application/json".to_owned());
    assert_eq!(found, (status, challenge.map(str::to_owned), json));
    assert_eq!(text(response).await, format!(r#"{{"detail":"{detail}"}}"#));
}

pub(super) async fn expect_invalid(response: Response<Body>) {
    let challenge = r#"Bearer error="invalid_token""#;
    expect(
        response,
        401,
        Some(challenge),
        "Could not validate credentials",
    )
    .await;
}

pub(super) async fn expect_unavailable(response: Response<Body>) {
    assert_eq!(response.headers()[RETRY_AFTER], "1");
    expect(response, 503, None, "Service temporarily unavailable").await;
}
