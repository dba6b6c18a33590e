//! What stands before the REST server in a Supabase project: it checks the API key and serves `/rest/v1` only.
//!
//! It also notes what arrives, and fails as gateways do, on demand.

mod door;
mod fault;
mod inside;
mod recorded;

pub(crate) use fault::{BAD_GATEWAY_HOST, Fault};
pub(crate) use recorded::Recorded;

use super::keys::Keys;
use axum::body::Body;
use core::convert::Infallible;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use fault::Plan;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use inside::Inside;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Threads of their own: a gateway outlives the runtime of the test that asks it, and one that waits holds no test up.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gateway")
        .enable_all()
        .build()
        .unwrap()
});

/// To the REST server, over connections that are kept. It knows no redirects and no proxies.
static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // The way up is plain HTTP on this machine.
        .tls_certs_only([])
        .build()
        .unwrap()
});

/// A gateway on a port of its own. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// `None` while stopped.
    serving: Mutex<Option<Serving>>,
}

/// The task that accepts and serves, and what ends it.
#[derive(Debug)]
struct Serving {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

/// What the serving side sees.
#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    keys: Keys,
    schema: String,
    arrived: AtomicUsize,
    inside: Inside,
    /// `None` while nothing is recorded.
    record: Mutex<Option<Vec<Recorded>>>,
    plan: Mutex<Plan>,
}

impl Gateway {
    /// A gateway of a project with these keys. A client that names no schema gets this one.
    pub(crate) fn start(upstream: SocketAddr, keys: Keys, schema: &str) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            keys,
            schema: schema.to_owned(),
            arrived: AtomicUsize::new(0),
            inside: Inside::default(),
            record: Mutex::new(None),
            plan: Mutex::new(Plan::default()),
        });
        let (address, serving) = serve(&shared, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Self {
            shared,
            address,
            serving: Mutex::new(Some(serving)),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Records from now on, and forgets what was recorded before.
    pub(crate) fn record(&self) {
        *hold(&self.shared.record) = Some(Vec::new());
    }

    /// What has arrived since [`Gateway::record`] or the last call, in this order; recording goes on.
    pub(crate) fn taken(&self) -> Vec<Recorded> {
        hold(&self.shared.record)
            .as_mut()
            .map(core::mem::take)
            .unwrap_or_default()
    }

    /// Records no longer, and forgets.
    pub(crate) fn stop_recording(&self) {
        *hold(&self.shared.record) = None;
    }

    /// How many requests have arrived, recorded or not; those refused or failed count too.
    pub(crate) fn arrived(&self) -> usize {
        self.shared.arrived.load(Ordering::SeqCst)
    }

    /// The most requests there were at one time, waiting or failing ones too.
    pub(crate) fn busiest(&self) -> usize {
        self.shared.inside.most()
    }

    /// Fails every request from now on. A new fault replaces the one before.
    pub(crate) fn fault(&self, fault: Fault) {
        hold(&self.shared.plan).set(fault, usize::MAX, None);
    }

    /// Fails the next requests, then works again.
    pub(crate) fn fault_next(&self, requests: usize, fault: Fault) {
        hold(&self.shared.plan).set(fault, requests, None);
    }

    /// Fails only such requests.
    pub(crate) fn fault_where(
        &self,
        fault: Fault,
        which: impl Fn(&Recorded) -> bool + Send + Sync + 'static,
    ) {
        hold(&self.shared.plan).set(fault, usize::MAX, Some(Box::new(which)));
    }

    /// Lets each request wait first; zero ends it.
    pub(crate) fn delay(&self, by: Duration) {
        hold(&self.shared.plan).delay = by;
    }

    /// No fault and no delay any more.
    pub(crate) fn mend(&self) {
        *hold(&self.shared.plan) = Plan::default();
    }

    /// Closes the listener and every open connection: new ones are refused from now on.
    pub(crate) fn stop(&self) {
        let Some(serving) = hold(&self.serving).take() else {
            return;
        };
        drop(serving.end);
        // No blocking wait of the runtime's own: those panic inside another runtime, where most tests are.
        while !serving.task.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Serves again on the same port.
    pub(crate) fn start_again(&self) {
        let (_, serving) = serve(&self.shared, self.address);
        *hold(&self.serving) = Some(serving);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A test that panicked must not take the gateway's other users with it.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens, and serves until it is told to end; connections end with it.
fn serve(shared: &Arc<Shared>, address: SocketAddr) -> (SocketAddr, Serving) {
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(shared);
    let (end, mut ended) = oneshot::channel();
    let task = RUNTIME.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    connections.spawn(connection(Arc::clone(&shared), stream));
                }
                Some(_) = connections.join_next() => {}
                _ = &mut ended => break,
            }
        }
        drop(listener);
        connections.shutdown().await;
    });
    (address, Serving { task, end })
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    drop(stream.set_nodelay(true));
    let service = hyper::service::service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { shared.answer(request).await }
    });
    // An error here is a client that went away, or a fault that closes the connection.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// Closes the connection without an answer: the server does that when a service fails.
#[derive(Debug, thiserror::Error)]
#[error("hung up")]
struct HungUp;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HungUp> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| HungUp)?.to_bytes();
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let _visit = self.inside.enter();
        let request = Request::from_parts(parts, body);
        if let Some(record) = hold(&self.record).as_mut() {
            record.push(Recorded::of(&request));
        }
        let (fault, delay) = hold(&self.plan).next(&request);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match fault {
            Some(Fault::LostAnswer) => {
                let answer = self.pass(request).await;
                // Carried out to its end, so that a test may look at once.
                drop(answer.into_body().collect().await);
                Err(HungUp)
            }
            Some(fault) => fault.answer().await,
            None => Ok(self.pass(request).await),
        }
    }

    /// Checks the request at the door and hands it to the REST server.
    async fn pass(&self, request: Request<Bytes>) -> Response<Body> {
        let request = match door::admit(request, &self.keys, &self.schema) {
            Ok(request) => request,
            Err(refusal) => return *refusal,
        };
        let url = format!("http://{}{}", self.upstream, request.uri());
        let (parts, body) = request.into_parts();
        let sent = CLIENT
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body)
            .send()
            .await;
        let Ok(mut answer) = sent else {
            return door::json(
                502,
                r#"{"message":"An invalid response was received from the upstream server"}"#,
            );
        };
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        *response.headers_mut() = core::mem::take(answer.headers_mut());
        for name in [
            hyper::header::CONNECTION,
            hyper::header::CONTENT_LENGTH,
            hyper::header::TRANSFER_ENCODING,
        ] {
            response.headers_mut().remove(name);
        }
        response.map(|()| Body::new(reqwest::Body::from(answer)))
    }
}

/// A body that is there at once.
fn full(text: impl Into<Bytes>) -> Body {
    Body::new(http_body_util::Full::new(text.into()).map_err(|never: Infallible| match never {}))
}
