//! What a connection is told by the table, and which errors of `accept` are about what.

use crate::accept_error::AcceptError;
use crate::connection::{Connection, Order};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;

const SOON: Duration = Duration::from_millis(100);

fn connection() -> Arc<Connection> {
    let peer = [127, 0, 0, 1].into();
    Arc::new(Connection::new(peer, Arc::default()))
}

#[tokio::test]
async fn an_order_that_was_obeyed_before_does_not_end_the_time_to_read_the_last_answer() {
    let connection = connection();
    let in_flight = connection.begin();
    connection.receiving(true);
    connection.tell(Order::Answer);
    // The body sees the order before the connection's task waits for it.
    assert!(connection.must_answer());
    drop(in_flight);
    connection.lingers();
    assert!(timeout(SOON, connection.ordered()).await.is_err());
    connection.tell(Order::Close);
    assert_eq!(timeout(SOON, connection.ordered()).await, Ok(Order::Close));
}

#[tokio::test]
async fn an_order_that_the_connection_has_outrun_is_void() {
    let closed = connection();
    closed.tell(Order::Close);
    let _in_flight = closed.begin();
    assert!(timeout(SOON, closed.ordered()).await.is_err());
    assert!(closed.stays());

    let read = connection();
    read.unsent();
    read.tell(Order::CutOff);
    read.sent();
    assert!(timeout(SOON, read.ordered()).await.is_err());
    assert!(read.stays());
}

#[test]
fn only_a_full_table_ends_a_request_in_flight_and_only_after_a_second() {
    let reading = connection();
    let _in_flight = reading.begin();
    let now = Instant::now();
    let (soon, later) = (now + SOON, now + Duration::from_secs(2));
    assert_eq!(
        reading.fitting_order(true, later),
        None,
        "it is being handled"
    );
    reading.unsent();
    // A part that is sent does not start the time anew.
    std::thread::sleep(SOON);
    reading.unsent();
    let order = |is_full, at| reading.fitting_order(is_full, at).map(|(order, _)| order);
    assert_eq!(order(false, later), None);
    assert_eq!(order(true, soon), None);
    assert_eq!(
        order(true, now + Duration::from_millis(1050)),
        Some(Order::CutOff)
    );
    reading.sent();
    assert_eq!(order(true, later), None);
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_lack_of_descriptors_or_memory_is_a_reason_to_close_a_connection() {
    let of = |code| AcceptError::of(&io::Error::from_raw_os_error(code));
    // ENOMEM, ENFILE, EMFILE, ENOBUFS.
    for code in [12, 23, 24, 105] {
        assert_eq!(of(code), AcceptError::NoResources, "{code}");
    }
    // EPERM, EINTR, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, ECONNABORTED, ECONNRESET, ETIMEDOUT, EHOSTDOWN,
    // EHOSTUNREACH.
    for code in [1, 4, 71, 92, 95, 100, 101, 103, 104, 110, 112, 113] {
        assert_eq!(of(code), AcceptError::OfOneConnection, "{code}");
    }
    // EBADF, EINVAL.
    for code in [9, 22] {
        assert_eq!(of(code), AcceptError::Other, "{code}");
    }
}
