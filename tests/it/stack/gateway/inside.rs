//! How many requests a gateway answers at one time.

use core::sync::atomic::{AtomicUsize, Ordering};

/// How many there are now, and the most there were.
#[derive(Debug, Default)]
pub(super) struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    /// Counts a request until the value is dropped.
    pub(super) fn enter(&self) -> Visit<'_> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Visit(self)
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// One request being answered; it may end because its client goes away.
#[derive(Debug)]
pub(super) struct Visit<'a>(&'a Inside);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
