//! Connections: how many, how long, and how they end. Everything a slow or silent client could hold is bounded here.

use crate::accept_error::AcceptError;
use crate::connection::Order;
use crate::connections::{Admitted, Connections};
use crate::limits::Limits;
use crate::log;
use crate::metrics::metrics;
use crate::transport::{ClientStream, RequestBody, ResponseBody};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::Response;
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
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// The largest head of a request that is buffered, in bytes. Longer addresses than 64 KiB are answered 414.
const MAX_HEAD: usize = 96 * 1024;

/// How long to wait after the operating system had no connection to give: if idle ones were closed, and if none was idle.
const AFTER_CLOSING: Duration = Duration::from_millis(10);
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// How long the head of a request may still arrive when its connection is to end.
const HEAD_GRACE: Duration = Duration::from_secs(1);

/// Serves until `stop` is ready, then lets the requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let (closing, closed) = watch::channel(false);
    let table = Connections::new(limits.connections);
    let mut connections = JoinSet::new();
    loop {
        // Accept first: a new connection is what makes the table close another one.
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let admitted = tokio::select! {
                    () = &mut stop => break,
                    admitted = table.admit(peer.ip()) => admitted,
                };
                let (app, closed) = (app.clone(), closed.clone());
                connections.spawn(serve_one(stream, peer, admitted, app, limits, closed));
            }
            Err(error) => {
                let closed_some = match AcceptError::of(&error) {
                    AcceptError::OfOneConnection => continue,
                    AcceptError::NoResources => table.close_some(),
                    AcceptError::Other => false,
                };
                // Without a pause the loop would meet the same error at once.
                let error = ErrorChain::new(&error).to_string();
                tracing::warn!(code = "accept", error, "no connection could be accepted");
                let pause = if closed_some {
                    AFTER_CLOSING
                } else {
                    AFTER_ACCEPT_ERROR
                };
                tokio::select! {
                    () = &mut stop => break,
                    () = sleep(pause) => {}
                }
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

type Answer = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

async fn serve_one(
    stream: TcpStream,
    peer: SocketAddr,
    admitted: Admitted,
    app: Router,
    limits: Limits,
    mut closed: watch::Receiver<bool>,
) {
    let _open = metrics().connection();
    let entry = &admitted.connection;
    // Answers are small; waiting to fill a packet would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let stream = ClientStream::new(stream, Arc::clone(entry), limits);
    let handled = Arc::clone(entry);
    let service = service_fn(move |request: hyper::Request<Incoming>| -> Answer {
        let in_flight = handled.begin();
        let mut request: Request =
            request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&handled))));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = app.clone().oneshot(request);
        Box::pin(async {
            let response = response.await?;
            Ok(response.map(|body| ResponseBody::new(body, in_flight)))
        })
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut too_old = pin!(sleep(limits.connection));
    let mut stopping = false;
    let (mut heads_end, mut give_up) = (pin!(sleep(Duration::MAX)), pin!(sleep(Duration::MAX)));
    let ended = loop {
        tokio::select! {
            // In this order, so that what has arrived is read before an idle connection is closed.
            biased;
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            order = entry.ordered() => match order {
                Order::Close | Order::CutOff => return,
                Order::Answer => {}
            },
            _ = closed.wait_for(|closed| *closed), if !stopping => {}
            () = &mut too_old, if !stopping => {}
            // hyper waits for the rest of a head. One that is complete by now is answered.
            () = &mut heads_end => {
                if entry.is_idle() {
                    return;
                }
                heads_end.set(sleep(Duration::MAX));
            }
            // Whoever does not read its last answer is not waited for.
            () = &mut give_up => return,
        }
        if !stopping {
            stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
            heads_end.set(sleep(HEAD_GRACE));
            give_up.set(sleep(limits.body.saturating_add(limits.shutdown)));
        }
    };
    if let Err(error) = ended {
        log::connection_failed(&error, peer);
    }
    let stream = connection.into_parts().io.into_inner().into_inner();
    entry.lingers();
    tokio::select! {
        () = linger(stream, limits) => {}
        _order = entry.ordered() => {}
    }
}

/// Reads what the client still sends, into nothing, for a moment, before the connection is let go.
///
/// A request whose body nobody wants is answered while the client still sends it. Closing then would make its
/// system throw our answer away (RFC 9112 §9.6); so it gets the time to read it. Nothing is kept, and what is read is
/// bounded in time and in bytes.
async fn linger(mut stream: TcpStream, limits: Limits) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut scrap = [0; 8 * 1024];
    let mut left = limits.linger_bytes;
    let drained = timeout(limits.linger, async {
        while left > 0 {
            match stream.read(&mut scrap).await {
                Ok(read) if read > 0 => left = left.saturating_sub(read),
                _ => return,
            }
        }
    });
    drop(drained.await);
}
