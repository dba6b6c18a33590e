//! [`LostLines`]: lines of the log that nobody will read.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing_appender::non_blocking::ErrorCounter;

/// Counts the lines that found no room in the queue, and those that the output refused. Clones share the counters.
#[derive(Clone, Debug)]
pub(crate) struct LostLines {
    no_room: ErrorCounter,
    refused: Arc<AtomicUsize>,
}

impl LostLines {
    pub(super) fn new(no_room: ErrorCounter, refused: Arc<AtomicUsize>) -> Self {
        Self { no_room, refused }
    }

    pub(crate) fn total(&self) -> usize {
        let refused = self.refused.load(Ordering::Relaxed);
        self.no_room.dropped_lines().saturating_add(refused)
    }
}

/// Counts the lines that the output refuses, which its thread ignores otherwise.
pub(super) struct CountingWriter<W> {
    output: W,
    refused: Arc<AtomicUsize>,
}

impl<W> CountingWriter<W> {
    pub(super) fn new(output: W, refused: &Arc<AtomicUsize>) -> Self {
        let refused = Arc::clone(refused);
        Self { output, refused }
    }
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    /// Writes one line.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.output.write_all(line).inspect_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
