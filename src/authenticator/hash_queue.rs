//! The queue in front of the hashing threads: who waits first, and how many wait.

use super::hash_class::{Class, HashQueueStatus, WEIGHTS};
use crate::offload::{Lost, Offload};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use futures_channel::oneshot;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct HashQueue {
    offload: Arc<dyn Offload>,
    /// How many jobs wait in each class at most.
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    classes: [ClassQueue; 3],
    credits: [u32; 3],
    begun: u64,
    running: usize,
    running_by_address: HashMap<IpAddr, usize>,
    last_id: u64,
}

#[derive(Default)]
struct ClassQueue {
    waiting: VecDeque<Waiting>,
    /// Slots taken: of jobs that wait, and of attempts that look up their account first.
    slots: usize,
    slots_by_counter: HashMap<u64, usize>,
}

struct Waiting {
    id: u64,
    address: Option<IpAddr>,
    begun: Arc<AtomicBool>,
    slot: Slot,
    job: Box<dyn FnOnce() + Send>,
}

/// Room for one job in a class; given back when the job begins, or when it is dropped.
pub(super) struct Slot {
    queue: Arc<HashQueue>,
    class: Class,
    counter: Option<u64>,
    address: Option<IpAddr>,
}

impl HashQueue {
    pub(super) fn new(offload: Arc<dyn Offload>, capacity: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            offload,
            capacity: capacity.get(),
            state: Mutex::default(),
        })
    }

    /// Takes room for a job in a class, of which one counter has at most a quarter. `address` is the client's, of which jobs
    /// outside [`Class::Known`] run on at most half of the threads.
    pub(super) fn reserve(
        self: &Arc<Self>,
        class: Class,
        counter: Option<u64>,
        address: Option<IpAddr>,
    ) -> Result<Slot, Lost> {
        let mut state = self.lock();
        let queue = state.class(class);
        let of_counter = counter.and_then(|counter| queue.slots_by_counter.get(&counter));
        let of_counter = of_counter.copied().unwrap_or_default();
        if queue.slots >= self.capacity || of_counter >= self.capacity.div_ceil(4) {
            return Err(Lost);
        }
        queue.slots = queue.slots.saturating_add(1);
        if let Some(counter) = counter {
            queue
                .slots_by_counter
                .insert(counter, of_counter.saturating_add(1));
        }
        drop(state);
        Ok(Slot {
            queue: Arc::clone(self),
            class,
            counter,
            address: address.filter(|_| class != Class::Known),
        })
    }

    pub(super) fn status(&self) -> HashQueueStatus {
        let state = self.lock();
        let [known, no_failures, other] = &state.classes;
        HashQueueStatus {
            begun: state.begun,
            running: state.running,
            waiting_known: known.waiting.len(),
            waiting_no_failures: no_failures.waiting.len(),
            waiting_other: other.waiting.len(),
        }
    }

    /// Starts jobs while threads are free.
    fn start_next(self: &Arc<Self>) {
        while let Some(next) = self.take_next() {
            let (job, queue) = (next.job, Arc::clone(self));
            let running = Running {
                queue,
                address: next.address,
                has_begun: false,
            };
            drop(next.slot);
            // A job that is refused is dropped: whoever waits for it hears `Lost`.
            let refused = self.offload.submit(Box::new(move || {
                let mut running = running;
                running.has_begun = true;
                job();
            }));
            // Those behind it wait for a job that runs to end, and only where there is none are refused too.
            if refused.is_err() && self.lock().running > 0 {
                break;
            }
        }
    }

    fn take_next(&self) -> Option<Waiting> {
        let threads = self.offload.threads().get();
        let mut state = self.lock();
        if state.running >= threads {
            return None;
        }
        let next = state.next(threads.wrapping_shr(1).max(1))?;
        // Under the lock: whoever is dropped now finds its job gone, and has paid for it.
        next.begun.store(true, Ordering::Release);
        state.begun = state.begun.saturating_add(1);
        state.running = state.running.saturating_add(1);
        if let Some(address) = next.address {
            let running = state.running_by_address.entry(address).or_default();
            *running = running.saturating_add(1);
        }
        Some(next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn class(&mut self, class: Class) -> &mut ClassQueue {
        let [known, no_failures, other] = &mut self.classes;
        match class {
            Class::Known => known,
            Class::NoFailures => no_failures,
            Class::Other => other,
        }
    }

    /// The job that starts next: weighted round robin over the classes, first in, first out within a class among those whose
    /// address may run.
    fn next(&mut self, most_of_address: usize) -> Option<Waiting> {
        let running = &self.running_by_address;
        let may_run = |waiting: &Waiting| {
            let held = waiting.address.and_then(|address| running.get(&address));
            held.is_none_or(|held| *held < most_of_address)
        };
        // Credits are refilled once: a class that has a job then also has a credit.
        for _ in 0..2 {
            for (queue, credit) in self.classes.iter_mut().zip(&mut self.credits) {
                let Some(left) = credit.checked_sub(1) else {
                    continue;
                };
                if let Some(at) = queue.waiting.iter().position(may_run) {
                    *credit = left;
                    return queue.waiting.remove(at);
                }
            }
            self.credits = WEIGHTS;
        }
        None
    }
}

impl Slot {
    /// Runs `work` on a hashing thread when its turn has come. `begun` is set when it has.
    ///
    /// If the returned future is dropped before, the work is not done.
    pub(super) async fn run<T: Send + 'static>(
        self,
        begun: Arc<AtomicBool>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = oneshot::channel();
        let queue = Arc::clone(&self.queue);
        let class = self.class;
        let id = {
            let mut state = queue.lock();
            state.last_id = state.last_id.wrapping_add(1);
            let id = state.last_id;
            state.class(class).waiting.push_back(Waiting {
                id,
                address: self.address,
                begun,
                slot: self,
                job: Box::new(move || drop(sender.send(work()))),
            });
            id
        };
        let _leave = Leave {
            queue: &queue,
            class,
            id,
        };
        queue.start_next();
        receiver.await.map_err(|_| Lost)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        let queue = state.class(self.class);
        queue.slots = queue.slots.saturating_sub(1);
        let Some(counter) = self.counter else { return };
        if let Some(slots) = queue.slots_by_counter.get_mut(&counter) {
            *slots = slots.saturating_sub(1);
            if *slots == 0 {
                queue.slots_by_counter.remove(&counter);
            }
        }
    }
}

/// Takes a job that still waits out of the queue when nobody waits for its result any more.
struct Leave<'a> {
    queue: &'a HashQueue,
    class: Class,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        let waiting = &mut state.class(self.class).waiting;
        let at = waiting.iter().position(|waiting| waiting.id == self.id);
        let left = at.and_then(|at| waiting.remove(at));
        // Its slot takes the lock when it is dropped.
        drop(state);
        drop(left);
    }
}

/// A thread in use; when a job on it ends the next one starts.
struct Running {
    queue: Arc<HashQueue>,
    address: Option<IpAddr>,
    /// Not if the job was refused.
    has_begun: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(address) = &self.address
            && let Some(running) = state.running_by_address.get_mut(address)
        {
            *running = running.saturating_sub(1);
            if *running == 0 {
                state.running_by_address.remove(address);
            }
        }
        drop(state);
        if self.has_begun {
            self.queue.start_next();
        }
    }
}
