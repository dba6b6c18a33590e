//! What Supabase's gateway lets through, and what it makes of it.

use super::super::keys::Keys;
use super::full;
use axum::body::Body;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};

const APIKEY: HeaderName = HeaderName::from_static("apikey");
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

const NO_ROUTE: &str = r#"{"message":"no Route matched with those values"}"#;
const NO_KEY: &str = r#"{"message":"No API key found in request","hint":"No `apikey` request header or url param was found."}"#;
pub(super) const BAD_KEY: &str = r#"{"message":"Invalid API key","hint":"Double check your Supabase `anon` or `service_role` API key."}"#;
const IN_BROWSER: &str = r#"{"message":"Forbidden use of secret API key in browser","hint":"Secret API keys can only be used in a protected environment and should never be used in a browser. Delete this secret API key immediately."}"#;
/// The words of PostgREST, which is where such a key ends up as a bearer token.
const NO_JWT: &str =
    r#"{"code":"PGRST301","details":null,"hint":null,"message":"Expected 3 parts in JWT; got 1"}"#;

/// The request as it goes on to the REST server, or what the client gets instead.
pub(super) fn admit(
    mut request: Request<Bytes>,
    keys: &Keys,
    schema: &str,
) -> Result<Request<Bytes>, Box<Response<Body>>> {
    let target = request
        .uri()
        .path_and_query()
        .and_then(|target| target.as_str().strip_prefix("/rest/v1"))
        .filter(|rest| rest.starts_with('/'))
        .and_then(|rest| rest.parse().ok())
        .ok_or_else(|| Box::new(json(404, NO_ROUTE)))?;
    *request.uri_mut() = target;
    admit_key(&mut request, keys)?;
    choose_schema(&mut request, schema);
    for name in [
        APIKEY,
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        request.headers_mut().remove(name);
    }
    Ok(request)
}

/// A key of the old kind is a token and has to come as one too: without it the request is nobody's (role `anon`).
/// A key of the new kind is no token: the gateway puts one in its place.
fn admit_key(request: &mut Request<Bytes>, keys: &Keys) -> Result<(), Box<Response<Body>>> {
    let headers = request.headers();
    let mut given = headers.get_all(APIKEY).iter();
    let key = match (given.next(), given.next()) {
        (Some(key), None) => key.to_str().unwrap_or_default(),
        (None, _) => return Err(Box::new(json(401, NO_KEY))),
        (Some(_), Some(_)) => return Err(Box::new(json(401, BAD_KEY))),
    };
    let token = match key {
        _ if key == keys.service || key == keys.anon => None,
        _ if key == keys.secret => Some(&keys.service),
        _ if key == keys.publishable => Some(&keys.anon),
        _ => return Err(Box::new(json(401, BAD_KEY))),
    };
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if key == keys.secret
        && text(header::USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"))
    {
        return Err(Box::new(json(401, IN_BROWSER)));
    }
    match text(header::AUTHORIZATION) {
        Some(value) if value.contains("sb_") => {
            let mut refusal = Box::new(json(401, NO_JWT));
            refusal.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer error=\"invalid_token\""),
            );
            Err(refusal)
        }
        // A person's own token, or the old key again.
        Some(_) => Ok(()),
        None => {
            if let Some(token) = token {
                let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
                request.headers_mut().insert(header::AUTHORIZATION, value);
            }
            Ok(())
        }
    }
}

/// Leaves the one header that PostgREST reads for this method, as the server behind reads either; to a client that names no
/// schema its project's is the only one.
fn choose_schema(request: &mut Request<Bytes>, schema: &str) {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let (read, ignored) = if reads {
        (ACCEPT_PROFILE, CONTENT_PROFILE)
    } else {
        (CONTENT_PROFILE, ACCEPT_PROFILE)
    };
    let headers = request.headers_mut();
    headers.remove(ignored);
    headers
        .entry(read)
        .or_insert_with(|| HeaderValue::from_str(schema).unwrap());
}

/// An answer of the gateway's own.
pub(super) fn json(status: u16, body: &'static str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(full(body))
        .unwrap()
}
