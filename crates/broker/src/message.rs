//! A message on its way out, and one on its way in.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use messages::{MessageId, names};

/// Persistent (AMQP 0-9-1, `delivery-mode`): survives a restart of the broker.
pub(crate) const PERSISTENT: u8 = 2;

/// A message to publish. Its id is fixed before the first attempt.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// AMQP `message_id`; the same on every retry.
    pub id: MessageId,
    /// AMQP `app_id`: the service that publishes.
    pub producer: String,
    /// AMQP `type`: the form of the body, with its version.
    pub kind: &'static str,
    /// Routing key, at most 255 bytes.
    pub routing_key: String,
    /// AMQP `timestamp`, in seconds since 1970.
    pub timestamp: u64,
    /// AMQP `correlation_id`: the request that caused it.
    pub correlation_id: Option<String>,
    /// Header [`names::CLIENT_HEADER`]: whose event it is, for who routes by that.
    pub client: String,
    /// Header `traceparent` (W3C Trace Context).
    pub traceparent: Option<String>,
    /// JSON, in UTF-8.
    pub body: Vec<u8>,
}

impl Outgoing {
    pub(crate) fn properties(&self) -> BasicProperties {
        let mut properties = BasicProperties::default()
            .with_message_id(self.id.to_string().into())
            .with_app_id(self.producer.clone().into())
            .with_type(self.kind.into())
            .with_timestamp(self.timestamp)
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT);
        if let Some(correlation_id) = &self.correlation_id {
            properties = properties.with_correlation_id(correlation_id.clone().into());
        }
        properties.with_headers(self.headers())
    }

    fn headers(&self) -> FieldTable {
        let text = |value: &str| AMQPValue::LongString(LongString::from(value.as_bytes()));
        let mut headers = FieldTable::default();
        headers.insert(names::CLIENT_HEADER.into(), text(&self.client));
        if let Some(traceparent) = &self.traceparent {
            headers.insert("traceparent".into(), text(traceparent));
        }
        headers
    }
}

/// A delivered message. What a publisher may leave out is optional.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// AMQP `message_id`, as published.
    pub id: Option<String>,
    /// AMQP `type`, as published.
    pub kind: Option<String>,
    /// AMQP `timestamp`, as published: seconds since 1970.
    pub timestamp: Option<u64>,
    /// Whether it may have been delivered before (AMQP `redelivered`).
    pub redelivered: bool,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) delivery_tag: u64,
}

impl Incoming {
    /// A message that no broker delivered, for tests of what is done with one.
    #[must_use]
    pub fn new(id: Option<String>, kind: Option<String>, body: Vec<u8>) -> Self {
        Self { id, kind, timestamp: None, redelivered: false, body, delivery_tag: 0 }
    }
}

impl From<Delivery> for Incoming {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: text(delivery.properties.message_id().as_ref()),
            kind: text(delivery.properties.kind().as_ref()),
            timestamp: *delivery.properties.timestamp(),
            redelivered: delivery.redelivered,
            delivery_tag: delivery.delivery_tag,
            body: delivery.data,
        }
    }
}

pub(crate) fn text(value: Option<&ShortString>) -> Option<String> {
    value.map(ToString::to_string)
}
