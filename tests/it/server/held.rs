//! Something held in the database until those it is held from wait for it: a race that needs no luck.

use super::raw::PATIENCE;
use crate::stack::Place;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::time::Instant;

/// Runs `hold` in a transaction, then `work`, and commits the one as soon as this many statements of the other wait for it,
/// or for each other behind it.
pub(crate) fn held_from<R>(
    place: &Place,
    hold: &str,
    waiting: usize,
    work: impl FnOnce() -> R,
) -> R {
    // The lock with this number tells that `hold` is done.
    static NUMBER: AtomicUsize = AtomicUsize::new(7000);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // It lets go in any case, before the work is given up.
    let sql = format!(
        "begin;
         {hold};
         select pg_advisory_xact_lock({number});
         do $$ begin
             for tries in 1..400 loop
                 perform pg_stat_clear_snapshot();
                 exit when (
                     with recursive waiting (pid) as (
                         select a.pid from pg_stat_activity a where pg_backend_pid() = any (pg_blocking_pids(a.pid))
                         union
                         select a.pid from pg_stat_activity a
                             join waiting w on w.pid = any (pg_blocking_pids(a.pid)))
                     select count(*) from waiting) >= {waiting};
                 perform pg_sleep(0.01);
             end loop;
         end $$;
         commit;"
    );
    let is_held =
        format!("select count(*) from pg_locks where locktype = 'advisory' and objid = {number}");
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| place.sql(&sql));
        let started = Instant::now();
        while place.sql(&is_held) == "0" {
            assert!(started.elapsed() < PATIENCE, "nothing is held");
            std::thread::sleep(Duration::from_millis(5));
        }
        let done = work();
        holding.join().unwrap();
        done
    })
}
