//! One open connection: what it does at the moment, and what it has been told.

use core::time::Duration;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// How long a connection is idle at least before it may be closed. The head of its first request is usually on its way.
const IDLE_GRACE: Duration = Duration::from_millis(50);

/// How long a body may be awaited once every connection has a request in flight.
const BODY_GRACE: Duration = Duration::from_secs(1);

/// One open connection, as its task and the table see it.
pub(crate) struct Connection {
    /// The peer's address; of IPv6 the /64 network, since one client usually has all of it.
    pub(crate) peer: IpAddr,
    state: Mutex<State>,
    told: Notify,
    /// Notified when this connection becomes idle.
    changed: Arc<Notify>,
}

struct State {
    activity: Activity,
    /// When the request in flight began, or, without one, when the connection became idle.
    since: Instant,
    /// Bytes of an answer wait until the client reads.
    unsent: bool,
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// No request: nothing of one has arrived, or not its whole head.
    Idle,
    /// A request waits for more of its body.
    Receiving,
    /// A request is being handled or answered.
    Busy,
    /// The last request is answered, and the client has a moment to read that.
    Lingering,
}

/// How the table has a connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// For one that is idle: close, unless a request has arrived meanwhile.
    Close,
    /// For one that waits for a request's body: answer without the rest of the body, and close.
    Answer,
}

/// A request in flight: from its complete head to the last byte of its answer's body.
pub(crate) struct InFlight(Arc<Connection>);

impl Connection {
    pub(crate) fn new(peer: IpAddr, changed: Arc<Notify>) -> Self {
        Self {
            peer: network(peer),
            state: Mutex::new(State {
                activity: Activity::Idle,
                since: Instant::now(),
                unsent: false,
                order: None,
            }),
            told: Notify::new(),
            changed,
        }
    }

    /// A request's head has arrived.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.set(Activity::Busy);
        InFlight(Arc::clone(self))
    }

    /// The request in flight waits for more of its body, or no longer does.
    pub(crate) fn receiving(&self, waits: bool) {
        let mut state = self.lock();
        if matches!(state.activity, Activity::Busy | Activity::Receiving) {
            state.activity = if waits {
                Activity::Receiving
            } else {
                Activity::Busy
            };
        }
    }

    /// Bytes of an answer wait until the client reads, or no longer do.
    pub(crate) fn unsent(&self, waits: bool) {
        let mut state = self.lock();
        state.unsent = waits;
        if state.activity == Activity::Idle {
            state.since = Instant::now();
            self.changed.notify_one();
        }
    }

    /// The last answer is given; the connection is open only for the client to read it.
    pub(crate) fn lingers(&self) {
        let mut state = self.lock();
        (state.activity, state.order) = (Activity::Lingering, None);
        self.changed.notify_one();
    }

    /// Returns the order, after what had arrived was read: one to close is void if that was a request.
    pub(crate) fn order(&self) -> Option<Order> {
        let mut state = self.lock();
        let is_idle = state.activity == Activity::Idle && !state.unsent;
        if state.order == Some(Order::Close) && !is_idle {
            state.order = None;
            self.changed.notify_one();
        }
        state.order
    }

    /// Whether the request in flight is to be answered without the rest of its body.
    pub(crate) fn must_answer(&self) -> bool {
        self.lock().order == Some(Order::Answer)
    }

    /// Whether it has no order to end.
    pub(crate) fn stays(&self) -> bool {
        self.lock().order.is_none()
    }

    /// Returns since when the order fits; `None` if it does not.
    pub(crate) fn fit_since(&self, order: Order, now: Instant) -> Option<Instant> {
        let state = self.lock();
        let grace = match (order, state.activity) {
            (Order::Close, Activity::Idle) => IDLE_GRACE,
            (Order::Close, Activity::Lingering) => Duration::ZERO,
            (Order::Answer, Activity::Receiving) => BODY_GRACE,
            _ => return None,
        };
        let fits =
            state.order.is_none() && !state.unsent && now.duration_since(state.since) >= grace;
        fits.then_some(state.since)
    }

    /// Tells the connection's task.
    pub(crate) fn tell(&self, order: Order) {
        self.lock().order = Some(order);
        self.told.notify_one();
    }

    /// Waits until the table gives an order.
    pub(crate) async fn told_to_end(&self) {
        self.told.notified().await;
    }

    fn set(&self, activity: Activity) {
        let mut state = self.lock();
        (state.activity, state.since) = (activity, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.set(Activity::Idle);
        self.0.changed.notify_one();
    }
}

/// The address, or of IPv6 the /64 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}
