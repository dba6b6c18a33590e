//! What holds for every answer, whatever route it comes from: request id, log line, headers, and the refusal of
//! requests that are ambiguous before they reach a route.

use crate::body::LARGEST;
use crate::error::ApiError;
use crate::metrics::{method_name, metrics, route_name};
use crate::state::AppState;
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis::directory::UserDirectory;
use std::hash::{BuildHasher as _, RandomState};
use std::net::Ipv6Addr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument as _;

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
    let source = state.client_address.of(&request);
    request.extensions_mut().insert(source);
    let is_token_endpoint = route.strip_prefix(state.base_path.as_str()) == Some("/token");
    let refusal = ambiguity(&request);
    // One that another reader took differently may go on where this one ended.
    let ends_connection =
        ends_connection(&request) || matches!(refusal, Some(ApiError::BadRequest(_)));

    // At the highest level, so that whichever lines are wanted say where they belong.
    let span = tracing::error_span!(
        "request",
        id,
        route = format!("{method} {route}"),
        source = source.0.map(tracing::field::display),
        caller = tracing::field::Empty
    );
    let unanswered = Unanswered(Some(span.clone()));
    let mut response = match refusal {
        Some(refusal) if is_token_endpoint => refusal.at_token_endpoint(),
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
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    // RFC 9112 §3.2: exactly one, except in HTTP/1.0.
    let is_clear = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if !is_clear {
        return Some(ApiError::BadRequest(
            "Exactly one valid Host header is required",
        ));
    }
    if let Some(refusal) = unknown_transfer_coding(headers) {
        return Some(refusal);
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

/// RFC 9112 §6.1: `chunked` is the only transfer coding there is here, and it is applied once.
fn unknown_transfer_coding(headers: &HeaderMap) -> Option<ApiError> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if is_chunked(first) && codings.next().is_none() {
        None
    } else {
        Some(ApiError::UnknownTransferCoding)
    }
}

/// RFC 9112 §3.2: `uri-host [ ":" port ]`, as RFC 3986 §3.2.2 spells them. Empty if the URI has no authority.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(value) = value.to_str() else {
        return false;
    };
    let (host, port) = match value.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((v6, rest)) if v6.parse::<Ipv6Addr>().is_ok() => ("", rest),
            _ => return false,
        },
        None => value.split_at(value.find(':').unwrap_or(value.len())),
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
    is_port && is_registered_name(host)
}

fn is_registered_name(host: &str) -> bool {
    let mut bytes = host.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !allowed {
            return false;
        }
    }
    true
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
