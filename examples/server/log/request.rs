//! What the span of a request says, kept beside it so that each event within can be judged by it.

use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};

/// The fields `route`, `source` and `caller` of the span `request`.
#[derive(Debug, Default)]
pub(super) struct RequestFields {
    pub(super) route: String,
    pub(super) source: String,
    /// The caller's token was good.
    pub(super) has_caller: bool,
}

impl Visit for RequestFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "route" => value.clone_into(&mut self.route),
            "source" => value.clone_into(&mut self.source),
            "caller" => self.has_caller = true,
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The fields of an event by which it is told from others.
#[derive(Debug, Default)]
pub(super) struct EventFields {
    pub(super) message: String,
    /// `code`, or the `status` of an answer.
    pub(super) code: String,
    pub(super) error: String,
    pub(super) source: String,
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(text) = self.text(field) {
            value.clone_into(text);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(text) = self.text(field) {
            // Writing to a string does not fail, and a value that can't be shown is shown as far as it goes.
            write!(text, "{value:?}").unwrap_or_default();
        }
    }
}

impl EventFields {
    fn text(&mut self, field: &Field) -> Option<&mut String> {
        match field.name() {
            "message" => Some(&mut self.message),
            "code" | "status" => Some(&mut self.code),
            "error" => Some(&mut self.error),
            "source" => Some(&mut self.source),
            _ => None,
        }
    }
}
