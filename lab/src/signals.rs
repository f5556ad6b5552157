//! Ctrl-C and SIGTERM, as a value to wait for.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its creation on: a signal that comes before anybody waits is
/// not lost, and no longer ends the process by itself.
pub(crate) struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Self> {
        let kind = |kind| signal(kind).context("no se pudieron recibir señales");
        Ok(Self {
            ctrl_c: kind(SignalKind::interrupt())?,
            terminate: kind(SignalKind::terminate())?,
            hangup: kind(SignalKind::hangup())?,
        })
    }

    /// Ends when somebody asks this process to stop: Ctrl-C, SIGTERM, or the
    /// terminal being closed.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
