//! One signal that ends everything in order: SIGTERM, Ctrl-C, or the death of
//! a part that the service cannot do without.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long requests in flight may take to finish. With what comes before and
/// after (see `http` and the broker crate) the end stays within the 10 s that
/// Docker gives.
pub const GRACE: Duration = Duration::from_secs(6);

/// Handle to the signal; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Raised by SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Self::default();
        let raised = shutdown.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            log::info!("{name}: finishing what is under way");
            raised.raise();
        });
        Ok(shutdown)
    }

    /// Tells everybody to stop.
    pub fn raise(&self) {
        self.0.cancel();
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves when it is time to stop.
    pub fn raised(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }

    /// The token itself, for crates that know nothing of this one.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}
