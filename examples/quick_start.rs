//! From a password to a protected handler: `cargo run --example quick_start --features axum`

use axum::Router;
use axum::extract::{ConnectInfo, Form, FromRef, State};
use axum::routing::{get, post};
use portcullis::directory::{NewUser, UserDirectory as _};
use portcullis::extract::{CurrentUser, Rejection};
use portcullis::stores::memory::MemoryStore;
use portcullis::token::{Algorithm, SigningKey};
use portcullis::{Authenticator, Credentials, TokenIssuer, TokenVerifier};
use std::net::SocketAddr;

#[derive(Clone)]
struct App {
    users: MemoryStore, // or your own `UserStore`
    authenticator: Authenticator<MemoryStore>,
    issuer: TokenIssuer,
    verifier: TokenVerifier,
}

impl FromRef<App> for MemoryStore {
    fn from_ref(app: &App) -> Self {
        app.users.clone()
    }
}

impl FromRef<App> for TokenVerifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

#[derive(serde::Deserialize)]
struct SignIn {
    username: String,
    password: String,
}

async fn token(
    State(app): State<App>,
    // Behind a reverse proxy: the client's address from the header that your proxy writes.
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    Form(form): Form<SignIn>,
) -> Result<String, Rejection> {
    let credentials = Credentials::new(form.username, form.password).source(client.ip());
    let signed_in = app.authenticator.sign_in(credentials).await?;
    Ok(app.issuer.issue(&signed_in)?.expose().to_owned())
}

async fn me(CurrentUser(user): CurrentUser<MemoryStore>) -> String {
    format!("hello {}", user.email)
}

pub(crate) async fn app(secret: &[u8]) -> Result<Router, Box<dyn std::error::Error>> {
    let users = MemoryStore::new();
    let authenticator = Authenticator::builder(users.clone()).build()?;
    let mut anna = NewUser::new("anna@example.com".parse()?);
    let password = "correct horse battery staple".into();
    anna.password_hash = Some(authenticator.hash_password(password).await?);
    users.create(anna).await?;

    let key = SigningKey::from_secret(Algorithm::Hs256, secret)?;
    let (iss, aud) = ("https://auth.example", "https://api.example");
    let verifier = TokenVerifier::builder(iss, aud, key.verifying_key()).build()?;
    let issuer = TokenIssuer::builder(iss, aud, key).build()?;
    let state = App {
        users,
        authenticator,
        issuer,
        verifier,
    };
    Ok(Router::new()
        .route("/token", post(token))
        .route("/me", get(me))
        .with_state(state))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // No default: a server with a known key is open to everybody.
    let secret = std::env::var("SECRET_KEY").map_err(|_| "set SECRET_KEY to 32 bytes or more")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    let app = app(secret.as_bytes()).await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, app).await?)
}
