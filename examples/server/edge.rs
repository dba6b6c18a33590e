//! What holds for every answer, whatever route it comes from: request id, log line, headers, and the refusal of
//! requests that are ambiguous before they reach a route.

use crate::body::LARGEST;
use crate::error::ApiError;
use crate::metrics::{method_name, metrics, route_name};
use crate::state::AppState;
use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis::directory::UserDirectory;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument as _;

/// The address a request came from, as far as it can be known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(pub(crate) Option<IpAddr>);

/// Wraps every route, the fallbacks too.
pub(crate) async fn edge<S: UserDirectory>(
    State(state): State<AppState<S>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id();
    // The matched path, never the one that was asked for: that may hold anything, a token too.
    let matched = request.extensions().get::<MatchedPath>();
    let route = route_name(matched.map(MatchedPath::as_str)).to_owned();
    let method = method_name(request.method());
    let source = source(&request, state.trusted_proxy_hops);
    request.extensions_mut().insert(Source(source));
    let ends_connection = ends_connection(&request);

    // At the highest level, so that whichever lines are wanted say where they belong.
    let span = tracing::error_span!(
        "request",
        id,
        route = format!("{method} {route}"),
        source = source.map(tracing::field::display),
        caller = tracing::field::Empty
    );
    let unanswered = Unanswered(Some(span.clone()));
    let mut response = match ambiguity(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).instrument(span.clone()).await,
    };

    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    // Tokens and people's data are nobody's to keep; what may be kept says so itself.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if ends_connection {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    unanswered.over();
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics().request(method, &route, status, took);
    let milliseconds = took.as_secs_f64() * 1e3;
    span.in_scope(|| tracing::info!(status, milliseconds, "answered"));
    response
}

/// Says so when a client goes away before its answer: the future of its request is then dropped.
struct Unanswered(Option<tracing::Span>);

impl Unanswered {
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            metrics().refusal("client_gone");
            span.in_scope(|| tracing::info!(code = "client_gone", "not answered"));
        }
    }
}

/// Requests after which nothing more is read from the connection.
///
/// Of one with chunks, a proxy that believed a Content-Length beside them would take what follows for something else
/// (request smuggling, RFC 9112 §6.1): nothing follows. One that announces more than any route takes is not read at all.
fn ends_connection(request: &Request) -> bool {
    let announced = usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX);
    request.headers().contains_key(header::TRANSFER_ENCODING) || announced > LARGEST
}

/// Requests that two readers could understand in two ways.
fn ambiguity(request: &Request) -> Option<ApiError> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    // RFC 9112 §3.2: exactly one, except in HTTP/1.0.
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(ApiError::BadRequest("Exactly one Host header is required"));
    }
    // Some proxies decode an encoded slash, or drop a repeated one, before they decide who may pass, some don't. No path
    // of ours has either.
    let path = request.uri().path();
    let encoded = |three: &[u8]| three.eq_ignore_ascii_case(b"%2f");
    if path.contains("//") || path.as_bytes().windows(3).any(encoded) {
        return Some(ApiError::NoSuchRoute);
    }
    None
}

/// Where the request came from: the connection, or what our own proxies wrote about theirs.
///
/// Each proxy appends the address it saw to `X-Forwarded-For`; so of the list's end only as many entries as there
/// are proxies of ours can be believed, and the first of those is the client. All before it, the client can forge.
fn source(request: &Request, trusted_hops: usize) -> Option<IpAddr> {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip());
    match trusted_hops.checked_sub(1) {
        None => peer,
        Some(before_last) => forwarded_for(request.headers(), before_last).or(peer),
    }
}

fn forwarded_for(headers: &HeaderMap, before_last: usize) -> Option<IpAddr> {
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    let entry = lines
        .iter()
        .flat_map(|line| line.split(','))
        .rev()
        .nth(before_last)?
        .trim();
    entry
        .parse()
        .or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
}

/// An id of ours for each request: a counter behind a keyed hash, so that nobody reads our traffic from it.
fn request_id() -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{:016x}",
        KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
    )
}
