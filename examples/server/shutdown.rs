//! Signals to stop, and the drain before the server stops.

use crate::state::AppState;
use core::time::Duration;
use portcullis::directory::UserDirectory;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// Counts the signals to stop: Ctrl-C, and on Unix SIGTERM. From this call on, they no longer end the process by themselves.
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

/// Waits until so many signals have come.
pub(crate) async fn received(mut signals: watch::Receiver<u32>, times: u32) {
    if signals.wait_for(|count| *count >= times).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for the first signal and then for `period`, so that load balancers can send requests elsewhere: `/readyz` answers
/// 503, every other route as before.
pub(crate) async fn drain<S: UserDirectory>(
    state: AppState<S>,
    period: Duration,
    signals: watch::Receiver<u32>,
) {
    received(signals, 1).await;
    state.draining.store(true, Ordering::Relaxed);
    if !period.is_zero() {
        tracing::info!(?period, "draining");
        tokio::time::sleep(period).await;
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
