//! The library's audit feed, as log lines and counters: ids, addresses and reasons, never what a person typed.

use crate::metrics::metrics;
use portcullis::ErrorChain;
use portcullis::event::{Event, Observer, RefusedBecause};
use portcullis::offload::Lost;
use std::net::IpAddr;
use tracing::field::{DisplayValue, display};

/// Writes each event to the log, within the span of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audit;

impl Observer for Audit {
    fn observe(&self, event: Event<'_>) {
        // A field `code` marks what strangers can cause at will: see `log::Repeats`. Texts are written as strings,
        // whose control characters the log escapes: no line can be forged.
        match event {
            Event::SignedIn { id, source } => {
                metrics().sign_in("signed_in");
                tracing::info!(user = id.as_str(), source = shown(source), "signed in");
            }
            Event::Refused { id, source, reason } => {
                let (user, code) = (id.map(portcullis::UserId::as_str), code(reason));
                metrics().sign_in(code);
                tracing::warn!(code, user, source = shown(source), "sign-in refused");
            }
            Event::Rehashed { id } => {
                metrics().rehash("replaced");
                tracing::info!(user = id.as_str(), "password re-hashed");
            }
            Event::RehashFailed { id, error } => {
                metrics().rehash("failed");
                let error = ErrorChain::new(error).to_string();
                tracing::warn!(user = id.as_str(), error, "password not re-hashed");
            }
            Event::Unavailable { source, error } if error.is::<Lost>() => {
                metrics().sign_in("overloaded");
                let (code, source) = ("overloaded", shown(source));
                tracing::warn!(code, source, "sign-in refused");
            }
            Event::Unavailable { source, error } => {
                metrics().undecided.inc();
                let (code, source) = ("unavailable", shown(source));
                let error = ErrorChain::new(error).to_string();
                tracing::error!(code, source, error, "who asks could not be decided");
            }
            _ => tracing::info!("an event this server does not know"),
        }
    }
}

/// The reason as a word for logs and metrics.
fn code(reason: RefusedBecause) -> &'static str {
    match reason {
        RefusedBecause::UnknownLogin => "unknown_login",
        RefusedBecause::NoPassword => "no_password",
        RefusedBecause::UnusableHash => "unusable_hash",
        RefusedBecause::WrongPassword => "wrong_password",
        RefusedBecause::Disabled => "disabled",
        RefusedBecause::Throttled => "throttled",
        _ => "other",
    }
}

fn shown(source: Option<IpAddr>) -> Option<DisplayValue<IpAddr>> {
    source.map(display)
}
