//! The open connections: which peer holds how many, and which one is closed when few are left.
//!
//! There is no fixed number per peer, because a reverse proxy is one peer. While fewer than an eighth of the limit is
//! free, each new connection closes another: the one that has been idle longest of the peer that holds most. If none is
//! idle and every connection is taken, those count whose client has kept the server waiting for a second: a request whose
//! body has not arrived is answered 408, an answer that has not been read is cut off. No other request in flight is:
//! the new connection waits until one of them ends.

use crate::connection::Connection;
use core::cmp::Reverse;
use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How often a new connection that waits for another to end looks for one whose grace is over.
const RECHECK: Duration = Duration::from_millis(25);

/// The least time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// All open connections of a server.
pub(crate) struct Connections {
    limit: usize,
    open: Mutex<Open>,
    /// A connection was closed or became idle.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Open {
    connections: Vec<Arc<Connection>>,
    /// How many were closed since the last warning, and when that was.
    closed: u64,
    warned: Option<Instant>,
}

/// An entry in the table, which is removed on drop: when the connection is closed.
pub(crate) struct Admitted {
    pub(crate) connection: Arc<Connection>,
    table: Arc<Connections>,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            open: Mutex::default(),
            changed: Arc::default(),
        })
    }

    /// Admits a new connection as soon as the limit allows it.
    pub(crate) async fn admit(self: &Arc<Self>, peer: IpAddr) -> Admitted {
        loop {
            if let Some(admitted) = self.try_admit(peer) {
                return admitted;
            }
            // Until one is closed or idle, or its grace may be over.
            drop(timeout(RECHECK, self.changed.notified()).await);
        }
    }

    fn try_admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admitted> {
        let now = Instant::now();
        let mut open = self.lock();
        let quiet = self.limit.saturating_sub(self.limit / 8);
        while open.staying(quiet) && open.end_one(false, now) {}
        if open.staying(self.limit) {
            open.end_one(true, now);
        }
        // Those with an order count until they are closed: their sockets are open.
        if open.connections.len() >= self.limit {
            return None;
        }
        let connection = Arc::new(Connection::new(peer, Arc::clone(&self.changed)));
        open.connections.push(Arc::clone(&connection));
        Some(Admitted {
            connection,
            table: Arc::clone(self),
        })
    }

    /// Closes an eighth of the open connections, or as many as are idle, and if none is, one whose client is slow. Returns
    /// whether any was closed.
    pub(crate) fn close_some(&self) -> bool {
        let now = Instant::now();
        let mut open = self.lock();
        let wanted = (open.connections.len() / 8).max(1);
        let idle = (0..wanted).take_while(|_| open.end_one(false, now));
        idle.count() > 0 || open.end_one(true, now)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Whether at least so many connections have no order to end.
    fn staying(&self, least: usize) -> bool {
        let staying = self.connections.iter().filter(|one| one.stays());
        self.connections.len() >= least && staying.count() >= least
    }

    /// Gives one connection the order that fits it: of the peer that holds most, the one that it has fitted longest.
    fn end_one(&mut self, is_full: bool, now: Instant) -> bool {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for connection in &self.connections {
            let held = held.entry(connection.peer).or_default();
            *held = held.saturating_add(1);
        }
        let held = |peer| held.get(peer).copied().unwrap_or_default();
        let chosen = (self.connections.iter())
            .filter_map(|one| Some((one, one.fitting_order(is_full, now)?)))
            .max_by_key(|(one, (_, since))| (held(&one.peer), Reverse(*since)));
        let Some((connection, (order, _))) = chosen else {
            return false;
        };
        connection.tell(order);
        let (peer, held) = (connection.peer, held(&connection.peer));
        self.warn(peer, held, now);
        true
    }

    /// Says which peer holds most, at most once a minute.
    fn warn(&mut self, peer: IpAddr, held: usize, now: Instant) {
        self.closed = self.closed.saturating_add(1);
        if (self.warned).is_none_or(|last| now.duration_since(last) >= WARNING_INTERVAL) {
            let (open, closed) = (self.connections.len(), self.closed);
            tracing::warn!(%peer, held, open, closed, "few connections are free, so some of the peer that holds most are closed");
            self.warned = Some(now);
            self.closed = 0;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.table.lock();
        let same = |other: &Arc<Connection>| Arc::ptr_eq(other, &self.connection);
        if let Some(index) = open.connections.iter().position(same) {
            open.connections.swap_remove(index);
        }
        self.table.changed.notify_one();
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
