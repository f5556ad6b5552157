//! A message on its way out, and one on its way in.

use std::borrow::Cow;

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use messages::MessageId;

use crate::{Properties, Unreadable, properties::without};

/// Persistent (AMQP 0-9-1, `delivery-mode`): survives a restart of the broker.
pub(crate) const PERSISTENT: u8 = 2;

/// The media type of JSON (RFC 8259).
pub const JSON: &str = "application/json";

/// Header that says what caused a message (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";

/// A message to publish. Its id is fixed before the first attempt. Texts but those of
/// headers have at most 255 bytes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// AMQP `message_id`; the same on every retry.
    pub id: MessageId,
    /// AMQP `app_id`: the program or system that publishes.
    pub producer: String,
    /// AMQP `user_id`, which the broker takes only where it is the connection's user;
    /// none is always taken.
    pub user: Option<String>,
    /// AMQP `type`: the form of the body, with its version.
    pub kind: Cow<'static, str>,
    /// Routing key.
    pub routing_key: String,
    /// AMQP `timestamp`, in seconds since 1970.
    pub timestamp: u64,
    /// AMQP `correlation_id`: what it belongs to.
    pub correlation_id: Option<String>,
    /// AMQP `content_type`: the media type of the body.
    pub content_type: Cow<'static, str>,
    /// Headers and their texts, no header twice.
    pub headers: Vec<(&'static str, String)>,
    /// Any bytes.
    pub body: Vec<u8>,
}

impl Outgoing {
    pub(crate) fn properties(&self) -> BasicProperties {
        let mut properties = BasicProperties::default()
            .with_message_id(self.id.to_string().into())
            .with_app_id(self.producer.clone().into())
            .with_type((*self.kind).into())
            .with_timestamp(self.timestamp)
            .with_content_type((*self.content_type).into())
            .with_delivery_mode(PERSISTENT);
        if let Some(correlation_id) = &self.correlation_id {
            properties = properties.with_correlation_id(correlation_id.clone().into());
        }
        if let Some(user) = &self.user {
            properties = properties.with_user_id(user.clone().into());
        }
        if self.headers.is_empty() { properties } else { properties.with_headers(self.table()) }
    }

    fn table(&self) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in &self.headers {
            let text = LongString::from(value.as_bytes());
            table.insert((*name).into(), AMQPValue::LongString(text));
        }
        table
    }
}

/// A message that was delivered, on its way to another exchange: as it came, but for what
/// only its own publisher may say (`user_id`).
#[derive(Clone, Debug)]
pub struct Relayed {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: Box<BasicProperties>,
    pub(crate) body: Vec<u8>,
}

/// What a publisher takes.
#[derive(Debug)]
pub(crate) enum Message {
    Outgoing(Outgoing),
    Relayed(Relayed),
}

impl Message {
    /// What tells it from others on its way: its id, empty where it has none, and its
    /// routing key.
    pub(crate) fn key(&self) -> (String, String) {
        match self {
            Self::Outgoing(message) => (message.id.to_string(), message.routing_key.clone()),
            Self::Relayed(relayed) => {
                let id = text(relayed.properties.message_id().as_ref()).unwrap_or_default();
                (id.to_owned(), relayed.routing_key.to_string())
            }
        }
    }

    /// Where it goes, unless that is where everything goes.
    pub(crate) fn exchange(&self) -> Option<&'static str> {
        match self {
            Self::Outgoing(_) => None,
            Self::Relayed(relayed) => Some(relayed.exchange),
        }
    }

    pub(crate) fn routing_key(&self) -> &str {
        match self {
            Self::Outgoing(message) => &message.routing_key,
            Self::Relayed(relayed) => relayed.routing_key.as_str(),
        }
    }

    pub(crate) fn properties(&self) -> BasicProperties {
        match self {
            Self::Outgoing(message) => message.properties(),
            Self::Relayed(relayed) => (*relayed.properties).clone(),
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Outgoing(message) => &message.body,
            Self::Relayed(relayed) => &relayed.body,
        }
    }
}

/// A delivered message. What a publisher may leave out is optional. Texts are lossy where
/// it is [unreadable](Self::unreadable): ask that first.
#[derive(Clone, Debug)]
pub struct Incoming {
    properties: Properties,
    routing_key: ShortString,
    /// Whether it may have been handled before: delivered (AMQP `redelivered`), or of a
    /// batch that was not stored as far as is known.
    pub redelivered: bool,
    /// The body.
    pub body: Vec<u8>,
    pub(crate) delivery_tag: u64,
}

