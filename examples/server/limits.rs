//! [`Limits`]: sizes and times that bound what one client can take.

use core::time::Duration;

/// What one client can take. Constants: nobody needs to turn them, tests do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the head of a request, and for a connection to stay idle.
    pub(crate) head: Duration,
    /// For the body of a request.
    pub(crate) body: Duration,
    /// For a connection in all; it is then ended after the request in flight.
    pub(crate) connection: Duration,
    /// For a client to take the next bytes of an answer.
    pub(crate) write: Duration,
    /// How many bytes of an answer a client must take in a second, on the whole, after the time of `write`.
    pub(crate) write_rate: u64,
    /// For a client to read the answer to a request whose body nobody wanted.
    pub(crate) linger: Duration,
    /// How many bytes of such a body are read meanwhile, and dropped.
    pub(crate) linger_bytes: usize,
    /// For the requests in flight when the server is told to stop.
    pub(crate) shutdown: Duration,
    /// Connections at one time; `connections.rs` says which one a further one closes.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            body: Duration::from_secs(15),
            connection: Duration::from_secs(600),
            write: Duration::from_secs(15),
            write_rate: 8 * 1024,
            linger: Duration::from_secs(3),
            linger_bytes: 16 * 1024 * 1024,
            shutdown: Duration::from_secs(20),
            connections: 1024,
        }
    }
}
