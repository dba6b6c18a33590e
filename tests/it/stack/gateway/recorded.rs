//! What a gateway noted of a request.

use hyper::Request;
use hyper::body::Bytes;
use hyper::http::HeaderMap;
use serde_json::Value;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// As sent, such as `/rest/v1/users`.
    pub(crate) path: String,
    /// As sent, without the question mark.
    pub(crate) raw_query: String,
    /// Decoded and sorted, to be compared as a multiset.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let raw_query = request.uri().query().unwrap_or_default();
        let mut query: Vec<(String, String)> = form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect();
        query.sort();
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            raw_query: raw_query.to_owned(),
            query,
            headers: request.headers().clone(),
            body: request.body().to_vec(),
        }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
