//! How the server is told to stop, and what it does until it does.

use crate::state::AppState;
use core::time::Duration;
use portcullis::directory::UserDirectory;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// Counts how often the process was told to stop: by Ctrl-C, and by SIGTERM where there is such a thing.
///
/// From this call on, neither ends the process by itself.
pub(crate) fn signals() -> std::io::Result<watch::Receiver<u32>> {
    let (count, counted) = watch::channel(0_u32);
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        loop {
            signals.next().await;
            count.send_modify(|count| *count = count.saturating_add(1));
        }
    });
    Ok(counted)
}

/// Waits until the process was told to stop so many times.
pub(crate) async fn told(mut signals: watch::Receiver<u32>, times: u32) {
    if signals.wait_for(|count| *count >= times).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for the first signal, and then for as long as a load balancer may need to send its requests elsewhere:
/// `/readyz` answers 503, everything else is answered as ever.
pub(crate) async fn drained<S: UserDirectory>(
    state: AppState<S>,
    drain: Duration,
    signals: watch::Receiver<u32>,
) {
    told(signals, 1).await;
    state.draining.store(true, Ordering::Relaxed);
    if !drain.is_zero() {
        tracing::info!(?drain, "draining");
        tokio::time::sleep(drain).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn next(&mut self) {
        let _more = self.0.recv().await;
    }
}