impl Incoming {
    /// A message that no broker delivered, for tests of what is done with one.
    #[must_use]
    pub fn new(id: Option<&str>, kind: Option<&str>, body: Vec<u8>) -> Self {
        let mut properties = BasicProperties::default();
        if let Some(id) = id {
            properties = properties.with_message_id(id.into());
        }
        if let Some(kind) = kind {
            properties = properties.with_type(kind.into());
        }
        Self::with(Properties(properties), body)
    }

    /// The same with any properties.
    #[must_use]
    pub(crate) fn with(properties: Properties, body: Vec<u8>) -> Self {
        Self {
            properties,
            routing_key: ShortString::default(),
            redelivered: false,
            body,
            delivery_tag: 0,
        }
    }

    /// All that it says of itself beside its body and its routing key.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// The first part of it that nobody can read: then it is to be refused as a whole.
    #[must_use]
    pub fn unreadable(&self) -> Option<Unreadable> {
        let key = (!self.routing_key.is_utf8()).then_some(Unreadable::RoutingKey);
        key.or_else(|| self.properties.unreadable())
    }

    /// AMQP `message_id`, as published.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        text(self.properties.0.message_id().as_ref())
    }

    /// AMQP `app_id`, as published.
    #[must_use]
    pub fn producer(&self) -> Option<&str> {
        text(self.properties.0.app_id().as_ref())
    }

    /// AMQP `user_id`: who was connected when it was published, where it says so.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        text(self.properties.0.user_id().as_ref())
    }

    /// AMQP `type`, as published.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        text(self.properties.0.kind().as_ref())
    }

    /// AMQP `correlation_id`, as published.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        text(self.properties.0.correlation_id().as_ref())
    }

    /// AMQP `content_type`, as published.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        text(self.properties.0.content_type().as_ref())
    }

    /// AMQP `timestamp`, as published: seconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        *self.properties.0.timestamp()
    }

    /// The text of a header; none where it is missing, or no text in UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.properties.0.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(value) => std::str::from_utf8(value.as_bytes()).ok(),
            AMQPValue::ShortString(value) => Some(value.as_str()),
            _ => None,
        }
    }

    /// What it was routed by.
    #[must_use]
    pub fn routing_key(&self) -> &str {
        self.routing_key.as_str()
    }

    /// The same for `exchange`, persistent, without what would end it there (`expiration`),
    /// and with `headers`, which take the place of its own of the same names.
    #[must_use]
    pub fn relayed(&self, exchange: &'static str, headers: &[(&'static str, &str)]) -> Relayed {
        let of = &self.properties.0;
        let mut table = of.headers().clone().unwrap_or_default();
        for (name, value) in headers {
            let text = LongString::from(value.as_bytes());
            table.insert((*name).into(), AMQPValue::LongString(text));
        }
        let properties = without(of, &["headers", "user_id", "expiration"]);
        let properties = properties.with_delivery_mode(PERSISTENT).with_headers(table).into();
        let (routing_key, body) = (self.routing_key.clone(), self.body.clone());
        Relayed { exchange, routing_key, properties, body }
    }
}

impl Relayed {
    /// A message that was delivered and kept, on its way to `exchange` with `routing_key` (at
    /// most 255 bytes).
    #[must_use]
    pub fn kept(
        exchange: &'static str,
        routing_key: &str,
        properties: &Properties,
        body: Vec<u8>,
    ) -> Self {
        let properties = without(&properties.0, &["user_id"]).into();
        Self { exchange, routing_key: routing_key.into(), properties, body }
    }
}

/// As if the broker had delivered it at once.
impl From<Outgoing> for Incoming {
    fn from(message: Outgoing) -> Self {
        let routing_key = message.routing_key.as_str().into();
        Self { routing_key, ..Self::with(Properties(message.properties()), message.body) }
    }
}

impl From<Delivery> for Incoming {
    fn from(delivery: Delivery) -> Self {
        let properties = Properties(delivery.properties);
        let published = if delivery.redelivered { properties.uncounted() } else { properties };
        Self {
            properties: published,
            routing_key: delivery.routing_key,
            redelivered: delivery.redelivered,
            delivery_tag: delivery.delivery_tag,
            body: delivery.data,
        }
    }
}

fn text(value: Option<&ShortString>) -> Option<&str> {
    value.map(ShortString::as_str)
}
