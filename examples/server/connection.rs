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

/// How long bytes of an answer may wait for the client once every connection is taken.
const UNSENT_GRACE: Duration = Duration::from_secs(1);

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
    /// Since when an answer waits until the client reads. A part that is sent does not end the wait: else a client
    /// that reads a trickle would hold the connection.
    unsent_since: Option<Instant>,
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
    /// For one whose client reads its answer slowly: close, unless all of it has been sent meanwhile.
    CutOff,
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
                unsent_since: None,
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

    /// An answer waits until the client reads.
    pub(crate) fn unsent(&self) {
        self.lock().unsent_since.get_or_insert_with(Instant::now);
    }

    /// No part of an answer waits any longer.
    pub(crate) fn sent(&self) {
        let mut state = self.lock();
        state.unsent_since = None;
        if state.activity == Activity::Idle {
            state.since = Instant::now();
            self.changed.notify_one();
        }
    }

    /// The last answer is given; the connection is open only for the client to read it.
    pub(crate) fn lingers(&self) {
        let mut state = self.lock();
        state.activity = Activity::Lingering;
        (state.unsent_since, state.order) = (None, None);
        self.changed.notify_one();
    }

    /// Whether no request is in flight and no answer waits for the client.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// Whether the request in flight is to be answered without the rest of its body.
    pub(crate) fn must_answer(&self) -> bool {
        self.lock().order == Some(Order::Answer)
    }

    /// Whether it has no order to end.
    pub(crate) fn stays(&self) -> bool {
        self.lock().order.is_none()
    }

    /// Returns the order that fits, and since when it does. Only where the table is full may it concern a request in flight.
    pub(crate) fn fitting_order(&self, is_full: bool, now: Instant) -> Option<(Order, Instant)> {
        let state = self.lock();
        let (order, since, grace) = match (state.activity, state.unsent_since) {
            (_, Some(since)) if is_full => (Order::CutOff, since, UNSENT_GRACE),
            (Activity::Receiving, None) if is_full => (Order::Answer, state.since, BODY_GRACE),
            (Activity::Idle, None) => (Order::Close, state.since, IDLE_GRACE),
            (Activity::Lingering, None) => (Order::Close, state.since, Duration::ZERO),
            _ => return None,
        };
        let fits = state.order.is_none() && now.duration_since(since) >= grace;
        fits.then_some((order, since))
    }

    /// Tells the connection's task.
    pub(crate) fn tell(&self, order: Order) {
        self.lock().order = Some(order);
        self.told.notify_one();
    }

    /// Waits until the table gives an order, and returns it if it still holds after what had arrived was read.
    pub(crate) async fn ordered(&self) -> Order {
        loop {
            // May wake for an order that was obeyed before anybody waited here.
            self.told.notified().await;
            if let Some(order) = self.valid_order() {
                return order;
            }
        }
    }

    /// Drops an order that the connection has outrun: one to close by a request, one to cut off by a client that has read.
    fn valid_order(&self) -> Option<Order> {
        let mut state = self.lock();
        let is_valid = match state.order? {
            Order::Close => state.is_idle() || state.activity == Activity::Lingering,
            Order::CutOff => state.unsent_since.is_some(),
            Order::Answer => true,
        };
        if !is_valid {
            state.order = None;
            self.changed.notify_one();
        }
        state.order
    }

    fn set(&self, activity: Activity) {
        let mut state = self.lock();
        (state.activity, state.since) = (activity, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.activity == Activity::Idle && self.unsent_since.is_none()
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
