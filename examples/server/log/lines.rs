//! Lines that are written from several places.

use crate::metrics::metrics;
use portcullis::ErrorChain;
use std::net::SocketAddr;

/// Says why the store can't be asked.
pub(crate) fn store_down(error: &(impl core::error::Error + 'static)) {
    let error = ErrorChain::new(error).to_string();
    tracing::error!(code = "store", error, "the store could not be asked");
}

/// Logs and counts the end of a connection that HTTP does not know.
pub(crate) fn connection_failed(error: &hyper::Error, peer: SocketAddr) {
    let code = code(error);
    metrics().connection_failed(code);
    // Not all of them have the same text, and some quote the system's: only the code tells them apart.
    let cause = ErrorChain::new(error).to_string();
    tracing::info!(code, source = %peer.ip(), cause, "connection failed");
}

/// A word for logs and metrics.
fn code(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        "head_too_large"
    } else if error.is_parse() {
        "not_http"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_incomplete_message() {
        "incomplete"
    } else {
        "broken"
    }
}
