//! Exchanges, queues and bindings as data, and their declaration with a clear
//! end where the broker holds them otherwise.

use lapin::{
    Channel, Connection, ErrorKind,
    options::{
        ExchangeBindOptions, ExchangeDeclareOptions, ExchangeUnbindOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::{AMQPValue, FieldTable, LongString},
};

use crate::link::{SessionError, within_time};

/// Type of an exchange that spreads messages, and the plugin that knows it.
const CONSISTENT_HASH: (&str, &str) = ("x-consistent-hash", "rabbitmq_consistent_hash_exchange");

/// How an exchange routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExchangeKind {
    /// To queues bound with exactly the message's routing key.
    Direct,
    /// To every bound queue.
    Fanout,
    /// To one of the bound queues: always to the same, as long as the same are bound,
    /// for one value of the header. RabbitMQ needs a plugin for it.
    ConsistentHash {
        /// The header's name. All messages without it go to one and the same queue.
        header: &'static str,
    },
}

/// A durable exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Its name.
    pub name: &'static str,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Name of the exchange that takes what this one has no binding for.
    pub alternate: Option<&'static str>,
}

/// What gives way where a queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// Publishes: they are refused (nack), so that nothing is lost.
    RefusePublishes,
    /// Its oldest messages, which nobody is told of. Not with a dead-letter exchange:
    /// that is served at least once only where publishes are refused.
    DropOldest,
}

/// A durable quorum queue, with arguments that RabbitMQ 3.10 to 4.x accept.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Deliveries of one message before it is dead-lettered. Since 4.0 the
    /// default is 20, and one crash counts for everything prefetched.
    pub delivery_limit: i64,
    /// Messages held at most.
    pub max_length: i64,
    /// What gives way over it.
    pub overflow: Overflow,
    /// Where rejected messages go, at least once.
    pub dead_letter_exchange: Option<&'static str>,
}

/// Where a binding leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To the queue of this name.
    Queue(&'static str),
    /// To the exchange of this name, which routes on.
    Exchange(&'static str),
}

/// A queue, or an exchange, bound to an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it leads.
    pub destination: Destination,
    /// Name of the exchange that it comes from.
    pub exchange: &'static str,
    /// Routing key; empty for a fanout, a weight for a consistent hash.
    pub routing_key: &'static str,
}

/// What must be there before anybody publishes or consumes. Declaring is
/// idempotent; no queue and no exchange is ever deleted.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Declared first.
    pub exchanges: Vec<Exchange>,
    /// Declared second.
    pub queues: Vec<Queue>,
    /// Declared third.
    pub bindings: Vec<Binding>,
    /// Taken away last, so that there is a way for every message at any time; they
    /// need not be there, nor what they bind.
    pub unbound: Vec<Binding>,
}

/// The broker cannot have what is declared. Trying again cannot help.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopologyMismatch {
    /// It holds a queue or an exchange of that name with other arguments; deleting
    /// it would lose messages.
    #[error(
        "{what} exists with other arguments; delete it (its messages are lost) or declare it as \
         it is. The broker says: {detail}"
    )]
    OtherArguments {
        /// `queue '…'` or `exchange '…'`.
        what: String,
        /// The broker's own words; they name the argument.
        detail: String,
    },
    /// It does not know an exchange of that type: a plugin is not enabled.
    #[error(
        "exchange '{exchange}' needs RabbitMQ's plugin {plugin}, which is not enabled; enable it \
         on every node with: rabbitmq-plugins enable {plugin}. The broker says: {detail}"
    )]
    NoPlugin {
        /// The exchange's name.
        exchange: &'static str,
        /// The plugin's.
        plugin: &'static str,
        /// The broker's own words; they name the type.
        detail: String,
    },
}

impl Topology {
    pub(crate) async fn declare(
        &self,
        connection: &Connection,
        channel: &Channel,
    ) -> Result<(), SessionError> {
        for exchange in &self.exchanges {
            exchange.declare(channel).await?;
        }
        for queue in &self.queues {
            queue.declare(channel).await?;
        }
        for binding in &self.bindings {
            binding.declare(channel).await?;
        }
        self.unbind(connection).await
    }

    /// On a channel of its own, which the broker closes where we may not touch what
    /// is to be unbound: then it is none of ours.
    async fn unbind(&self, connection: &Connection) -> Result<(), SessionError> {
        if self.unbound.is_empty() {
            return Ok(());
        }
        let channel = within_time(connection.create_channel()).await?;
        for binding in &self.unbound {
            match binding.remove(&channel).await {
                Err(error) if error.closes_channel_with(AMQPSoftError::ACCESSREFUSED) => {
                    log::warn!("{binding:?} cannot be unbound, should it be there: {error}");
                    return Ok(());
                }
                removed => removed?,
            }
        }
        within_time(channel.close(200, "bye".into())).await
    }
}

