//! One request to PostgREST: how many at a time, how long, how often, and how much of an answer is read.

use super::answer::{self, Answer};
use super::error::{Kind, SupabaseError};
use crate::error_chain::ErrorChain;
use core::error::Error as _;
use core::time::Duration;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// How long a read waits before its second and its third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// The connection to a project, for the life of the store.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://…/rest/v1/`.
    base: Url,
    /// Host and port of it, for errors.
    host: Arc<str>,
    /// The key's headers and the schema's.
    headers: HeaderMap,
    in_flight: Semaphore,
    requests_in_flight: usize,
    timeout: Duration,
}

/// What to ask. Values stand in the query by way of a URL builder only, secrets in the body only: addresses are logged.
pub(super) struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    prefer: Option<HeaderValue>,
    body: Option<Vec<u8>>,
    /// Nothing is changed by it, so it may be sent again if no answer came.
    is_read: bool,
}

impl<'a> Call<'a> {
    /// Reads rows.
    pub(super) fn read(table: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: Method::GET,
            path: table,
            query,
            prefer: None,
            body: None,
            is_read: true,
        }
    }

    /// Has the rows counted too.
    pub(super) fn counted(mut self) -> Self {
        self.prefer = Some(HeaderValue::from_static("count=exact"));
        self
    }

    /// Adds a row and gives it back.
    pub(super) fn insert(
        table: &'a str,
        query: &'a [(&'a str, &'a str)],
        row: &impl Serialize,
    ) -> Result<Self, SupabaseError> {
        Ok(Self {
            prefer: Some(HeaderValue::from_static("return=representation")),
            ..Self::function(table, query, row)?
        })
    }

    /// Calls a function of the database that changes something.
    pub(super) fn function(
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
        arguments: &impl Serialize,
    ) -> Result<Self, SupabaseError> {
        Ok(Self {
            method: Method::POST,
            path,
            query,
            prefer: None,
            body: Some(json(arguments)?),
            is_read: false,
        })
    }

    /// Calls a function of the database that only looks.
    pub(super) fn question(
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
        arguments: &impl Serialize,
    ) -> Result<Self, SupabaseError> {
        Ok(Self {
            is_read: true,
            ..Self::function(path, query, arguments)?
        })
    }

    /// Has it undone if it would change or give more than one row.
    pub(super) fn of_one_row(mut self) -> Self {
        self.prefer = Some(HeaderValue::from_static("handling=strict, max-affected=1"));
        self
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, SupabaseError> {
    // What is sent are texts and numbers, which always have a form in JSON.
    serde_json::to_vec(value).map_err(|_| SupabaseError::new(Kind::Row("what has no form in JSON")))
}

impl Client {
    pub(super) fn new(
        http: reqwest::Client,
        base: Url,
        mut headers: HeaderMap,
        schema: HeaderValue,
        in_flight: usize,
        timeout: Duration,
    ) -> Self {
        headers.insert(ACCEPT, JSON);
        headers.insert(ACCEPT_PROFILE, schema.clone());
        headers.insert(CONTENT_PROFILE, schema);
        let requests_in_flight = in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            http,
            host: host(&base),
            base,
            headers,
            in_flight: Semaphore::new(requests_in_flight),
            requests_in_flight,
            timeout,
        }
    }

    /// The most requests that are in flight at one time.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.requests_in_flight
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When a call that begins now must be over.
    pub(super) fn end(&self) -> Instant {
        // The builder keeps the limit below what the clock can tell.
        Instant::now()
            .checked_add(self.timeout)
            .unwrap_or_else(Instant::now)
    }

    /// Asks, waits, and asks again if that can do no harm; all within the time limit.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, SupabaseError> {
        self.send_until(call, self.end()).await
    }

    /// Lets an error say which host it is about.
    pub(super) fn named<T>(&self, result: Result<T, SupabaseError>) -> Result<T, SupabaseError> {
        result.map_err(|error| error.at(&self.host))
    }

    /// The same, for a call that has begun to wait before: until then.
    pub(super) async fn send_until(
        &self,
        call: Call<'_>,
        end: Instant,
    ) -> Result<Answer, SupabaseError> {
        self.named(self.send_in_time(call, end).await)
    }

    async fn send_in_time(&self, call: Call<'_>, end: Instant) -> Result<Answer, SupabaseError> {
        let _place: SemaphorePermit<'_> = timeout_at(end, self.in_flight.acquire())
            .await
            .ok()
            .and_then(Result::ok)
            // A place that comes free at the very end is none: nobody would wait for the answer.
            .filter(|_| Instant::now() < end)
            .ok_or(SupabaseError::new(Kind::Crowded))?;
        let mut pauses = PAUSES.iter();
        loop {
            let answered = timeout_at(end, self.attempt(&call))
                .await
                .unwrap_or(Err(SupabaseError::new(Kind::TimedOut(self.timeout))));
            match (answered, pauses.next()) {
                (Err(error), Some(pause)) if call.is_read && passes(&error) => {
                    let again = Instant::now().checked_add(*pause);
                    if again.is_none_or(|again| again >= end) {
                        return Err(error);
                    }
                    sleep(*pause).await;
                }
                (answered, _) => return answered,
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, SupabaseError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path.split('/'));
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
            // That writes a space as `+`, which not every reader of addresses takes for one.
            let query = url.query().unwrap_or_default().replace('+', "%20");
            url.set_query(Some(&query));
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .headers(self.headers.clone());
        if let Some(prefer) = &call.prefer {
            request = request.header(PREFER, prefer);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, JSON).body(body.clone());
        }
        let response = request.send().await.map_err(unreachable)?;
        answer::read(response, &self.host).await
    }
}

/// Whether the trouble may be over in a moment.
fn passes(error: &SupabaseError) -> bool {
    match &error.kind {
        Kind::Unreachable => true,
        // Not 429: whoever asks for fewer requests must not be sent more.
        Kind::Unavailable(status) | Kind::Misbehaved(status, _) => status.is_server_error(),
        _ => false,
    }
}

/// All that the connection said, without the URL.
pub(super) fn unreachable(error: reqwest::Error) -> SupabaseError {
    let error = error.without_url();
    // reqwest's own text says only that it was a request, or the body of an answer.
    let cause: &(dyn core::error::Error + 'static) = match error.source() {
        Some(cause) => cause,
        None => &error,
    };
    let cause = ErrorChain::new(cause).to_string();
    // What stands in quotes is somebody's word: the names in a certificate that is not for this host.
    let cause = cause.split('"').next().unwrap_or_default().trim_end();
    SupabaseError::unreachable(cause.to_owned())
}

fn host(base: &Url) -> Arc<str> {
    let host = base.host_str().unwrap_or_default();
    match base.port() {
        Some(port) => format!("{host}:{port}").into(),
        None => host.into(),
    }
}
