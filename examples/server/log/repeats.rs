//! [`Repeats`]: what strangers can cause at will is one line, and then a number.
//!
//! An event of this program that has a field `code` (or `status`) and belongs to no authenticated caller is
//! repeatable, and so is every event of a library. The first of its message, code, error and route in a minute is
//! written as it is. The others are counted, and one line at the end of the minute says how many there were, and from
//! how many addresses. So a flood fills counters and not the disk, and no refusal is lost without a trace.

use super::request::{EventFields, RequestFields};
use crate::metrics::metrics;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Lines told apart in one minute. What is new beyond them is counted as one.
const MAX_LINES: usize = 128;

/// Addresses told apart per line: 4 KiB. "At least so many" beyond them.
const MAX_ADDRESSES: usize = 512;

/// The longest error text of a summary, in characters.
const MAX_ERROR: usize = 300;

/// Counts repeated events instead of writing them. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct Repeats {
    window: Arc<Mutex<Window>>,
    keys: Arc<RandomState>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    /// By the keyed hash of what tells them apart.
    lines: HashMap<u64, Line>,
    /// Everything that found no place.
    others: Line,
}

/// One line that was written, and what followed.
#[derive(Debug)]
struct Line {
    level: Level,
    fields: EventFields,
    route: String,
    repeats: u64,
    /// Keyed hashes.
    addresses: HashSet<u64>,
}

impl Line {
    fn new(level: Level, mut fields: EventFields, route: &str) -> Self {
        if let Some((end, _)) = fields.error.char_indices().nth(MAX_ERROR) {
            fields.error.truncate(end);
        }
        Self {
            level,
            fields,
            route: route.to_owned(),
            repeats: 0,
            addresses: HashSet::new(),
        }
    }

    fn others() -> Self {
        let fields = EventFields {
            message: "other lines".to_owned(),
            code: "other".to_owned(),
            ..EventFields::default()
        };
        Self::new(Level::WARN, fields, "-")
    }

    fn repeat(&mut self, address: Option<u64>) {
        self.repeats = self.repeats.saturating_add(1);
        if self.addresses.len() < MAX_ADDRESSES {
            self.addresses.extend(address);
        }
    }

    /// Without the span of a request: it stands for many.
    fn sum_up(&self, began: Instant) {
        if self.repeats == 0 {
            return;
        }
        macro_rules! summary {
            ($event:ident) => {
                tracing::$event!(
                    repeats = self.repeats,
                    addresses = self.addresses.len(),
                    more_addresses = (self.addresses.len() >= MAX_ADDRESSES).then_some(true),
                    seconds = began.elapsed().as_secs(),
                    code = self.fields.code,
                    route = self.route,
                    error = Some(&self.fields.error).filter(|error| !error.is_empty()),
                    "{}",
                    self.fields.message
                )
            };
        }
        match self.level {
            Level::ERROR => summary!(error),
            Level::WARN => summary!(warn),
            _ => summary!(info),
        }
    }
}

impl Default for Window {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            lines: HashMap::new(),
            others: Line::others(),
        }
    }
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            window: Arc::default(),
            keys: Arc::new(RandomState::new()),
        }
    }
}

impl Repeats {
    /// Writes how often each line was repeated, and begins anew.
    pub(crate) fn sum_up(&self) {
        // The lock is not held while lines are written.
        let window = std::mem::take(&mut *self.lock());
        for line in window.lines.values() {
            line.sum_up(window.began);
        }
        window.others.sum_up(window.began);
    }

    /// Whether this is the first of its kind in this window. If not, it is counted.
    fn is_first(&self, metadata: &Metadata<'_>, fields: EventFields, route: &str) -> bool {
        let address = (!fields.source.is_empty()).then(|| self.keys.hash_one(&fields.source));
        let key = self
            .keys
            .hash_one((metadata.callsite(), &fields.code, &fields.error, route));
        let mut window = self.lock();
        let is_full = window.lines.len() >= MAX_LINES;
        match window.lines.get_mut(&key) {
            Some(line) => line.repeat(address),
            None if is_full => window.others.repeat(address),
            None => {
                let mut line = Line::new(*metadata.level(), fields, route);
                line.addresses.extend(address);
                drop(window.lines.insert(key, line));
                return true;
            }
        }
        metrics().repeated_lines.inc();
        false
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the event is this program's, and not a library's.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let own = module_path!().split("::").next();
    metadata.target().split("::").next() == own
}

/// Whether an event of ours can be repeated at will.
fn is_repeatable(metadata: &Metadata<'_>) -> bool {
    let has = |name| metadata.fields().field(name).is_some();
    // A summary is not summed up.
    (has("code") || has("status")) && !has("repeats")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Repeats {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().fields().field("route").is_none() {
            return;
        }
        if let Some(span) = context.span(id) {
            let mut fields = RequestFields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<RequestFields>()
        {
            values.record(fields);
        }
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let is_ours = is_ours(metadata);
        if is_ours && !is_repeatable(metadata) {
            return true;
        }
        let mut fields = EventFields::default();
        event.record(&mut fields);
        if !is_ours {
            metadata.target().clone_into(&mut fields.code);
        }
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(request) = extensions.get::<RequestFields>() else {
                continue;
            };
            if is_ours && request.has_caller {
                return true;
            }
            if fields.source.is_empty() {
                fields.source.clone_from(&request.source);
            }
            return self.is_first(metadata, fields, &request.route);
        }
        self.is_first(metadata, fields, "-")
    }
}
