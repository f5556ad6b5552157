//! Forwarding: to the destination's queue, confirmed, and then written down.

use std::collections::HashMap;

use broker::{Outcome, Outgoing, Publisher};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use jiff::Timestamp;
use messages::{Correlation, StandardMessage, SystemName, names};

use crate::{
    blocked::Blocked,
    crash::{Crash, Point},
    store::{Forwarded, Key, Reforwarded, Store, StoreError, Waiting},
};

/// Forwards messages that are stored. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Forwarder {
    store: Store,
    publisher: Publisher,
    blocked: Blocked,
    crash: Crash,
}

impl Forwarder {
    pub(crate) fn new(store: Store, publisher: Publisher, blocked: Blocked, crash: Crash) -> Self {
        Self { store, publisher, blocked, crash }
    }

    /// Forwards messages in their order, and writes down which were; the destinations of
    /// the others are blocked then. Returns how many were forwarded.
    ///
    /// # Errors
    /// When that cannot be written down: they may have been forwarded all the same, and
    /// will be once more.
    pub(crate) async fn forward(&self, messages: Vec<Waiting>) -> Result<usize, StoreError> {
        let mut forwarding = self.forwarding();
        forwarding.publish(messages);
        forwarding.write_down().await
    }

    /// Forwarding to which messages are added while others are on their way.
    pub(crate) fn forwarding(&self) -> Forwarding<'_> {
        let (on_their_way, done) = (FuturesOrdered::new(), Done::default());
        Forwarding { forwarder: self, on_their_way, done }
    }

    async fn attempt(&self, Waiting { key, message, attempt: number }: Waiting) -> Attempt {
        let destination = message.destination.clone();
        let outcome = self.publisher.publish(outgoing(message)).await;
        self.crash.at(Point::Published);
        Attempt { key, number, destination, outcome, at: Timestamp::now() }
    }
}

/// Messages that are being forwarded, no more than the publisher has room for.
pub(crate) struct Forwarding<'a> {
    forwarder: &'a Forwarder,
    on_their_way: FuturesOrdered<BoxFuture<'a, Attempt>>,
    done: Done,
}

/// What became of messages, while it is not written down.
#[derive(Default)]
struct Done {
    forwarded: Vec<Forwarded>,
    again: Vec<Reforwarded>,
    failed: HashMap<SystemName, Outcome>,
}

impl Forwarding<'_> {
    /// Publishes messages in their order, behind those before them; without those whose
    /// destination is known to have taken no more of these.
    pub(crate) fn publish(&mut self, messages: Vec<Waiting>) {
        for one in messages {
            if !self.done.failed.contains_key(&one.message.destination) {
                self.on_their_way.push_back(self.forwarder.attempt(one).boxed());
            }
        }
    }

    /// Does `work` while messages go on their way.
    pub(crate) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(attempt) = self.on_their_way.next() => self.done.add(attempt),
                done = &mut work => return done,
            }
        }
    }

    /// Waits for them, and writes down what came of them, as [`Forwarder::forward`] does.
    ///
    /// # Errors
    /// When that is not possible now.
    pub(crate) async fn write_down(mut self) -> Result<usize, StoreError> {
        while let Some(attempt) = self.on_their_way.next().await {
            self.done.add(attempt);
        }
        let Forwarder { store, blocked, crash, .. } = self.forwarder;
        let Done { forwarded, again, failed } = self.done;
        crash.at(Point::Confirmed);
        store.forwarded(&forwarded).await?;
        store.reforwarded(&again).await?;
        for (destination, outcome) in failed {
            blocked.block(destination, outcome);
        }
        let count = forwarded.len() + again.len();
        metrics::counter!("audit_forwarded_total").increment(count as u64);
        Ok(count)
    }
}

impl Done {
    fn add(&mut self, Attempt { key, number, destination, outcome, at }: Attempt) {
        match (outcome, number) {
            (Outcome::Confirmed, None) => self.forwarded.push(Forwarded { key, at }),
            (Outcome::Confirmed, Some(number)) => self.again.push(Reforwarded { key, number, at }),
            (other, _) => {
                self.failed.insert(destination, other);
            }
        }
    }
}

/// What became of forwarding one message.
struct Attempt {
    key: Key,
    number: Option<i64>,
    destination: SystemName,
    outcome: Outcome,
    at: Timestamp,
}

/// A message as its destination gets it: as it was published, but for the user.
fn outgoing(message: StandardMessage) -> Outgoing {
    let StandardMessage {
        id,
        source,
        destination,
        kind,
        created,
        correlation,
        content_type,
        payload,
    } = message;
    Outgoing {
        id,
        producer: source.into(),
        user: None,
        kind: String::from(kind).into(),
        routing_key: destination.into(),
        timestamp: created.as_second().try_into().unwrap_or_default(),
        correlation_id: correlation.map(Correlation::into),
        content_type: String::from(content_type).into(),
        headers: vec![(names::CREATED_HEADER, created.to_string())],
        body: payload,
    }
}
