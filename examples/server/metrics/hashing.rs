//! [`MeasuredPool`]: the library's hashing threads, and how long jobs wait for them.

use super::labels::Outcome;
use super::metrics;
use portcullis::offload::{HashPool, Job, Lost, Offload};
use std::time::Instant;

/// [`HashPool::default`], measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeasuredPool(HashPool);

/// A gauge that is up while the value lives, so that a job that is dropped or panics is counted off too.
struct Up(&'static prometheus_client::metrics::gauge::Gauge);

impl Up {
    fn new(gauge: &'static prometheus_client::metrics::gauge::Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Offload for MeasuredPool {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        let (waiting, begun) = (Up::new(&metrics().hashes_waiting), Instant::now());
        let submitted = self.0.submit(Box::new(move || {
            drop(waiting);
            metrics()
                .hash_wait_seconds
                .observe(begun.elapsed().as_secs_f64());
            let _running = Up::new(&metrics().hashes_running);
            job();
        }));
        let outcome = if submitted.is_ok() {
            "taken"
        } else {
            "refused"
        };
        metrics()
            .hash_jobs
            .get_or_create(&Outcome { outcome })
            .inc();
        submitted
    }
}
