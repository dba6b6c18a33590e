//! [`Offload`]: where hashing runs, so that it never holds up an async thread; [`HashPool`] is the default.

use core::fmt;
use core::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A piece of work that takes milliseconds of CPU.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// The work was not done: the queue was full, or its thread ended. Answered 503; it is safe to try again.
///
/// An [`Offload`] of your own makes one with `Lost::default()`.
#[derive(Clone, Copy, Debug, Default, thiserror::Error, PartialEq, Eq)]
#[error("password hashing is overloaded")]
#[non_exhaustive]
pub struct Lost;

/// Runs CPU-bound jobs away from the async threads, a bounded number at a time.
pub trait Offload: fmt::Debug + Send + Sync {
    /// Takes a job on, or refuses at once. It never waits.
    ///
    /// # Errors
    /// [`Lost`] if no more jobs are taken on now.
    fn submit(&self, job: Job) -> Result<(), Lost>;

    /// How many jobs run at one time. The authenticator hands over no more than that; the others wait in its own queue.
    fn threads(&self) -> NonZeroUsize;
}

/// A fixed number of threads. When each has a job, and one more waits for each, other jobs are refused at once.
///
/// The number of threads bounds the memory of Argon2: each thread works in one set of blocks, 19 MiB at the
/// default parameters. Who waits for a thread, and how many may, is for the `Authenticator` to decide.
///
/// Its threads end when the last clone is dropped; jobs still queued are then done first.
#[derive(Clone)]
pub struct HashPool {
    queue: SyncSender<Job>,
    threads: NonZeroUsize,
}

impl HashPool {
    /// A pool of `threads` threads.
    ///
    /// Threads start at once. If the operating system grants fewer, the pool works with those; with none at
    /// all every job is refused.
    pub fn new(threads: NonZeroUsize) -> Self {
        let (sender, receiver) = sync_channel::<Job>(threads.get());
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads.get() {
            let receiver = Arc::clone(&receiver);
            // A thread that can't be had is no reason to end the program; see above.
            drop(
                thread::Builder::new()
                    .name("portcullis-hash".into())
                    .spawn(move || work(&receiver)),
            );
        }
        Self {
            queue: sender,
            threads,
        }
    }
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting, never while working.
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        // A job that panics loses its own result only: its sender is dropped, the thread goes on.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
    }
}

impl Default for HashPool {
    /// Two threads, or one on a machine with one core.
    fn default() -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self::new(cores.min(NonZeroUsize::MIN.saturating_add(1)))
    }
}

impl Offload for HashPool {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        self.queue
            .try_send(job)
            .map_err(|_: TrySendError<Job>| Lost)
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool")
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// Runs each job at once, where it is asked for: for tests and command-line programs, not for servers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Inline;

impl Offload for Inline {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        job();
        Ok(())
    }

    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}
