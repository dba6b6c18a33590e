//! The server: one route bare, and the same answer behind each way of checking the token.

use crate::contest::{All, Contest, Own, contest};
use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::routing::{MethodRouter, get};
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis::extract::{Permitted, Requirement, Verified};
use portcullis::token::Algorithm;
use portcullis::{Claims, TokenVerifier};
use std::hint::black_box;
use std::sync::Arc;

/// What every route answers.
pub(crate) const ANSWER: &str = "hello";

/// Where a route is, what it does, and of which algorithm its tokens are.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) algorithm: Algorithm,
}

const fn route(path: &'static str, name: &'static str, algorithm: Algorithm) -> Route {
    Route {
        path,
        name,
        algorithm,
    }
}

/// The first checks nothing.
pub(crate) const ROUTES: [Route; 8] = [
    route("/bare", "bare", Algorithm::Hs256),
    route("/hs256", "`Verified`, HS256", Algorithm::Hs256),
    route(
        "/hs256/cached",
        "`Verified`, HS256, with a cache",
        Algorithm::Hs256,
    ),
    route("/hs256/twice", "`Verified` twice, HS256", Algorithm::Hs256),
    route(
        "/hs256/permitted",
        "`Verified` and `Permitted`, HS256",
        Algorithm::Hs256,
    ),
    route(
        "/hs256/peer",
        "jsonwebtoken in an extractor, HS256",
        Algorithm::Hs256,
    ),
    route(
        "/es256/cached",
        "`Verified`, ES256, with a cache",
        Algorithm::Es256,
    ),
    route("/es256", "`Verified`, ES256", Algorithm::Es256),
];

/// Serves them, and tokens for them, as `axum::serve` does on a runtime of one thread.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let router = router();
        println!("listening on http://{}", listener.local_addr().unwrap());
        axum::serve(listener, router).await.unwrap();
    });
}

fn router() -> Router {
    let hs256 = Arc::new(contest(Algorithm::Hs256));
    let es256 = contest(Algorithm::Es256);
    let tokens = [&hs256.token, &es256.token].map(Clone::clone);
    let token = async move |Path(algorithm): Path<String>| {
        let [hs256, es256] = tokens;
        if algorithm == "HS256" { hs256 } else { es256 }
    };
    Router::new()
        .route("/token/{algorithm}", get(token))
        .route("/bare", get(async || ANSWER))
        .merge(with(&hs256.verifier, "/hs256", get(verified)))
        .merge(with(&hs256.caching, "/hs256/cached", get(verified)))
        .merge(with(&hs256.verifier, "/hs256/twice", get(twice)))
        .merge(with(&hs256.verifier, "/hs256/permitted", get(permitted)))
        .merge(with(&es256.caching, "/es256/cached", get(verified)))
        .merge(with(&es256.verifier, "/es256", get(verified)))
        .route("/hs256/peer", get(peer))
        .with_state(hs256)
}

/// A route whose state is the verifier.
fn with<S: Clone + Send + Sync + 'static>(
    verifier: &TokenVerifier,
    path: &str,
    handler: MethodRouter<TokenVerifier>,
) -> Router<S> {
    Router::new()
        .route(path, handler)
        .with_state(verifier.clone())
}

async fn verified(Verified(claims): Verified<Own>) -> &'static str {
    black_box(claims.subject());
    ANSWER
}

/// The second asker gets what the first one read.
async fn twice(Verified(one): Verified<Own>, Verified(other): Verified<Own>) -> &'static str {
    assert!(Arc::ptr_eq(&one, &other));
    black_box(one.subject());
    ANSWER
}

struct Administrator;

impl Requirement for Administrator {
    type Extra = Own;

    fn is_met(claims: &Claims<Own>) -> bool {
        claims.extra().role == "administrator"
    }
}

async fn permitted(
    Verified(one): Verified<Own>,
    Permitted(other): Permitted<Administrator>,
) -> &'static str {
    assert!(Arc::ptr_eq(&one, &other));
    black_box(one.subject());
    ANSWER
}

/// What one writes around `jsonwebtoken` by hand.
struct Peer(All);

impl FromRequestParts<Arc<Contest>> for Peer {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        contest: &Arc<Contest>,
    ) -> Result<Self, StatusCode> {
        let header = parts.headers.get(AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        let decoded = contest.peer_decode(token);
        Ok(Self(decoded.map_err(|_| StatusCode::UNAUTHORIZED)?.claims))
    }
}

async fn peer(Peer(claims): Peer) -> &'static str {
    black_box(&claims.sub);
    ANSWER
}
