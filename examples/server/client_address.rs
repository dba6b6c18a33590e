//! The address a request came from: of the connection, or what our own proxies wrote about theirs.

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Once;
use tracing::field::display;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of a request's client, as far as it can be known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(pub(crate) Option<IpAddr>);

/// Finds out where requests come from.
#[derive(Debug)]
pub(crate) struct ClientAddress {
    trusted_proxy_hops: usize,
    warned: Once,
}

impl ClientAddress {
    pub(crate) const fn new(trusted_proxy_hops: usize) -> Self {
        Self {
            trusted_proxy_hops,
            warned: Once::new(),
        }
    }

    /// Reads the address of a request's client.
    ///
    /// Each proxy appends the address it saw to `X-Forwarded-For`, so only as many of the last entries can be believed
    /// as there are proxies of ours, and the first of those is the client. The client can forge all entries before it.
    /// An entry that is no address, or absent, leaves the address of the connection.
    pub(crate) fn of(&self, request: &Request) -> Source {
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip());
        let headers = request.headers();
        let Some(before_last) = self.trusted_proxy_hops.checked_sub(1) else {
            if headers.contains_key(X_FORWARDED_FOR) {
                self.warn_not_read(peer);
            }
            return Source(peer);
        };
        let Some(entry) = entries(headers).nth(before_last) else {
            if !is_probe(request) {
                self.warn_too_few(peer, entries(headers).count());
            }
            return Source(peer);
        };
        let entry = core::str::from_utf8(entry).ok();
        Source(entry.and_then(|entry| address(entry.trim())).or(peer))
    }

    /// Says once a start that the header is not read: clients can send it too, so it must not fill the log.
    fn warn_not_read(&self, peer: Option<IpAddr>) {
        self.warned.call_once(|| {
            let peer = peer.map(display);
            tracing::warn!(
                peer,
                "X-Forwarded-For is not read because TRUSTED_PROXY_HOPS is 0: if this peer is a proxy of yours, all its \
                 clients count as one address when sign-ins fail; set TRUSTED_PROXY_HOPS to the number of your proxies"
            );
        });
    }

    /// Says once a start that the proxies wrote less than they should, so that clients share the proxy's address, or can
    /// choose one by sending the entries that lack.
    fn warn_too_few(&self, peer: Option<IpAddr>, entries: usize) {
        self.warned.call_once(|| {
            let peer = peer.map(display);
            tracing::warn!(
                peer,
                entries,
                hops = self.trusted_proxy_hops,
                "X-Forwarded-For has fewer entries than TRUSTED_PROXY_HOPS: if this peer is a proxy of yours, its clients count \
                 as one address when sign-ins fail, or can choose theirs; set TRUSTED_PROXY_HOPS to the number of your \
                 proxies, each of which must append to the header"
            );
        });
    }
}

/// The entries of the header, the last one first. Bytes: what a client put into the first ones may be no text.
fn entries(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
}

/// Probes of supervisors do not come through the proxy.
fn is_probe(request: &Request) -> bool {
    let path = request.uri().path().trim_end_matches('/');
    path.ends_with("/healthz") || path.ends_with("/readyz")
}

/// An address alone or with a port; of IPv6 also in brackets, with or without one.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|entry| entry.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => entry
            .parse()
            .or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()))
            .ok(),
    }
}
