//! A publisher of the kind that the services have, for as long as it is needed.

use crate::prove::wait::until;
use anyhow::{Context, Result};
use broker::{AmqpUrl, Publisher};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long it may take until it is connected.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Connected.
pub(super) struct Link {
    pub(super) publisher: Publisher,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Link {
    /// Connects, to publish to one exchange; whether that works is asked at `probed`.
    ///
    /// # Errors
    /// When that does not succeed in time.
    pub(super) async fn open(
        url: AmqpUrl,
        name: &str,
        exchange: &'static str,
        probed: &'static str,
    ) -> Result<Self> {
        let stop = CancellationToken::new();
        let (publisher, task) = broker::publisher(url, name.to_owned(), exchange, stop.clone());
        let link = Self { publisher, stop, task: tokio::spawn(task.probing_at(probed).run()) };
        until(name, CONNECT_LIMIT, async || Ok(link.publisher.status().check().ok())).await?;
        Ok(link)
    }

    /// Ends in good order.
    ///
    /// # Errors
    /// When it had died.
    pub(super) async fn close(mut self) -> Result<()> {
        self.stop.cancel();
        (&mut self.task).await.context("una conexión se interrumpió")
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
