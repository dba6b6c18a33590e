//! [`SupabaseError`] and [`BuildError`]: what went wrong and at which host, without a word of what Supabase said or
//! was sent.

use crate::store::Outage;
use core::fmt;
use core::time::Duration;
use http::StatusCode;
use std::sync::Arc;

/// Supabase could not be asked, or answered with what is no answer.
///
/// Its text is for your log; [`ErrorChain`](crate::ErrorChain) writes it with its causes: the host that was asked and,
/// where no answer came, what the connection said. It holds status and error code, never a key, an id, a hash, an
/// e-mail address, or text of Supabase's. Its last `source()` is an [`Outage`], by which a client is told 502, 503 or
/// 504.
#[derive(Clone, Debug)]
pub struct SupabaseError {
    pub(super) kind: Kind,
    cause: Cause,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// No connection, or it ended before the answer.
    Unreachable,
    /// The question was dropped on the way: the runtime that asked it has ended.
    Dropped,
    /// No answer in time.
    TimedOut(Duration),
    /// As many requests are in flight as may be, and none ended in time.
    Crowded,
    /// The gateway does not know the key.
    KeyRejected(StatusCode),
    /// PostgREST or PostgreSQL refused, with this code.
    Database(Code),
    /// Supabase says that it can't answer now.
    Unavailable(StatusCode),
    /// The answer is none that PostgREST gives.
    Misbehaved(StatusCode, &'static str),
    /// A row holds what is no user.
    Row(&'static str),
}

/// An error code of PostgreSQL or PostgREST: short, of capitals and digits, and so no place for a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    text: [u8; Code::MAX],
    len: usize,
}

impl Code {
    const MAX: usize = 8;

    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = (5..=Self::MAX).contains(&text.len());
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        if !(fits && text.bytes().all(plain)) {
            return None;
        }
        let mut code = Self {
            text: [0; Self::MAX],
            len: text.len(),
        };
        for (to, from) in code.text.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Some(code)
    }

    pub(super) fn as_str(&self) -> &str {
        let text = self.text.get(..self.len).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operator wants to know beside the kind of failure.
#[derive(Clone, Debug)]
struct Cause {
    /// What the connection said, as text: the error itself holds the URL that was asked for.
    connection: Option<Box<str>>,
    /// Host and port.
    host: Option<Arc<str>>,
    outage: Outage,
}

impl SupabaseError {
    pub(super) fn new(kind: Kind) -> Self {
        let outage = kind.outage();
        Self {
            kind,
            cause: Cause {
                connection: None,
                host: None,
                outage,
            },
        }
    }

    /// The connection failed and said this.
    pub(super) fn unreachable(connection: String) -> Self {
        let mut error = Self::new(Kind::Unreachable);
        error.cause.connection = Some(connection.into());
        error
    }

    /// Names the host that was asked.
    pub(super) fn at(mut self, host: &Arc<str>) -> Self {
        self.cause.host = Some(Arc::clone(host));
        self
    }

    /// The code, if it was the database that refused.
    pub(super) fn code(&self) -> Option<&str> {
        match &self.kind {
            Kind::Database(code) => Some(code.as_str()),
            _ => None,
        }
    }
}

impl Kind {
    fn outage(&self) -> Outage {
        match self {
            Self::TimedOut(_) | Self::Unavailable(StatusCode::GATEWAY_TIMEOUT) => Outage::TimedOut,
            Self::Dropped | Self::Crowded | Self::Unavailable(_) => Outage::Unavailable,
            Self::Unreachable
            | Self::KeyRejected(_)
            | Self::Database(_)
            | Self::Misbehaved(..)
            | Self::Row(_) => Outage::BadGateway,
        }
    }
}

impl fmt::Display for SupabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unreachable => f.write_str("supabase could not be reached"),
            Kind::Dropped => f.write_str("the runtime that asked supabase has ended"),
            Kind::TimedOut(limit) => write!(f, "no answer from supabase within {limit:?}"),
            Kind::Crowded => f.write_str("too many requests to supabase are in flight"),
            Kind::KeyRejected(status) => write!(f, "supabase rejected the service key ({status})"),
            Kind::Database(code) if code.as_str() == "42501" => {
                f.write_str("the database refused the service key's role (42501)")
            }
            Kind::Database(code) => {
                write!(f, "the database refused with code {}", code.as_str())?;
                match code.as_str() {
                    "42P01" | "PGRST205" => f.write_str(": there is no such table"),
                    "42703" | "PGRST204" => f.write_str(": there is no such column"),
                    "42883" | "PGRST202" => f.write_str(": there is no such function"),
                    "PGRST106" => f.write_str(": the schema is not exposed"),
                    _ => Ok(()),
                }
            }
            Kind::Unavailable(status) => write!(f, "supabase is unavailable ({status})"),
            Kind::Misbehaved(status, what) => {
                write!(
                    f,
                    "supabase gave no answer of PostgREST's: {what} ({status})"
                )
            }
            Kind::Row(what) => write!(f, "a row in the table of users has {what}"),
        }
    }
}

impl core::error::Error for SupabaseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.connection, &self.host) {
            (Some(connection), Some(host)) => write!(f, "{connection} (host {host})"),
            (Some(connection), None) => f.write_str(connection),
            (None, Some(host)) => write!(f, "host {host}"),
            // Nothing was sent: what follows is all there is to say.
            (None, None) => fmt::Display::fmt(&self.outage, f),
        }
    }
}

impl core::error::Error for Cause {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.outage)
    }
}

/// Why a store could not be built. For whoever configures it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The key is one for browsers: row level security shows it nothing.
    #[error(
        "the key is a public one (anon, publishable); the service key or a secret key is needed"
    )]
    PublicKey,
    /// The key has none of the shapes Supabase's keys have.
    #[error("the key is neither a secret key (sb_secret_...) nor a JWT")]
    Key,
    /// The address is no URL with a host, or holds what does not belong in it.
    #[error("the address is not the URL of a project, such as https://abcdefgh.supabase.co")]
    Url,
    /// The address is not `https`, and its host is not this machine.
    #[error("the address must be https: the service key would travel in the clear")]
    NotHttps,
    /// A name of a schema, table, column or role is not one.
    #[error("names in the database have 1 to 63 ASCII letters, digits and underscores")]
    Name,
    /// A throttle's secret is shorter than 32 bytes.
    #[error("the throttle's secret must have at least 32 bytes")]
    ShortSecret,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client,
}
