//! The hashing pool: bounded in threads and in queue, and it outlives what goes wrong in it.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use portcullis::offload::{HashPool, Inline, Job, Lost, Offload};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};

fn pool(threads: usize) -> HashPool {
    HashPool::new(NonZeroUsize::new(threads).unwrap())
}

/// A job that says when it starts and then waits until it is let go (or nobody can let it go any more).
fn held(started: &Sender<()>) -> (Job, Sender<()>) {
    let (let_go, wait) = channel::<()>();
    let started = started.clone();
    let job: Job = Box::new(move || {
        started.send(()).unwrap();
        let _ = wait.recv();
    });
    (job, let_go)
}

/// Submits until there is room.
fn submit(pool: &HashPool, job: impl FnOnce() + Send + Clone + 'static) {
    while pool.submit(Box::new(job.clone())).is_err() {
        std::thread::yield_now();
    }
}

fn soon<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[test]
fn a_full_pool_refuses_at_once_and_takes_jobs_again_when_there_is_room() {
    let pool = pool(2);
    assert_eq!(pool.threads().get(), 2);
    assert_eq!(Inline::default().threads().get(), 1);
    let (started, starts) = channel();
    let mut holds = Vec::new();
    for _ in 0..2 {
        let (job, hold) = held(&started);
        pool.submit(job).unwrap();
        holds.push(hold);
        // Taken off the queue, so that two may wait.
        soon(&starts);
    }
    for _ in 0..2 {
        let (job, hold) = held(&started);
        pool.submit(job).unwrap();
        holds.push(hold);
    }
    for _ in 0..100 {
        assert_eq!(pool.submit(held(&started).0), Err(Lost::default()));
    }
    assert!(starts.try_recv().is_err(), "two run, two wait");
    holds.clear();
    for _ in 0..2 {
        soon(&starts);
    }
    let (job, _hold) = held(&started);
    pool.submit(job).unwrap();
    soon(&starts);
}

#[test]
fn no_more_jobs_run_at_the_same_time_than_there_are_threads() {
    let pool = pool(3);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (done, ends) = channel();
    // Three are made to meet, so that the bound is reached, too.
    let meet = Arc::new(Barrier::new(3));
    for n in 0..60 {
        let (running, most, done) = (Arc::clone(&running), Arc::clone(&most), done.clone());
        let meet = Arc::clone(&meet);
        submit(&pool, move || {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            if n < 3 {
                meet.wait();
            }
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            done.send(()).unwrap();
        });
    }
    for _ in 0..60 {
        soon(&ends);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn a_job_that_panics_does_not_end_its_thread() {
    let pool = pool(1);
    let (done, ends) = channel();
    for n in 0..3 {
        submit(&pool, || panic!("planted"));
        let done = done.clone();
        submit(&pool, move || done.send(n).unwrap());
        assert_eq!(soon(&ends), n);
    }
}

#[test]
fn a_dropped_pool_finishes_what_it_took_on_and_ends() {
    let pool = pool(2);
    let (done, ends) = channel();
    for n in 0..50 {
        let done = done.clone();
        submit(&pool, move || done.send(n).unwrap());
    }
    drop((pool, done));
    // The channel ends when the last job was dropped.
    let mut finished: Vec<i32> = ends.iter().collect();
    finished.sort_unstable();
    assert_eq!(finished, (0..50).collect::<Vec<_>>());
}
