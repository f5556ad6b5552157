//! From memory into the store, a batch at a time. While the store does not answer, one
//! batch waits here, and the others where the oldest of them give way.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::{
    store::{LogBatch, LogStore, StoreError},
    topology::MAX_LOG_WAITING,
};

/// Events stored together.
const AT_ONCE: usize = 500;

/// How soon something that is not an event is stored, such as that the queue is not
/// full.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// Between two attempts to store a batch.
const AGAIN: Duration = Duration::from_millis(500);

/// How long storing what is left may take when it is time to stop.
const GRACE: Duration = Duration::from_secs(2);

/// How often losses of long ago are looked for: every so many batches.
const FORGET_EVERY: u32 = 1000;

/// Fewer free places than this, and the queue may have been full a moment ago: more
/// than are taken off it between two looks at its length, the first excepted.
const MARGIN: u32 = MAX_LOG_WAITING / 5;

/// Stores log events.
pub(crate) struct Writer {
    store: LogStore,
    shared: Shared,
    depth: watch::Receiver<Option<u32>>,
    at_most: i64,
}

impl Writer {
    pub(super) fn new(
        store: LogStore,
        shared: Shared,
        depth: watch::Receiver<Option<u32>>,
        at_most: i64,
    ) -> Self {
        Self { store, shared, depth, at_most }
    }

    /// Stores what comes until `stop`, and then what is left, if the store takes it soon.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut batch = LogBatch::default();
        tokio::select! {
            () = self.work(&mut batch) => {}
            () = self.watch() => {}
            () = stop.cancelled() => {}
        }
        self.finish(batch).await;
    }

    /// For ever; `batch` is what it has in hand.
    async fn work(&self, batch: &mut LogBatch) {
        self.open().await;
        for round in 1_u32.. {
            self.gather(batch).await;
            self.keep(batch).await;
            *batch = LogBatch::default();
            if round.is_multiple_of(FORGET_EVERY) {
                self.forget().await;
            }
        }
    }

    /// Finds out since when nobody looked at the queue.
    async fn open(&self) {
        loop {
            match self.store.open().await {
                Ok(Some(seen)) => return self.shared.lock().remember(seen),
                Ok(None) => return,
                Err(error) => log::warn!("log events are not stored yet: {error}"),
            }
            sleep(AGAIN).await;
        }
    }

    /// Waits until there is something to store.
    async fn gather(&self, batch: &mut LogBatch) {
        // What happened without an event waits that long: an elapsed time is no error.
        let _ = timeout(AT_LEAST_EVERY, self.shared.filled.notified()).await;
        *batch = self.shared.lock().take(AT_ONCE);
        if batch.events.len() == AT_ONCE {
            self.shared.filled.notify_one();
        }
    }

    /// Looks at the length of the queue whenever it is told, for ever.
    async fn watch(&self) {
        let mut depth = self.depth.clone();
        while depth.changed().await.is_ok() {
            let Some(depth) = *depth.borrow_and_update() else { continue };
            metrics::gauge!("log_queue_depth").set(depth);
            let is_full = depth + MARGIN > MAX_LOG_WAITING;
            self.shared.lock().measured(is_full, Timestamp::now());
        }
        // Nobody takes any more.
        std::future::pending::<()>().await;
    }

    /// Tries until it is stored.
    async fn keep(&self, batch: &LogBatch) {
        while let Err(error) = self.try_keep(batch).await {
            log::warn!("{} log events are not stored yet: {error}", batch.events.len());
            sleep(AGAIN).await;
        }
    }

    async fn try_keep(&self, batch: &LogBatch) -> Result<(), StoreError> {
        self.store.keep(batch, self.at_most).await?;
        metrics::counter!("log_events_stored_total").increment(batch.events.len() as u64);
        Ok(())
    }

    async fn forget(&self) {
        if let Err(error) = self.store.forget_losses(Timestamp::now()).await {
            log::warn!("what was lost long ago is not forgotten: {error}");
        }
    }

    /// Stores what is left: `begun`, and what waits behind it.
    async fn finish(self, mut begun: LogBatch) {
        let storing = async {
            loop {
                self.keep(&begun).await;
                begun = self.shared.lock().take(AT_ONCE);
                if begun.events.is_empty() && begun.losses.is_empty() {
                    return;
                }
            }
        };
        if timeout(GRACE, storing).await.is_err() {
            log::error!("log events that were in memory are lost: the store did not take them");
        }
    }
}