impl Exchange {
    async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        let (kind, mut arguments) = self.kind.on_the_wire();
        if let Some(exchange) = self.alternate {
            arguments.insert("alternate-exchange".into(), text(exchange));
        }
        self.declare_as(kind, arguments, channel).await
    }

    async fn declare_as(
        &self,
        kind: lapin::ExchangeKind,
        arguments: FieldTable,
        channel: &Channel,
    ) -> Result<(), SessionError> {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declared = channel.exchange_declare(self.name.into(), kind, options, arguments);
        within_time(declared).await.map_err(|error| match &error {
            SessionError::Amqp(amqp) if self.kind.is_of_plugin() && is_unknown_type(amqp) => {
                let (exchange, plugin) = (self.name, CONSISTENT_HASH.1);
                TopologyMismatch::NoPlugin { exchange, plugin, detail: amqp.to_string() }.into()
            }
            _ => mismatch("exchange", self.name, error),
        })
    }
}

impl ExchangeKind {
    fn is_of_plugin(self) -> bool {
        matches!(self, Self::ConsistentHash { .. })
    }

    fn on_the_wire(self) -> (lapin::ExchangeKind, FieldTable) {
        let mut arguments = FieldTable::default();
        let kind = match self {
            Self::Direct => lapin::ExchangeKind::Direct,
            Self::Fanout => lapin::ExchangeKind::Fanout,
            Self::ConsistentHash { header } => {
                arguments.insert("hash-header".into(), text(header));
                lapin::ExchangeKind::Custom(CONSISTENT_HASH.0.to_owned())
            }
        };
        (kind, arguments)
    }
}

impl Overflow {
    fn on_the_wire(self) -> &'static str {
        match self {
            Self::RefusePublishes => "reject-publish",
            Self::DropOldest => "drop-head",
        }
    }
}

impl Queue {
    async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let declared = channel.queue_declare(self.name.into(), options, self.arguments());
        match within_time(declared).await {
            Ok(_) => Ok(()),
            Err(error) => Err(mismatch("queue", self.name, error)),
        }
    }

    fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(self.delivery_limit));
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(self.max_length));
        arguments.insert("x-overflow".into(), text(self.overflow.on_the_wire()));
        if let Some(exchange) = self.dead_letter_exchange {
            arguments.insert("x-dead-letter-exchange".into(), text(exchange));
            arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        }
        arguments
    }
}

impl Binding {
    async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        let (from, key, none) =
            (self.exchange.into(), self.routing_key.into(), FieldTable::default());
        match self.destination {
            Destination::Queue(queue) => {
                let options = QueueBindOptions::default();
                within_time(channel.queue_bind(queue.into(), from, key, options, none)).await
            }
            Destination::Exchange(exchange) => {
                let options = ExchangeBindOptions::default();
                within_time(channel.exchange_bind(exchange.into(), from, key, options, none)).await
            }
        }
    }

    /// What is not there needs no removing: the broker says yes all the same.
    async fn remove(&self, channel: &Channel) -> Result<(), SessionError> {
        let (from, key, none) =
            (self.exchange.into(), self.routing_key.into(), FieldTable::default());
        match self.destination {
            Destination::Queue(queue) => {
                within_time(channel.queue_unbind(queue.into(), from, key, none)).await
            }
            Destination::Exchange(exchange) => {
                let options = ExchangeUnbindOptions::default();
                within_time(channel.exchange_unbind(exchange.into(), from, key, options, none))
                    .await
            }
        }
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value.as_bytes()))
}

fn mismatch(what: &str, name: &str, error: SessionError) -> SessionError {
    if !error.closes_channel_with(AMQPSoftError::PRECONDITIONFAILED) {
        return error;
    }
    let what = format!("{what} '{name}'");
    TopologyMismatch::OtherArguments { what, detail: error.to_string() }.into()
}

/// RabbitMQ closes the connection where it does not know an exchange's type.
fn is_unknown_type(error: &lapin::Error) -> bool {
    let invalid = AMQPErrorKind::Hard(AMQPHardError::COMMANDINVALID);
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if *amqp.kind() == invalid)
}

#[cfg(test)]
mod tests {
    use test_support::Vhost;

    use super::*;
    use crate::link;

    /// As every node here has the plugin, of a type that none has.
    #[tokio::test]
    async fn a_type_that_the_broker_does_not_know_is_a_mismatch_that_names_the_plugin() {
        let vhost = Vhost::create().await;
        let url = vhost.url().parse().expect("a broker's URL");
        let connection = link::connect(&url, "prueba").await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let kind = ExchangeKind::ConsistentHash { header: "cliente" };
        let exchange = Exchange { name: "por_cliente", kind, alternate: None };
        let unknown = lapin::ExchangeKind::Custom("x-no-such-type".to_owned());
        let declared = exchange.declare_as(unknown, FieldTable::default(), &channel).await;
        let Err(SessionError::Mismatch(mismatch)) = declared else { panic!("{declared:?}") };
        let text = mismatch.to_string();
        for part in [
            "exchange 'por_cliente'",
            "rabbitmq-plugins enable rabbitmq_consistent_hash_exchange",
            "x-no-such-type",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
