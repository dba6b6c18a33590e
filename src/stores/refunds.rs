//! Gives charges of a throttle back in the background, in batches.

use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Charges that wait to be given back. More stay charged: that is safe, and what a flood costs.
const WAITING: usize = 4096;

/// Takes charges and hands them to a task that ends with it, once it has given back what it was given.
#[derive(Debug)]
pub(super) struct Refunds<C>(Sender<C>);

impl<C: Send + 'static> Refunds<C> {
    /// Starts the task. `give_back` gives at most `batch` charges back in one step, and is called again only when that is done.
    pub(super) fn start<F>(
        runtime: &Handle,
        batch: usize,
        give_back: impl Fn(Vec<C>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, charges) = channel(WAITING);
        runtime.spawn(run(charges, batch, give_back));
        Self(sender)
    }

    /// Never waits.
    pub(super) fn push(&self, charge: C) {
        // Full, or the runtime has ended: the charge stays.
        drop(self.0.try_send(charge));
    }
}

async fn run<C, F: Future<Output = ()>>(
    mut charges: Receiver<C>,
    batch: usize,
    give_back: impl Fn(Vec<C>) -> F,
) {
    let mut step = Vec::new();
    while charges.recv_many(&mut step, batch).await > 0 {
        give_back(core::mem::take(&mut step)).await;
    }
}
