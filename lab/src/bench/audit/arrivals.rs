//! When a message arrives: published, and taken from the mailbox, by the same clock.

use super::link::Link;
use super::systems::{MAILBOX, Systems};
use crate::bench::ground::Ground;
use crate::load::latency::Latency;
use anyhow::{Context, Result, ensure};
use broker::{Handler, HandlerError, Incoming, Outcome, Subscription, Topology, Verdict, Verdicts};
use messages::names::DELIVERY_EXCHANGE;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// As the broker's dashboard shows it.
const NAME: &str = "banco-llegadas";

/// How long one message may be on its way.
const LIMIT: Duration = Duration::from_secs(30);

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the entry, as a system does, and through the proxy.
    Audited,
    /// To the destination's exchange at once, as no system may.
    Direct,
}

/// Somebody who publishes both ways, and waits at the mailbox.
pub(crate) struct Arrivals<'a> {
    systems: &'a Systems,
    entry: Link,
    delivery: Link,
    arrived: mpsc::UnboundedReceiver<(String, Instant)>,
    sent: HashMap<String, (Way, Instant)>,
    consuming: JoinHandle<Result<(), broker::TopologyMismatch>>,
    stop: DropGuard,
}

/// Tells of each message when it came.
struct Taker(mpsc::UnboundedSender<(String, Instant)>);

impl Handler for Taker {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let now = Instant::now();
        for message in batch {
            // Who does not wait for it any more has no use for it either.
            let _ = self.0.send((message.id().unwrap_or_default().to_owned(), now));
        }
        Ok(vec![Verdict::Done; batch.len()].into())
    }
}

impl<'a> Arrivals<'a> {
    /// Connects both ways, and to an empty mailbox.
    pub(crate) async fn open(ground: &Ground, systems: &'a Systems) -> Result<Self> {
        let url: broker::AmqpUrl = ground.running.amqp_url().parse().map_err(anyhow::Error::msg)?;
        let entry = systems.link().await?;
        let delivery = Link::open(url.clone(), NAME, DELIVERY_EXCHANGE, DELIVERY_EXCHANGE).await?;
        let (tell, arrived) = mpsc::unbounded_channel();
        let (subscription, _) =
            Subscription::new(url, NAME.to_owned(), MAILBOX, Topology::default());
        let stop = CancellationToken::new();
        let consuming = broker::consume(subscription, Taker(tell), stop.clone());
        let (consuming, stop) = (tokio::spawn(consuming), stop.drop_guard());
        Ok(Self { systems, entry, delivery, arrived, sent: HashMap::new(), consuming, stop })
    }

    /// Publishes the next message.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub(crate) async fn send(&mut self, way: Way) -> Result<()> {
        let id = Uuid::now_v7();
        let mut message = self.systems.message(id);
        let link = match way {
            Way::Audited => &self.entry,
            Way::Direct => {
                // As the proxy forwards it: it is no user of the system's.
                message.user = None;
                &self.delivery
            }
        };
        self.sent.insert(id.to_string(), (way, Instant::now()));
        let outcome = link.publisher.publish(message).await;
        ensure!(outcome == Outcome::Confirmed, "no se publicó un mensaje: {outcome:?}");
        Ok(())
    }

    /// Waits for all that were sent; how long those of one way took, and of the other.
    ///
    /// # Errors
    /// When one does not come.
    pub(crate) async fn arrive(&mut self) -> Result<(Latency, Latency)> {
        let (mut audited, mut direct) = (Latency::default(), Latency::default());
        while !self.sent.is_empty() {
            let missing = self.sent.len();
            let arrived = timeout(LIMIT, self.arrived.recv()).await;
            let arrived = arrived.with_context(|| format!("faltan {missing} mensajes"))?;
            let (id, at) = arrived.context("nadie mira el buzón")?;
            let Some((way, sent)) = self.sent.remove(&id) else { continue };
            match way {
                Way::Audited => audited.record(at - sent),
                Way::Direct => direct.record(at - sent),
            }
        }
        Ok((audited, direct))
    }

    /// Ends in good order.
    pub(crate) async fn close(self) -> Result<()> {
        drop(self.stop);
        self.consuming.await.context("nadie mira el buzón")??;
        self.entry.close().await?;
        self.delivery.close().await
    }
}
