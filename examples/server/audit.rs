//! The library's audit feed, as log lines: ids, addresses and reasons, never what a person typed.

use portcullis::event::{Event, Observer};

/// Writes each event to the log, within the span of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audit;

impl Observer for Audit {
    fn observe(&self, event: Event<'_>) {
        // Ids and error texts are written with `?`, which escapes control characters: no line can be forged.
        match event {
            Event::SignedIn { id, source } => {
                tracing::info!(user = ?id.as_str(), ?source, "signed in");
            }
            Event::Refused { id, source, reason } => {
                let user = id.map(portcullis::UserId::as_str);
                tracing::warn!(?user, ?source, ?reason, "sign-in refused");
            }
            Event::Rehashed { id } => {
                tracing::info!(user = ?id.as_str(), "password re-hashed");
            }
            Event::RehashFailed { id, error } => {
                let error = error.to_string();
                tracing::warn!(user = ?id.as_str(), ?error, "password not re-hashed");
            }
            Event::Unavailable { source, error } => {
                let error = error.to_string();
                tracing::error!(?source, ?error, "who asks could not be decided");
            }
            Event::TokenRefused { token } => {
                let (code, error) = (token.error().code(), token.error().to_string());
                let (key_id, user, token_id) = (token.key_id(), token.subject(), token.token_id());
                tracing::warn!(code, ?error, ?key_id, ?user, ?token_id, "token refused");
            }
            _ => tracing::info!("an event this server does not know"),
        }
    }
}
