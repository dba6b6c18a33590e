//! The ways in which an upstream fails.

use super::{HungUp, Recorded, door, full};
use axum::body::Body;
use core::convert::Infallible;
use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response, header};
use tokio::time::Sleep;

/// The internal name that [`Fault::BadGateway`] gives away, for tests to look for where it must not turn up.
pub(crate) const BAD_GATEWAY_HOST: &str = "db-7.internal.example";

/// What a request meets instead of the database; none but [`Fault::LostAnswer`] gets there.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Takes the request and never answers.
    BlackHole,
    /// 401, as for a key that was revoked.
    InvalidApiKey,
    /// 502 with a page of HTML that names [`BAD_GATEWAY_HOST`].
    BadGateway,
    /// 503 `PGRST002`: PostgREST can't read the schema.
    SchemaCacheLost,
    /// A redirect to this URL.
    Redirect { status: u16, to: String },
    /// 200 with a page of HTML.
    Html,
    /// 200 with JSON that answers no question anybody asked.
    WrongShape,
    /// Any other answer.
    Answer {
        status: u16,
        content_type: &'static str,
        body: String,
    },
    /// 200 and a JSON array that never ends, as fast as it is read.
    Huge,
    /// 200 and a JSON array that never ends, one byte at a time, this far apart.
    Slow(Duration),
    /// The connection is closed without an answer.
    HangUp,
    /// The request is carried out, then the connection is closed without an answer.
    LostAnswer,
}

impl Fault {
    pub(super) async fn answer(self) -> Result<Response<Body>, HungUp> {
        const JSON: &str = "application/json; charset=utf-8";
        let (status, content_type, body) = match self {
            Self::BlackHole => return core::future::pending().await,
            Self::HangUp | Self::LostAnswer => return Err(HungUp),
            Self::InvalidApiKey => (401, JSON, full(door::BAD_KEY)),
            Self::BadGateway => (
                502,
                "text/html",
                full(format!(
                    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
                     <hr><center>nginx</center>\r\n<!-- upstream {BAD_GATEWAY_HOST}:5432 -->\r\n</body>\r\n</html>\r\n"
                )),
            ),
            Self::SchemaCacheLost => (
                503,
                JSON,
                full(
                    r#"{"code":"PGRST002","details":null,"hint":null,"message":"Could not query the database for the schema cache. Retrying."}"#,
                ),
            ),
            Self::Redirect { status, to } => {
                return Ok(Response::builder()
                    .status(status)
                    .header(header::LOCATION, to)
                    .body(Body::empty())
                    .unwrap());
            }
            Self::Html => (
                200,
                "text/html",
                full("<html><body><h1>Welcome</h1></body></html>"),
            ),
            Self::WrongShape => (200, JSON, full(r#"{"unexpected":true}"#)),
            Self::Answer {
                status,
                content_type,
                body,
            } => (status, content_type, full(body)),
            Self::Huge => (
                200,
                JSON,
                Drip::body(Bytes::from("0,".repeat(32 * 1024)), Duration::ZERO),
            ),
            Self::Slow(pause) => (200, JSON, Drip::body(Bytes::from_static(b" "), pause)),
        };
        Ok(Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, content_type)
            .body(body)
            .unwrap())
    }
}

/// Which requests of those to come fail, and how.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) delay: Duration,
    fault: Option<Fault>,
    left: usize,
    which: Option<Which>,
}

type Which = Box<dyn Fn(&Recorded) -> bool + Send + Sync>;

impl Plan {
    pub(super) fn set(&mut self, fault: Fault, left: usize, which: Option<Which>) {
        self.fault = Some(fault);
        self.left = left;
        self.which = which;
    }

    /// What is to happen to this request.
    pub(super) fn next(&mut self, request: &Request<Bytes>) -> (Option<Fault>, Duration) {
        let meant = self.fault.is_some()
            && self.left > 0
            && self
                .which
                .as_ref()
                .is_none_or(|which| which(&Recorded::of(request)));
        if !meant {
            return (None, self.delay);
        }
        self.left -= 1;
        (self.fault.clone(), self.delay)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("fault", &self.fault)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A body without an end: `[`, then the same piece again and again.
struct Drip {
    started: bool,
    piece: Bytes,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Drip {
    fn body(piece: Bytes, pause: Duration) -> Body {
        Body::new(Self {
            started: false,
            piece,
            pause,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
        })
    }
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.pause.is_zero() {
            ready!(self.sleep.as_mut().poll(context));
            let next = tokio::time::Instant::now() + self.pause;
            self.sleep.as_mut().reset(next);
        }
        let piece = if self.started {
            self.piece.clone()
        } else {
            self.started = true;
            Bytes::from_static(b"[")
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
