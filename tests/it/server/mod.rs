//! The example server: its router in-process, over real sockets, and as a process.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod ambiguous;
mod bodies;
mod caller;
mod client_address;
mod config;
mod connections;
mod edge;
mod faulty;
mod first;
mod fleet;
mod forged;
mod forms;
mod hanging_up;
mod held;
mod http;
mod log;
mod observe;
mod openapi;
mod operations;
mod orders;
mod policy;
mod process;
pub(crate) mod program;
pub(crate) mod raw;
mod ready;
mod server_secret;
mod sign_in_protection;
pub(crate) mod site;
mod slow_readers;
mod socket;
mod start;
mod supabase;
mod texts;
mod token;
pub(crate) mod users;
mod written;

use crate::app;
use crate::config::Config;
use crate::state::AppState;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use portcullis::PasswordHasher;
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::password::Password;
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::cheap_hash_params;
use portcullis::user::{Role, TenantId, User};
use serde_json::Value;
use site::Home;
use tower::ServiceExt as _;

pub(crate) const SECRET: &str = "canary-secret-key-0123456789-0123456789-abc";
pub(crate) const PASSWORD: &str = "canary horse battery staple";
pub(crate) const NEW_PASSWORD: &str = "canary of quite another feather";

/// The two tenants. UUIDs, since a table may want nothing else.
pub(crate) const RED: &str = "4ed00000-0000-4000-8000-000000000001";
pub(crate) const BLUE: &str = "b10e0000-0000-4000-8000-000000000002";

/// The id of nobody.
pub(crate) const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// The server's router over a store with three users in tenant [`RED`] and two in tenant [`BLUE`].
pub(crate) struct Town<S = MemoryStore> {
    pub(crate) router: Router,
    pub(crate) store: S,
    pub(crate) anna: User,
    pub(crate) max: User,
    pub(crate) nobody: User,
    pub(crate) bea: User,
    pub(crate) ben: User,
    /// Held until the town is gone, not looked at.
    home: Home,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Type and place of each problem of a 422.
    pub(crate) fn problems(&self) -> Vec<(String, Value)> {
        let json = self.json();
        let detail = json["detail"].as_array().cloned().unwrap_or_default();
        detail
            .iter()
            .map(|problem| {
                let kind = problem["type"].as_str().unwrap_or_default().to_owned();
                (kind, problem["loc"].clone())
            })
            .collect()
    }
}

pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let mut all = vec![("SECRET_KEY", SECRET)];
    all.extend(variables);
    Config::read(false, |name| {
        let found = all.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::with(MemoryStore::new(), &config(&[])).await
    }
}

impl<S: UserDirectory + Clone> Town<S> {
    pub(crate) async fn with(store: S, config: &Config) -> Self {
        let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
        let state = AppState::new(store.clone(), hasher.clone(), config).unwrap();
        let add = async |name: &str, role: Option<&str>, tenant: &str| {
            let mut new = NewUser::new(format!("{name}@example.com").parse().unwrap());
            new.role = role.map(|role| Role::new(role).unwrap());
            new.tenant_id = Some(TenantId::new(tenant).unwrap());
            new.password_hash = Some(hasher.hash(&Password::new(PASSWORD)).unwrap());
            store.create(new).await.map_err(|_| ()).unwrap()
        };
        Self {
            anna: add("anna", Some("admin"), RED).await,
            max: add("max", Some("member"), RED).await,
            nobody: add("nobody", None, RED).await,
            bea: add("bea", Some("admin"), BLUE).await,
            ben: add("ben", Some("member"), BLUE).await,
            router: app::router(state, config),
            store,
            home: Box::new(()),
        }
    }
}

impl<S> Town<S> {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str) -> Answer {
        self.send(request(method, path, token, None)).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        self.send(request(method, path, token, Some(body))).await
    }

    pub(crate) async fn form(&self, body: &str) -> Answer {
        self.send(form(body)).await
    }

    /// A token of the user with this password.
    pub(crate) async fn token_with(&self, user: &User, password: &str) -> String {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", user.email.as_str())
            .append_pair("password", password)
            .finish();
        let answer = self.form(&form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn token(&self, user: &User) -> String {
        self.token_with(user, PASSWORD).await
    }
}

pub(crate) fn request(method: &str, path: &str, token: &str, json: Option<&str>) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header(header::HOST, "test");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if json.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request
        .body(Body::from(json.unwrap_or_default().to_owned()))
        .unwrap()
}

/// A sign-in.
pub(crate) fn form(body: &str) -> Request<Body> {
    Request::post("/token")
        .header(header::HOST, "test")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}
