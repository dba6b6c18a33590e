//! A connection's bytes and bodies on their way through hyper: what they tell about who waits for whom.

use crate::connection::{Connection, InFlight};
use crate::limits::Limits;
use axum::body::{Body, Bytes};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use hyper::body::{Frame, Incoming, SizeHint};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// A TCP stream that fails when the client takes no byte of an answer for too long, or the whole of it too slowly.
pub(crate) struct ClientStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    limits: Limits,
    /// While an answer waits until the client reads.
    unsent: Option<Unsent>,
}

/// An answer that did not fit into the buffers of the system.
struct Unsent {
    since: Instant,
    /// Bytes that the client has taken since.
    taken: u64,
    /// Runs while the client takes none.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl Unsent {
    /// How long the client may take no byte from now on.
    fn patience(&self, limits: Limits) -> Duration {
        let earned = Duration::from_secs(self.taken.checked_div(limits.write_rate).unwrap_or(0));
        let left = limits.write.saturating_add(earned);
        limits.write.min(left.saturating_sub(self.since.elapsed()))
    }
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>, limits: Limits) -> Self {
        Self {
            stream,
            connection,
            limits,
            unsent: None,
        }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if let (Some(unsent), Ok(bytes)) = (&mut self.unsent, &result) {
                let bytes = u64::try_from(*bytes).unwrap_or(u64::MAX);
                unsent.taken = unsent.taken.saturating_add(bytes);
                unsent.overdue = None;
            }
            return Poll::Ready(result);
        }
        let unsent = self.unsent.get_or_insert_with(|| {
            self.connection.unsent();
            Unsent {
                since: Instant::now(),
                taken: 0,
                overdue: None,
            }
        });
        let patience = unsent.patience(self.limits);
        let overdue = unsent
            .overdue
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(overdue.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes once all that it had to write is written.
        if self.unsent.take().is_some() {
            self.connection.sent();
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The body of a request. Its connection knows while it waits for more, and may have it end.
pub(crate) struct RequestBody {
    body: Incoming,
    connection: Arc<Connection>,
}

/// The body did not arrive in the time there was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyOverdue;

impl RequestBody {
    pub(crate) fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        Self { body, connection }
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.connection.receiving(frame.is_pending());
        match frame {
            Poll::Pending if self.connection.must_answer() => {
                Poll::Ready(Some(Err(BodyOverdue.into())))
            }
            frame => frame.map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.receiving(false);
    }
}

impl fmt::Display for BodyOverdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not arrive in time")
    }
}

impl core::error::Error for BodyOverdue {}

/// The body of an answer. The request is in flight until hyper has all of it.
pub(crate) struct ResponseBody {
    body: Body,
    _in_flight: InFlight,
}

impl ResponseBody {
    pub(crate) fn new(body: Body, in_flight: InFlight) -> Self {
        Self {
            body,
            _in_flight: in_flight,
        }
    }
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
