//! What is counted and measured, for Prometheus. Off unless `METRICS_BIND` is set; counted all the same.
//!
//! No label holds what a stranger sent: each is one of a few words of ours, a route of the map, or a status.

mod labels;
mod serve;
mod store;

pub(crate) use labels::{method_name, route_name};
pub(crate) use serve::{bind, serve};
pub(crate) use store::MeasuredStore;

use crate::log::LostLines;
use labels::{Call, Class, Code, Outcome, Reason, Request, Route};
use portcullis::authenticator::HashQueueStatus;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::Ordering;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

/// Reads the state of the library's hash queue.
type HashQueue = Box<dyn Fn() -> HashQueueStatus + Send + Sync>;

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of this process.
pub(crate) fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

/// All of them. The README's table says what each means.
pub(crate) struct Metrics {
    registry: Registry,
    /// Panics, caught or not.
    pub(crate) panics: Counter,
    /// Sign-ins, callers and hashes that could not be decided because something of ours was down.
    pub(crate) undecided: Counter,
    /// Lines that were counted and not written.
    pub(crate) repeated_lines: Counter,
    sign_ins: Family<Outcome, Counter>,
    rehashes: Family<Outcome, Counter>,
    refusals: Family<Code, Counter>,
    requests: Family<Request, Counter>,
    request_seconds: Histograms<Route>,
    store_seconds: Histograms<Call>,
    store_failures: Family<Call, Counter>,
    hashes_waiting: Family<Class, Gauge>,
    hashes: Counter,
    hashes_running: Gauge,
    hash_queue: OnceLock<HashQueue>,
    connections: Gauge,
    connections_accepted: Counter,
    connections_failed: Family<Reason, Counter>,
    dropped_lines: Counter,
    dropped_lines_source: OnceLock<LostLines>,
}

/// From half a millisecond to 16 seconds.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Metrics {
    fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("portcullis"),
            panics: Counter::default(),
            undecided: Counter::default(),
            repeated_lines: Counter::default(),
            sign_ins: Family::default(),
            rehashes: Family::default(),
            refusals: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            store_seconds: Family::new_with_constructor(seconds),
            store_failures: Family::default(),
            hashes_waiting: Family::default(),
            hashes: Counter::default(),
            hashes_running: Gauge::default(),
            hash_queue: OnceLock::new(),
            connections: Gauge::default(),
            connections_accepted: Counter::default(),
            connections_failed: Family::default(),
            dropped_lines: Counter::default(),
            dropped_lines_source: OnceLock::new(),
        };
        all.register();
        all
    }

    fn register(&mut self) {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let registry = &mut self.registry;
        registry.register("build", "The version that runs", version);
        for (name, help, counter) in [
            ("panics", "Panics of the process", &self.panics),
            (
                "undecided",
                "Sign-ins and callers not decided: store or throttle down",
                &self.undecided,
            ),
            (
                "log_lines_repeated",
                "Log lines counted instead of written",
                &self.repeated_lines,
            ),
            (
                "log_lines_dropped",
                "Log lines lost to a slow reader or a failing output",
                &self.dropped_lines,
            ),
            ("hashes", "Password hashes begun", &self.hashes),
            (
                "connections_accepted",
                "Connections accepted",
                &self.connections_accepted,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register("sign_ins", "Sign-ins by outcome", self.sign_ins.clone());
        registry.register(
            "rehashes",
            "Outdated password hashes by outcome",
            self.rehashes.clone(),
        );
        registry.register("refusals", "Error answers by code", self.refusals.clone());
        registry.register(
            "requests",
            "Requests by method, route and status",
            self.requests.clone(),
        );
        registry.register(
            "store_failures",
            "Failed calls of the user store",
            self.store_failures.clone(),
        );
        registry.register(
            "hashes_waiting",
            "Password hashes that wait for a thread, by class",
            self.hashes_waiting.clone(),
        );
        registry.register(
            "hashes_running",
            "Password hashes under way",
            self.hashes_running.clone(),
        );
        registry.register(
            "connections",
            "Connections open now",
            self.connections.clone(),
        );
        registry.register(
            "connections_failed",
            "Connections that did not end in order, by reason",
            self.connections_failed.clone(),
        );
        let (requests, store) = (self.request_seconds.clone(), self.store_seconds.clone());
        let help = "Time to answer a request, by route";
        registry.register_with_unit("request", help, Unit::Seconds, requests);
        let help = "Time of a call of the user store";
        registry.register_with_unit("store", help, Unit::Seconds, store);
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        self.read_hash_queue();
        if let Some(source) = self.dropped_lines_source.get() {
            let dropped = u64::try_from(source.total()).unwrap_or(u64::MAX);
            self.dropped_lines.inner().store(dropped, Ordering::Relaxed);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Reads the state of the hash queue anew.
    fn read_hash_queue(&self) {
        let Some(status) = self.hash_queue.get().map(|status| status()) else {
            return;
        };
        let gauge = |waiting: usize| i64::try_from(waiting).unwrap_or(i64::MAX);
        self.hashes.inner().store(status.begun, Ordering::Relaxed);
        self.hashes_running.set(gauge(status.running));
        for (class, waiting) in [
            ("known", status.waiting_known),
            ("no_failures", status.waiting_no_failures),
            ("other", status.waiting_other),
        ] {
            let class = self.hashes_waiting.get_or_create(&Class { class });
            class.set(gauge(waiting));
        }
    }

    /// Takes the state of the hash queue from there.
    pub(crate) fn read_hash_queue_by(
        &self,
        status: impl Fn() -> HashQueueStatus + Send + Sync + 'static,
    ) {
        drop(self.hash_queue.set(Box::new(status)));
    }

    /// Takes the number of dropped lines from the log.
    pub(crate) fn count_dropped_lines_by(&self, lines: LostLines) {
        drop(self.dropped_lines_source.set(lines));
    }

    /// A sign-in ended so.
    pub(crate) fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }

    /// An outdated hash was replaced, or was not.
    pub(crate) fn rehash(&self, outcome: &'static str) {
        self.rehashes.get_or_create(&Outcome { outcome }).inc();
    }

    /// An answer with this error code.
    pub(crate) fn refusal(&self, code: &'static str) {
        self.refusals.get_or_create(&Code { code }).inc();
    }

    /// A request was answered.
    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        let seconds = self.request_seconds.get_or_create(&Route {
            route: route.clone(),
        });
        seconds.observe(took.as_secs_f64());
        self.requests
            .get_or_create(&Request {
                method,
                route,
                status,
            })
            .inc();
    }

    /// A call of the store ended.
    fn store_call(&self, call: &'static str, took: Duration, failed: bool) {
        self.store_seconds
            .get_or_create(&Call { call })
            .observe(took.as_secs_f64());
        if failed {
            self.store_failures.get_or_create(&Call { call }).inc();
        }
    }

    /// A connection is open while the value lives.
    pub(crate) fn connection(&'static self) -> OpenConnection {
        self.connections.inc();
        self.connections_accepted.inc();
        OpenConnection(self)
    }

    /// A connection ended, and not as HTTP wants it.
    pub(crate) fn connection_failed(&self, reason: &'static str) {
        self.connections_failed
            .get_or_create(&Reason { reason })
            .inc();
    }
}

/// See [`Metrics::connection`].
pub(crate) struct OpenConnection(&'static Metrics);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}
