//! `GET /metrics`, on an address of its own: what it tells is for the operator, not for whoever reaches the server.

use super::metrics;
use crate::config::{ConfigError, Limits};
use crate::serve;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Scrapers at one time.
const CONNECTIONS: usize = 16;

/// Reads `METRICS_BIND`.
pub(crate) fn bind(text: Option<&str>) -> Result<Option<SocketAddr>, ConfigError> {
    let wrong = "METRICS_BIND must be an address and a port, such as 127.0.0.1:9000";
    let parsed = text.map(|text| text.trim().parse()).transpose();
    parsed.map_err(|_| ConfigError::new(wrong))
}

/// Begins to serve the metrics, until the runtime ends.
pub(crate) async fn serve(bind: SocketAddr, limits: Limits) -> Result<SocketAddr, ConfigError> {
    let failed = |error: std::io::Error| {
        ConfigError::new(format!("METRICS_BIND: can't listen on {bind}: {error}"))
    };
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let limits = Limits {
        connections: CONNECTIONS,
        ..limits
    };
    let app = Router::new().route("/metrics", get(scrape));
    let forever = std::future::pending();
    // Nobody waits for its end: the last scrape may still see how the server stops.
    drop(tokio::spawn(serve::serve(listener, app, limits, forever)));
    Ok(address)
}

async fn scrape() -> Response {
    match metrics().text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
