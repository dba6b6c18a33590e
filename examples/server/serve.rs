//! Connections: how many, how long, and how they end. Everything a slow or silent client could hold is bounded here.

use crate::config::Limits;
use crate::log;
use crate::metrics::metrics;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::time::Duration;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use portcullis::ErrorChain;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// The largest head of a request that is buffered, in bytes. Longer addresses than 64 KiB are answered 414.
const MAX_HEAD: usize = 96 * 1024;

/// How long to wait when the operating system has no more connections to give.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready, then lets the requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let (closing, closed) = watch::channel(false);
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        // A place first, then a connection: who finds no place waits in the operating system's queue.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (app, closed) = (app.clone(), closed.clone());
                connections.spawn(async move {
                    connection(stream, peer, app, limits, closed).await;
                    drop(place);
                });
            }
            Err(error) => {
                let error = ErrorChain::new(&error).to_string();
                tracing::warn!(code = "accept", error, "no connection could be accepted");
                sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping");
    closing.send_replace(true);
    let finished = timeout(limits.shutdown, async {
        while connections.join_next().await.is_some() {}
    });
    if finished.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "ended before they were done"
        );
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    limits: Limits,
    mut closed: watch::Receiver<bool>,
) {
    let _open = metrics().connection();
    // Answers are small; waiting to fill a packet would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| -> Answer {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(app.clone().oneshot(request))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut too_old = pin!(sleep(limits.connection));
    let (mut stopping, mut give_up) = (false, pin!(sleep(Duration::MAX)));
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            _ = closed.wait_for(|closed| *closed), if !stopping => {}
            () = &mut too_old, if !stopping => {}
            // Whoever does not read its last answer is not waited for.
            () = &mut give_up => return,
        }
        if !stopping {
            stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
            give_up.set(sleep(limits.body.saturating_add(limits.shutdown)));
        }
    };
    if let Err(error) = ended {
        log::connection_failed(&error, peer);
    }
    linger(connection.into_parts().io.into_inner(), limits.linger).await;
}

/// Reads what the client still sends, into nothing, for a moment, before the connection is let go.
///
/// A request whose body nobody wants is answered while the client still sends it. Closing then would make its
/// system throw our answer away (RFC 9112 §9.6); so it gets the time to read it. Nothing is kept.
async fn linger(mut stream: TcpStream, patience: Duration) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut scrap = [0; 8 * 1024];
    let drained = timeout(patience, async {
        while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
    });
    drop(drained.await);
}
