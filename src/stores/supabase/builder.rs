//! [`SupabaseStoreBuilder`]: where a project is, how its table is called, and how long to wait for it.

use super::client::Client;
use super::lookups::Lookups;
use super::schema::Name;
use super::{BuildError, Schema, SupabaseKey, SupabaseStore};
use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;
use http::HeaderValue;
use reqwest::Url;
use std::sync::Arc;

/// How long a connection may take, of the time a request has.
const CONNECT: Duration = Duration::from_secs(2);

/// A limit that clocks can add to any time.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How long a connection nobody uses is kept: less than what gateways keep it, so that none is found closed.
const IDLE: Duration = Duration::from_secs(30);

/// Puts a [`SupabaseStore`] together.
pub struct SupabaseStoreBuilder {
    url: String,
    key: SupabaseKey,
    schema: Schema,
    timeout: Duration,
    in_flight: NonZeroUsize,
    allows_http: bool,
}

impl SupabaseStoreBuilder {
    pub(super) fn new(url: String, key: SupabaseKey) -> Self {
        Self {
            url,
            key,
            schema: Schema::default(),
            timeout: Duration::from_secs(5),
            in_flight: NonZeroUsize::MIN.saturating_add(31),
            allows_http: false,
        }
    }

    /// Sets what schema, table and columns are called. Default: [`Schema::default`].
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// Sets how long one call may take, a wait for its turn and repeated reads included. Default: 5 seconds. More than
    /// an hour is an hour.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how many requests are in flight at one time; more wait for their turn. Default: 32.
    #[must_use]
    pub fn requests_in_flight(mut self, requests: NonZeroUsize) -> Self {
        self.in_flight = requests;
        self
    }

    /// Lets the service key travel in the clear, to a host other than this machine. Default: refused.
    ///
    /// For a Supabase of your own inside a network that nobody else is on.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.allows_http = true;
        self
    }

    /// Makes the store. Nothing is sent yet: see [`SupabaseStore::check`].
    ///
    /// TLS certificates are verified against the operating system's roots. Redirects are not followed, and no proxy
    /// is taken from the environment.
    ///
    /// # Errors
    /// [`BuildError`] says what of the configuration is wrong.
    pub fn build(self) -> Result<SupabaseStore, BuildError> {
        self.schema.check()?;
        let base = base(&self.url, self.allows_http)?;
        let in_flight = self.in_flight.get();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(in_flight)
            .build()
            .map_err(|_| BuildError::Client)?;
        let profile =
            HeaderValue::from_str(self.schema.name(Name::Schema)).map_err(|_| BuildError::Name)?;
        let client = Client::new(
            http,
            base,
            self.key.headers(),
            profile,
            in_flight,
            self.timeout,
        );
        Ok(SupabaseStore {
            lookups: Arc::new(Lookups::new(client, self.schema, self.timeout)),
        })
    }
}

/// `https://host[/prefix]/rest/v1/` of a project's URL. Supabase's own text ends without a slash, people's may not.
fn base(url: &str, allows_http: bool) -> Result<Url, BuildError> {
    let mut base = Url::parse(url.trim()).map_err(|_| BuildError::Url)?;
    let host = base.host_str().ok_or(BuildError::Url)?;
    let is_here = matches!(host, "localhost" | "[::1]")
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback());
    match base.scheme() {
        "https" => {}
        "http" if is_here || allows_http => {}
        "http" => return Err(BuildError::NotHttps),
        _ => return Err(BuildError::Url),
    }
    let is_plain = base.username().is_empty()
        && base.password().is_none()
        && base.query().is_none()
        && base.fragment().is_none();
    if !is_plain {
        return Err(BuildError::Url);
    }
    base.path_segments_mut()
        .map_err(|()| BuildError::Url)?
        .pop_if_empty()
        .extend(["rest", "v1"]);
    Ok(base)
}

/// Hides the key, and the address, which some put a password into.
impl fmt::Debug for SupabaseStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupabaseStoreBuilder")
            .field("schema", &self.schema)
            .field("timeout", &self.timeout)
            .field("requests_in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_address_is_https_or_this_machine() {
        for (url, expected) in [
            ("https://abc.supabase.co", "https://abc.supabase.co/rest/v1"),
            (
                " https://abc.supabase.co/\n",
                "https://abc.supabase.co/rest/v1",
            ),
            (
                "https://x.example/supabase/",
                "https://x.example/supabase/rest/v1",
            ),
            ("http://127.0.0.1:54321", "http://127.0.0.1:54321/rest/v1"),
            ("http://localhost:54321", "http://localhost:54321/rest/v1"),
            ("http://[::1]:54321", "http://[::1]:54321/rest/v1"),
        ] {
            assert_eq!(base(url, false).unwrap().as_str(), expected);
        }
        for url in [
            "http://abc.supabase.co",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
        ] {
            assert_eq!(base(url, false), Err(BuildError::NotHttps), "{url}");
            assert!(base(url, true).is_ok(), "{url}");
        }
        for url in [
            "",
            "abc.supabase.co",
            "ftp://abc.example",
            "https://user:pw@abc.example",
            "https://abc.example?x=y",
            "https://abc.example#x",
            "data:text/plain,x",
        ] {
            assert_eq!(base(url, true), Err(BuildError::Url), "{url}");
        }
    }
}
