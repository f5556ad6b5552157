//! What would carry messages where nobody audits: it consumes, publishes with
//! confirms, acknowledges. It is made of the same crate as the proxy, on one thread as
//! the proxy is, and has as many on their way, so that what differs is the audit.

use super::link::Link;
use crate::bench::apart::{Apart, apart};
use anyhow::{Context, Result};
use broker::{AmqpUrl, Handler, HandlerError, Incoming, Outcome, Publisher, Subscription};
use broker::{Topology, Verdict, Verdicts};
use messages::names::{AUDIT_QUEUE, DELIVERY_EXCHANGE};
use tokio_util::sync::{CancellationToken, DropGuard};

/// As the broker's dashboard shows it.
const NAME: &str = "banco-reenvio";

/// Bytes of payloads in its hands, as in the proxy's.
const IN_HAND: usize = 16 << 20;

/// At work, on a thread of its own; it ends when dropped.
pub(crate) struct Forwarder {
    done: Apart<()>,
    stop: DropGuard,
}

impl Forwarder {
    /// Begins.
    pub(crate) fn start(url: AmqpUrl) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let done = apart(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(url, stopped))
        });
        Self { done, stop: stop.drop_guard() }
    }

    /// Ends once the batch at hand is acknowledged.
    ///
    /// # Errors
    /// When it had failed.
    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.stop);
        self.done.done().await
    }
}

async fn run(url: AmqpUrl, stop: CancellationToken) -> Result<()> {
    let link = Link::open(url.clone(), NAME, DELIVERY_EXCHANGE, DELIVERY_EXCHANGE).await?;
    let forward = Forward { publisher: link.publisher.clone() };
    // All that it needs is there already.
    let (subscription, _) =
        Subscription::new(url, NAME.to_owned(), AUDIT_QUEUE, Topology::default());
    let subscription = subscription.holding_at_most(IN_HAND);
    broker::consume(subscription, forward, stop).await.context("el reenvío sin auditoría")?;
    link.close().await
}

struct Forward {
    publisher: Publisher,
}

impl Handler for Forward {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let mut handed = Vec::with_capacity(batch.len());
        for message in batch {
            handed.push(self.publisher.relay(message.relayed(DELIVERY_EXCHANGE, &[])).await);
        }
        Ok(Verdicts::later(async move {
            let mut verdicts = Vec::with_capacity(handed.len());
            for one in handed {
                verdicts.push(match one.outcome().await {
                    Outcome::Confirmed => Verdict::Done,
                    other => Verdict::Reject(format!("no se reenvió: {other:?}")),
                });
            }
            verdicts
        }))
    }
}
