//! Forwarding: to the destination's queue, confirmed, and then written down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use broker::{Handed, Outcome, Outgoing, Properties, Publisher, Relayed};
use futures_util::future::join_all;
use jiff::Timestamp;
use messages::{Correlation, StandardMessage, SystemName, names};
use tokio::time::sleep;

use crate::{
    blocked::Blocked,
    crash::{Crash, Point},
    store::{Forwarded, Key, Reforwarded, Store, StoreError, Waiting},
};

/// How long what cannot be written down waits for the next attempt.
const AGAIN: Duration = Duration::from_secs(1);

/// Forwards messages that are stored. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Forwarder {
    store: Store,
    publisher: Publisher,
    blocked: Blocked,
    crash: Crash,
    /// Why something that was forwarded is not written down; kept by whoever tries to.
    unwritten: Arc<Mutex<Weak<String>>>,
}

impl Forwarder {
    pub(crate) fn new(store: Store, publisher: Publisher, blocked: Blocked, crash: Crash) -> Self {
        Self { store, publisher, blocked, crash, unwritten: Arc::default() }
    }

    /// `Ok` unless something that was forwarded waits to be written down.
    ///
    /// # Errors
    /// Why it could not be, in a Spanish sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        let unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = unwritten.upgrade();
        reason.map_or(Ok(()), |error| Err(format!("no se puede guardar: {error}")))
    }

    /// Forwards messages in their order, and writes down which were; the destinations of
    /// the others are blocked then. Returns how many were forwarded.
    ///
    /// # Errors
    /// When that cannot be written down: they may have been forwarded all the same, and
    /// will be once more.
    pub(crate) async fn forward(&self, messages: Vec<Waiting>) -> Result<usize, StoreError> {
        let on_their_way = self.publish(messages).await;
        let done = self.confirmed(on_their_way).await;
        self.write_down(&done).await
    }

    /// Publishes messages in their order, behind those that were published before.
    pub(crate) async fn publish(&self, messages: Vec<Waiting>) -> OnTheirWay {
        let mut on_their_way = OnTheirWay::new();
        for Waiting { key, message, attempt } in messages {
            let destination = message.destination.clone();
            let handed = match properties(&message) {
                Some(properties) => self.publisher.relay(kept(message, &properties)).await,
                None => self.publisher.hand_over(rebuilt(message)).await,
            };
            on_their_way.entry(destination).or_default().push(OnItsWay { key, attempt, handed });
        }
        on_their_way
    }

    /// Waits for what becomes of messages, and writes that down, however long the store
    /// may be away.
    pub(crate) async fn see_through(&self, on_their_way: OnTheirWay) {
        let done = self.confirmed(on_their_way).await;
        let mut reason;
        while let Err(error) = self.write_down(&done).await {
            log::error!("what was forwarded is not written down yet: {error}");
            reason = Arc::new(error.to_string());
            let unwritten = Arc::downgrade(&reason);
            *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = unwritten;
            sleep(AGAIN).await;
        }
    }

    /// What became of messages. No destination waits for the answers of another.
    async fn confirmed(&self, on_their_way: OnTheirWay) -> Done {
        let all = on_their_way.into_iter();
        let done = join_all(all.map(|(to, messages)| self.confirmed_by(to, messages))).await;
        self.crash.at(Point::Confirmed);
        let mut forwarded: Vec<_> = done.iter().flat_map(|done| &done.forwarded).copied().collect();
        forwarded.sort_unstable_by_key(|one| one.key);
        Done { forwarded, again: done.iter().flat_map(|done| &done.again).copied().collect() }
    }

    /// What became of messages to one destination, which is blocked once it takes one not.
    async fn confirmed_by(&self, destination: SystemName, messages: Vec<OnItsWay>) -> Done {
        let mut done = Done::default();
        for OnItsWay { key, attempt, handed } in messages {
            let outcome = handed.outcome().await;
            self.crash.at(Point::Published);
            let at = Timestamp::now();
            match (outcome, attempt) {
                (Outcome::Confirmed, None) => done.forwarded.push(Forwarded { key, at }),
                (Outcome::Confirmed, Some(number)) => {
                    done.again.push(Reforwarded { key, number, at });
                }
                (other, _) => self.blocked.block(destination.clone(), other),
            }
        }
        done
    }

    async fn write_down(&self, Done { forwarded, again }: &Done) -> Result<usize, StoreError> {
        self.store.forwarded(forwarded).await?;
        self.store.reforwarded(again).await?;
        let count = forwarded.len() + again.len();
        metrics::counter!("audit_forwarded_total").increment(count as u64);
        Ok(count)
    }
}

/// Messages that were published, by their destinations.
type OnTheirWay = HashMap<SystemName, Vec<OnItsWay>>;

/// One of them.
pub(crate) struct OnItsWay {
    key: Key,
    attempt: Option<i64>,
    handed: Handed,
}

/// Messages that were forwarded.
#[derive(Default)]
struct Done {
    forwarded: Vec<Forwarded>,
    again: Vec<Reforwarded>,
}

/// What a message said of itself, where that was kept.
fn properties(message: &StandardMessage) -> Option<Properties> {
    let decoded = Properties::decode(message.properties.as_deref()?);
    decoded.inspect_err(|error| log::error!("{}: {error}", message.id)).ok()
}

/// A message as its destination gets it: as it was published, but for the user, whom the
/// broker takes from nobody else.
fn kept(message: StandardMessage, properties: &Properties) -> Relayed {
    let StandardMessage { destination, payload, .. } = message;
    Relayed::kept(names::DELIVERY_EXCHANGE, destination.as_str(), properties, payload)
}

/// The same of a message from before all of that was kept.
fn rebuilt(message: StandardMessage) -> Outgoing {
    let StandardMessage {
        id,
        source,
        destination,
        kind,
        created,
        correlation,
        content_type,
        payload,
        properties: _,
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
