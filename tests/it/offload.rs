//! The hashing pool: bounded in threads and in queue, and it outlives what goes wrong in it.

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use portcullis::offload::{HashPool, Inline, Job, Lost, Offload, run};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};

fn pool(threads: usize, queue: usize) -> HashPool {
    HashPool::new(NonZeroUsize::new(threads).unwrap(), queue)
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

fn soon<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[test]
fn a_full_queue_refuses_at_once_and_takes_jobs_again_when_there_is_room() {
    let pool = pool(2, 3);
    let (started, starts) = channel();
    let mut holds = Vec::new();
    for _ in 0..2 {
        let (job, hold) = held(&started);
        pool.submit(job).unwrap();
        holds.push(hold);
        // Taken off the queue, so that the three places are free.
        soon(&starts);
    }
    for _ in 0..3 {
        let (job, hold) = held(&started);
        pool.submit(job).unwrap();
        holds.push(hold);
    }
    for _ in 0..100 {
        assert_eq!(pool.submit(held(&started).0), Err(Lost::default()));
    }
    assert!(starts.try_recv().is_err(), "two run, three wait");
    holds.clear();
    for _ in 0..3 {
        soon(&starts);
    }
    let (job, _hold) = held(&started);
    pool.submit(job).unwrap();
    soon(&starts);
}

#[test]
fn no_more_jobs_run_at_the_same_time_than_there_are_threads() {
    let pool = pool(3, 100);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (done, ends) = channel();
    // Three are made to meet, so that the bound is reached, too.
    let meet = Arc::new(Barrier::new(3));
    for n in 0..60 {
        let (running, most, done) = (Arc::clone(&running), Arc::clone(&most), done.clone());
        let meet = Arc::clone(&meet);
        pool.submit(Box::new(move || {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            if n < 3 {
                meet.wait();
            }
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            done.send(()).unwrap();
        }))
        .unwrap();
    }
    for _ in 0..60 {
        soon(&ends);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_result_comes_back_and_the_async_thread_stays_free() {
    let pool = pool(1, 4);
    let here = std::thread::current().id();
    let there = run(&pool, || std::thread::current().id()).await.unwrap();
    assert_ne!(here, there);
    assert_eq!(run(&Inline::default(), || 7).await, Ok(7));
}

#[tokio::test]
async fn a_job_that_panics_loses_its_own_result_only() {
    let pool = pool(1, 4);
    for n in 0..3 {
        let lost: Result<(), Lost> = run(&pool, || panic!("planted")).await;
        assert_eq!(lost, Err(Lost::default()));
        assert_eq!(run(&pool, move || n).await, Ok(n));
    }
}

#[tokio::test]
async fn nobody_waits_for_a_pool_that_is_full() {
    let pool = pool(1, 0);
    let (started, starts) = channel();
    // With no queue a job is taken only by a thread that waits for one.
    let mut hold = None;
    while hold.is_none() {
        let (job, let_go) = held(&started);
        if pool.submit(job).is_ok() {
            hold = Some(let_go);
        }
        std::thread::yield_now();
    }
    soon(&starts);
    assert_eq!(run(&pool, || 1).await, Err(Lost::default()));
}

#[tokio::test]
async fn work_nobody_waits_for_any_more_is_skipped() {
    let pool = pool(1, 8);
    let (started, starts) = channel();
    let (job, hold) = held(&started);
    pool.submit(job).unwrap();
    soon(&starts);
    let done = Arc::new(AtomicUsize::new(0));
    let count = |done: &Arc<AtomicUsize>| {
        let done = Arc::clone(done);
        move || done.fetch_add(1, Ordering::SeqCst)
    };
    {
        // A client that hangs up while it waits.
        let asked = run(&pool, count(&done));
        let gone = tokio::time::timeout(Duration::from_millis(1), asked).await;
        assert!(gone.is_err());
    }
    drop(hold);
    run(&pool, count(&done)).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn a_dropped_pool_finishes_what_it_took_on_and_ends() {
    let pool = pool(2, 50);
    let (done, ends) = channel();
    for n in 0..50 {
        let done = done.clone();
        pool.submit(Box::new(move || done.send(n).unwrap()))
            .unwrap();
    }
    drop((pool, done));
    // The channel ends when the last job was dropped.
    let mut finished: Vec<i32> = ends.iter().collect();
    finished.sort_unstable();
    assert_eq!(finished, (0..50).collect::<Vec<_>>());
}
