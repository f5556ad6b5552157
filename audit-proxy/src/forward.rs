//! Forwarding: to the destination's queue, confirmed, and then written down.

use std::collections::HashMap;

use broker::{Outcome, Outgoing, Publisher};
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
        let mut attempts = Attempts::default();
        self.publish(messages, &mut attempts).await;
        self.write_down(attempts).await
    }

    /// Publishes messages in their order, without those whose destination took no more at
    /// an earlier one of these attempts.
    pub(crate) async fn publish(&self, mut messages: Vec<Waiting>, attempts: &mut Attempts) {
        messages.retain(|waiting| !attempts.failed.contains_key(&waiting.message.destination));
        let made = broker::together(messages.into_iter().map(|one| self.attempt(one))).await;
        attempts.extend(made);
    }

    /// Writes down what came of attempts, as [`Forwarder::forward`] does.
    ///
    /// # Errors
    /// When that is not possible now.
    pub(crate) async fn write_down(&self, attempts: Attempts) -> Result<usize, StoreError> {
        let Attempts { forwarded, again, failed } = attempts;
        self.crash.at(Point::Confirmed);
        self.store.forwarded(&forwarded).await?;
        self.store.reforwarded(&again).await?;
        for (destination, outcome) in failed {
            self.blocked.block(destination, outcome);
        }
        let count = forwarded.len() + again.len();
        metrics::counter!("audit_forwarded_total").increment(count as u64);
        Ok(count)
    }

    async fn attempt(&self, Waiting { key, message, attempt: number }: Waiting) -> Attempt {
        let destination = message.destination.clone();
        let outcome = self.publisher.publish(outgoing(message)).await;
        self.crash.at(Point::Published);
        Attempt { key, number, destination, outcome, at: Timestamp::now() }
    }
}

/// What became of forwarding messages, while it is not written down.
#[derive(Default)]
pub(crate) struct Attempts {
    forwarded: Vec<Forwarded>,
    again: Vec<Reforwarded>,
    failed: HashMap<SystemName, Outcome>,
}

impl Extend<Attempt> for Attempts {
    fn extend<T: IntoIterator<Item = Attempt>>(&mut self, made: T) {
        for Attempt { key, number, destination, outcome, at } in made {
            match (outcome, number) {
                (Outcome::Confirmed, None) => self.forwarded.push(Forwarded { key, at }),
                (Outcome::Confirmed, Some(number)) => {
                    self.again.push(Reforwarded { key, number, at });
                }
                (other, _) => {
                    self.failed.insert(destination, other);
                }
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
