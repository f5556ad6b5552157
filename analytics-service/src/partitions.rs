//! One consumer for each queue, with a connection and batches of its own: an
//! `ack(multiple)` must not cover what another queue delivered and nobody has
//! stored yet. What they store, and what they have done, they share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use broker::{AmqpUrl, ConsumerFaults, LinkStatus, NotUsable, Subscription, TopologyMismatch};
use futures_util::future::try_join_all;
use messages::names::{QUEUE, QUEUES};
use service_kit::{Failure, Shutdown};
use tokio::task::JoinSet;

use crate::{
    consume::Recorder,
    progress::Progress,
    topology::{leftovers, topology},
    writing::Writer,
};

/// Name of the first consumer in the broker's dashboard.
const CONSUMER: &str = "analytics-service";

/// The consumers of all queues.
#[derive(Clone)]
pub(crate) struct Consumers {
    /// Where the broker is.
    pub(crate) url: AmqpUrl,
    /// How many queues are used.
    pub(crate) partitions: usize,
    /// Where they store.
    pub(crate) writer: Writer,
    /// Whom they tell what they have done.
    pub(crate) progress: Progress,
    /// How old an event may be.
    pub(crate) window: Duration,
    /// What is wrong with all of them on purpose.
    pub(crate) faults: ConsumerFaults,
    /// Their connections.
    pub(crate) links: Links,
}

/// The connections that are consumed on; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Links(Arc<Mutex<Vec<(&'static str, LinkStatus)>>>);

impl Links {
    /// `Ok` when each of them can be used now.
    ///
    /// # Errors
    /// Why one cannot.
    pub(crate) fn check(&self) -> Result<(), NotUsable> {
        self.lock().iter().try_for_each(|(_, link)| link.check())
    }

    fn add(&self, queue: &'static str, link: LinkStatus) {
        self.lock().push((queue, link));
    }

    fn remove(&self, queue: &str) {
        self.lock().retain(|(name, _)| *name != queue);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(&'static str, LinkStatus)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Consumers {
    /// Starts them; they consume until told to stop, and end all together.
    pub(crate) fn start(self, stop: &Shutdown) -> Consuming {
        let mut tasks = JoinSet::new();
        for queue in &QUEUES[..self.partitions] {
            let (subscription, recorder) = self.consumer(queue);
            tasks.spawn(broker::consume(subscription, recorder, stop.token()));
        }
        tasks.spawn(self.drain(stop.clone()));
        Consuming(tasks)
    }

    /// Empties the queues that are used no more. As nothing leads to them, that they
    /// are looked for once is enough.
    async fn drain(self, stop: Shutdown) -> Result<(), TopologyMismatch> {
        let found = leftovers(self.partitions).find(&self.url, CONSUMER, &stop.token()).await;
        try_join_all(found.into_iter().map(|queue| self.drain_one(queue, &stop))).await?;
        Ok(())
    }

    async fn drain_one(
        &self,
        queue: &'static str,
        stop: &Shutdown,
    ) -> Result<(), TopologyMismatch> {
        log::info!("{queue} is used no more: what waits there is counted; then delete it");
        let (subscription, recorder) = self.consumer(queue);
        broker::consume(subscription.of_leftover(), recorder, stop.token()).await?;
        log::info!("{queue} is not emptied any more: it is gone, or the service stops");
        self.links.remove(queue);
        Ok(())
    }

    fn consumer(&self, queue: &'static str) -> (Subscription, Recorder) {
        let topology = topology(self.partitions);
        let (subscription, link) =
            Subscription::new(self.url.clone(), consumer_name(queue), queue, topology);
        self.links.add(queue, link);
        let subscription = subscription.with_faults(self.faults.clone());
        let recorder = Recorder::new(self.writer.clone(), self.progress.consumer(), self.window);
        match queue {
            QUEUE => (subscription, recorder),
            further => (subscription.with_link_name(further), recorder),
        }
    }
}

/// As the broker's dashboard shows it: further ones by the number of their queue.
fn consumer_name(queue: &str) -> String {
    match QUEUES.iter().position(|name| *name == queue) {
        None | Some(0) => CONSUMER.to_owned(),
        Some(place) => format!("{CONSUMER} {}", place + 1),
    }
}

/// Consumers at work.
pub(crate) struct Consuming(JoinSet<Result<(), TopologyMismatch>>);

impl Consuming {
    /// Waits until all have ended in order.
    ///
    /// # Errors
    /// As soon as one ends otherwise.
    pub(crate) async fn ended(mut self) -> Result<(), Failure> {
        while let Some(ended) = self.0.join_next().await {
            let ended = ended.context("a consumer died")?;
            ended.map_err(|mismatch| Failure::Configuration(mismatch.into()))?;
        }
        Ok(())
    }
}
