//! One dead message: what its publisher gave it, and how it died.

use std::collections::BTreeMap;

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};

use crate::{Properties, Unreadable, message::PERSISTENT};

/// Headers that the broker added, by their beginnings; they are no part of the
/// message (RabbitMQ, "Dead Letter Exchanges" and "Quorum Queues").
const ADDED: [&str; 5] =
    ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count"];

/// A message in a dead-letter queue. All of it came over the wire: anybody with
/// the right to publish may have written anything.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// AMQP `message_id`, as published.
    pub id: Option<String>,
    /// AMQP `type`, as published.
    pub kind: Option<String>,
    /// AMQP `app_id`: who published it.
    pub producer: Option<String>,
    /// AMQP `timestamp`, as published: seconds since 1970.
    pub timestamp: Option<u64>,
    /// Every property and header that its publisher gave it, those above too,
    /// as text, in an order that does not change.
    pub properties: Vec<(String, String)>,
    /// The part of it that nobody can read: its texts are lossy then, and show escaped among
    /// the properties.
    pub unreadable: Option<Unreadable>,
    /// How it came here; none where the broker did not bring it.
    pub death: Option<Death>,
    /// Whether it was handed out from this queue before.
    pub redelivered: bool,
    /// The body.
    pub body: Vec<u8>,
    pub(super) delivery_tag: u64,
    raw: BasicProperties,
}

/// The last death of a message (RabbitMQ, header `x-death`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Death {
    /// The queue where it died.
    pub queue: String,
    /// Why: `rejected`, `expired`, `maxlen` or `delivery_limit`.
    pub reason: String,
    /// How many times it died there for that reason.
    pub count: i64,
    /// When it first did: seconds since 1970, by the broker's clock.
    pub time: Option<u64>,
    /// The exchange through which it had come to that queue; the default
    /// exchange is empty.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
}

/// Where a message is published again.
pub(super) struct Origin {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
}

impl DeadLetter {
    /// A message that no broker delivered, for tests of what is shown of one.
    #[must_use]
    pub fn new(id: Option<&str>, body: Vec<u8>) -> Self {
        let mut raw = BasicProperties::default();
        if let Some(id) = id {
            raw = raw.with_message_id(id.into());
        }
        Self::from_parts(&raw, body)
    }

    fn from_parts(received: &BasicProperties, body: Vec<u8>) -> Self {
        let (properties, added) = Properties(received.clone()).split_headers(is_added);
        let key = routing_key(&added).filter(|key| str::from_utf8(key.as_bytes()).is_err());
        let unreadable = key.map(|_| Unreadable::RoutingKey).or_else(|| properties.unreadable());
        let (listed, raw) = (properties.listed(), properties.0);
        Self {
            id: text(raw.message_id().as_ref()),
            kind: text(raw.kind().as_ref()),
            producer: text(raw.app_id().as_ref()),
            timestamp: *raw.timestamp(),
            properties: listed,
            unreadable,
            death: death(&added),
            redelivered: false,
            body,
            delivery_tag: 0,
            raw,
        }
    }

    /// None where it is not known, or can be none: it came by one of these exchanges, or was
    /// published to the queue itself. RabbitMQ keeps what a publisher wrote there into a death
    /// in this queue, which may be any place that whoever publishes again has a right to.
    pub(super) fn origin(&self, exchanges: &[&str]) -> Option<Origin> {
        let death = self.death.as_ref()?;
        let is_to_the_queue = death.exchange.is_empty() && death.routing_key == death.queue;
        if !is_to_the_queue && !exchanges.contains(&death.exchange.as_str()) {
            return None;
        }
        let exchange = ShortString::try_new(death.exchange.as_str()).ok()?;
        let routing_key = ShortString::try_new(death.routing_key.as_str()).ok()?;
        Some(Origin { exchange, routing_key })
    }

    /// The text that would not be the same in another message: clients write UTF-8 alone.
    /// Headers are written as the octets that they are.
    pub(super) fn unwritable(&self) -> Option<Unreadable> {
        self.unreadable
            .filter(|part| matches!(part, Unreadable::Property(_) | Unreadable::RoutingKey))
    }

    /// What it is published with again.
    pub(super) fn outgoing(&self) -> BasicProperties {
        self.raw.clone().with_delivery_mode(PERSISTENT)
    }
}

impl From<Delivery> for DeadLetter {
    fn from(delivery: Delivery) -> Self {
        Self {
            delivery_tag: delivery.delivery_tag,
            redelivered: delivery.redelivered,
            ..Self::from_parts(&delivery.properties, delivery.data)
        }
    }
}

fn is_added(name: &[u8]) -> bool {
    ADDED.iter().any(|added| name.starts_with(added.as_bytes()))
}

fn text(value: Option<&ShortString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn lossy(text: &LongString) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

/// The broker puts the last death first. Before 4.0 it kept what a publisher
/// wrote there, so nothing in it is taken for granted.
fn death(headers: &FieldTable) -> Option<Death> {
    let last = last_death(headers)?;
    let text = |name: &str| last.get(name)?.as_long_string().map(lossy);
    Some(Death {
        queue: text("queue")?,
        reason: text("reason")?,
        count: last.get("count").and_then(AMQPValue::as_long_long_int).unwrap_or(1),
        time: last.get("time").and_then(AMQPValue::as_timestamp),
        exchange: text("exchange")?,
        routing_key: routing_key(headers).map(lossy)?,
    })
}

fn last_death(headers: &FieldTable) -> Option<&BTreeMap<ShortString, AMQPValue>> {
    let deaths = headers.inner().get("x-death")?.as_array()?;
    Some(deaths.as_slice().first()?.as_field_table()?.inner())
}

fn routing_key(headers: &FieldTable) -> Option<&LongString> {
    let keys = last_death(headers)?.get("routing-keys")?.as_array()?;
    keys.as_slice().first()?.as_long_string()
}
