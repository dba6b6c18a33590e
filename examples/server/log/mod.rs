//! The log: standard error, one line per event, written by a thread of its own.
//!
//! Nothing here can stop a request: a reader that stalls costs log lines, which are counted, and one that is gone
//! costs all of them. What strangers can cause at will is summed up by [`Repeats`].

mod lines;
mod lost;
mod repeats;
mod request;

pub(crate) use lines::{connection_failed, store_down};
pub(crate) use lost::LostLines;
pub(crate) use repeats::Repeats;

use crate::config::ConfigError;
use crate::metrics::metrics;
use lost::CountingWriter;
use portcullis::ErrorChain;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// How many lines wait for a slow reader: some megabytes. More are dropped and counted.
const MAX_WAITING_LINES: usize = 8192;

/// How often repeated lines are summed up.
const WINDOW: Duration = Duration::from_secs(60);

/// How long the last lines may take when the server stops. The writer's own limit is 1.1 s.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people: time, level, and `name=value` fields.
    #[default]
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl LogFormat {
    /// Reads `LOG_FORMAT`.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, ConfigError> {
        match text.map(str::trim) {
            None | Some("text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            Some(_) => Err(ConfigError::new("LOG_FORMAT must be text or json")),
        }
    }
}

/// The log of a running server. Dropping it writes what is left.
pub(crate) struct Log {
    /// Ends the timer when dropped.
    stop: Option<SyncSender<()>>,
    timer: Option<JoinHandle<()>>,
    writer: Option<WorkerGuard>,
}

impl Log {
    /// Starts logging to `output`, for the whole process.
    pub(crate) fn start(
        filter: &str,
        format: LogFormat,
        output: impl Write + IsTerminal + Send + 'static,
    ) -> Result<Self, ConfigError> {
        let filter = parse_filter(filter)?;
        let repeats = Repeats::default();
        // Whoever asks for details wants each of them.
        let sums_up = filter.max_level_hint() < Some(LevelFilter::DEBUG);
        let is_terminal = output.is_terminal();
        let refused = Arc::default();
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(MAX_WAITING_LINES)
            .thread_name("log")
            .finish(CountingWriter::new(output, &refused));
        let lost = LostLines::new(writer.error_counter(), refused);
        metrics().count_dropped_lines_by(lost.clone());

        let text = (format == LogFormat::Text).then(|| lines(writer.clone(), is_terminal));
        let json = (format == LogFormat::Json).then(|| {
            let lines = lines(writer, is_terminal).json();
            lines.flatten_event(true).with_span_list(false)
        });
        tracing_subscriber::registry()
            .with(filter)
            .with(text)
            .with(json)
            .with(sums_up.then(|| repeats.clone()))
            .try_init()
            .map_err(|error| ConfigError::new(format!("no log: {}", ErrorChain::new(&error))))?;
        log_panics();

        let (stop, stopped) = sync_channel(0);
        let timer = thread::Builder::new()
            .name("log-timer".into())
            .spawn(move || {
                let mut reported = 0;
                loop {
                    let waited = stopped.recv_timeout(WINDOW);
                    repeats.sum_up();
                    reported = report_lost(&lost, reported);
                    if waited != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })
            .map_err(|error| ConfigError::new(format!("no log: {}", ErrorChain::new(&error))))?;
        Ok(Self {
            stop: Some(stop),
            timer: Some(timer),
            writer: Some(guard),
        })
    }
}

/// Reads `RUST_LOG`. A word alone is a level: taken for the name of a module, it would leave no other module's lines, and a
/// mistyped level no line at all.
fn parse_filter(text: &str) -> Result<EnvFilter, ConfigError> {
    // With a space before it, a name would be another name.
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_misspelt = |part: &&str| {
        !part.is_empty() && !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err()
    };
    (!parts.iter().any(is_misspelt))
        .then(|| EnvFilter::try_new(parts.join(",")).ok())
        .flatten()
        .ok_or_else(|| {
            ConfigError::new(
                "RUST_LOG must be a level (error, warn, info, debug, trace or off), or levels of modules such as \
                 info,server=debug",
            )
        })
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(timer) = self.timer.take() {
            drop(timer.join());
        }
        // In a thread, and not waited for too long: with a reader that stalls, the writer's end prints to standard
        // output, which may stall as well.
        let (writer, (done, is_done)) = (self.writer.take(), sync_channel(1));
        let ending = thread::Builder::new().spawn(move || {
            drop(writer);
            done.send(()).unwrap_or_default();
        });
        if ending.is_ok() {
            is_done.recv_timeout(LAST_LINES).unwrap_or_default();
        }
    }
}

fn lines<S>(
    writer: NonBlocking,
    with_ansi: bool,
) -> fmt::Layer<S, DefaultFields, Format, NonBlocking>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fmt::layer()
        .with_writer(writer)
        .with_ansi(with_ansi)
        // An error of the writer must not be written: nobody reads it, and printing it would panic.
        .log_internal_errors(false)
}

/// Says how many lines were lost; in vain while they still are, but the next report holds the sum.
fn report_lost(lost: &LostLines, reported: usize) -> usize {
    let total = lost.total();
    if total > reported {
        let lines = total.saturating_sub(reported);
        tracing::warn!(
            lines,
            total,
            "log lines were dropped: they were not read as fast as written, or could not be written"
        );
    }
    total
}

/// Logs where a panic happened, not what it says: that may quote a value.
///
/// A panic in here would abort the process. The event has plain values only, and the log's writer puts it into a queue.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        metrics().panics.inc();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}
