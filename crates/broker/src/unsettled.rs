//! Batches that were handled, and what the broker is told of them once it may be told.
//! Nobody else acknowledges.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicRejectOptions},
};
use messages::excerpt::logged;
use tokio::time::timeout;

use crate::{ConsumerFaults, Crash, Incoming, Mistake, Verdict, Verdicts};

/// How long what was handled may take to its end once the broker cannot be told any more.
const LAST: Duration = Duration::from_secs(2);

/// A batch with its verdicts.
type Settled = (Vec<Incoming>, Vec<Verdict>);

/// Batches of one channel that wait for their verdicts.
pub(crate) struct Unsettled {
    channel: Channel,
    faults: ConsumerFaults,
    /// In their order: an acknowledgement covers what was delivered before.
    batches: FuturesOrdered<BoxFuture<'static, Settled>>,
    /// Whether the broker was told of any.
    pub(crate) has_settled: bool,
}

impl Unsettled {
    pub(crate) fn new(channel: &Channel, faults: &ConsumerFaults) -> Self {
        let batches = FuturesOrdered::new();
        Self { channel: channel.clone(), faults: faults.clone(), batches, has_settled: false }
    }

    pub(crate) fn push(&mut self, batch: Vec<Incoming>, verdicts: Verdicts) {
        self.batches.push_back(verdicts.0.map(|verdicts| (batch, verdicts)).boxed());
    }

    /// The oldest, once it has its verdicts; `None` where there is none. What it returns
    /// must be [settled](Self::settle).
    pub(crate) async fn next(&mut self) -> Option<Settled> {
        self.batches.next().await
    }

    /// Lets what was handled come to its end, though nobody is told any more: less of it is
    /// done again once it is delivered anew.
    pub(crate) async fn finish(&mut self) {
        let ended = async { while self.next().await.is_some() {} };
        if timeout(LAST, ended).await.is_err() {
            log::warn!("batches that were handled are left before their end");
        }
    }

    /// Rejects what cannot be processed, each alone; then acknowledges the rest at
    /// once. The last acknowledged tag must be outstanding, so it is that of a
    /// message that is done.
    pub(crate) async fn settle(&mut self, (batch, verdicts): Settled) -> lapin::Result<()> {
        // Storing may have taken long: what holds is what the switch says now.
        if self.faults.get().crash == Some(Crash::BeforeAck) {
            Crash::BeforeAck.happen();
        }
        if Mistake::AckBeforeCommit.is_made() {
            return Ok(());
        }
        // Without a verdict for each, an acknowledgement could cover one that has none.
        assert_eq!(batch.len(), verdicts.len(), "one verdict for each message");
        let mut last_done = None;
        for (message, verdict) in batch.iter().zip(&verdicts) {
            match verdict {
                Verdict::Done => last_done = Some(message),
                Verdict::Reject(reason) => reject(&self.channel, message, reason).await?,
            }
        }
        acknowledge(&self.channel, last_done).await?;
        self.has_settled = true;
        Ok(())
    }
}

/// Acknowledges messages, and all that were delivered before the last of them.
pub(crate) async fn acknowledge<'a>(
    channel: &Channel,
    messages: impl IntoIterator<Item = &'a Incoming>,
) -> lapin::Result<()> {
    if let Some(last) = messages.into_iter().last() {
        channel.basic_ack(last.delivery_tag, BasicAckOptions { multiple: true }).await?;
    }
    Ok(())
}

async fn reject(channel: &Channel, message: &Incoming, reason: &str) -> lapin::Result<()> {
    let reason = logged(reason);
    log::warn!("message {:?} goes to the dead-letter queue: {reason}", message.id());
    channel.basic_reject(message.delivery_tag, BasicRejectOptions { requeue: false }).await?;
    Ok(())
}
