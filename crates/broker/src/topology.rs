//! Exchanges, queues and bindings as data, and their declaration with a clear
//! end where the broker holds them otherwise.

use lapin::{
    Channel, ErrorKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, LongString},
};

use crate::link::{SessionError, within_time};

/// How an exchange routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExchangeKind {
    /// To queues bound with exactly the message's routing key.
    Direct,
    /// To every bound queue.
    Fanout,
}

/// A durable exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Its name.
    pub name: &'static str,
    /// How it routes.
    pub kind: ExchangeKind,
}

/// A durable quorum queue, with arguments that RabbitMQ 3.10 to 4.x accept.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Deliveries of one message before it is dead-lettered. Since 4.0 the
    /// default is 20, and one crash counts for everything prefetched.
    pub delivery_limit: i64,
    /// Messages held at most; over it, publishes are refused (nack).
    pub max_length: i64,
    /// Where rejected messages go, at least once.
    pub dead_letter_exchange: Option<&'static str>,
}

/// A queue bound to an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The queue's name.
    pub queue: &'static str,
    /// The exchange's name.
    pub exchange: &'static str,
    /// Routing key; empty for a fanout.
    pub routing_key: &'static str,
}

/// What must be there before anybody publishes or consumes. Declaring is
/// idempotent; nothing is ever deleted.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Declared first.
    pub exchanges: Vec<Exchange>,
    /// Declared second.
    pub queues: Vec<Queue>,
    /// Declared last.
    pub bindings: Vec<Binding>,
}

/// The broker holds a queue or an exchange of that name with other arguments.
/// Trying again cannot help, and deleting it would lose messages.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{what} exists with other arguments; delete it (its messages are lost) or declare it as it is. \
     The broker says: {detail}"
)]
pub struct TopologyMismatch {
    /// `queue '…'` or `exchange '…'`.
    what: String,
    /// The broker's own words; they name the argument.
    detail: String,
}

impl Topology {
    pub(crate) async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        for exchange in &self.exchanges {
            exchange.declare(channel).await?;
        }
        for queue in &self.queues {
            queue.declare(channel).await?;
        }
        for binding in &self.bindings {
            binding.declare(channel).await?;
        }
        Ok(())
    }
}

impl Exchange {
    async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        let kind = match self.kind {
            ExchangeKind::Direct => lapin::ExchangeKind::Direct,
            ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
        };
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declared =
            channel.exchange_declare(self.name.into(), kind, options, FieldTable::default());
        within_time(declared).await.map_err(|error| mismatch("exchange", self.name, error))
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
        let text = |value: &str| AMQPValue::LongString(LongString::from(value.as_bytes()));
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(self.delivery_limit));
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(self.max_length));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        if let Some(exchange) = self.dead_letter_exchange {
            arguments.insert("x-dead-letter-exchange".into(), text(exchange));
            arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        }
        arguments
    }
}

impl Binding {
    async fn declare(&self, channel: &Channel) -> Result<(), SessionError> {
        let bound = channel.queue_bind(
            self.queue.into(),
            self.exchange.into(),
            self.routing_key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        within_time(bound).await
    }
}

fn mismatch(what: &str, name: &str, error: SessionError) -> SessionError {
    match &error {
        SessionError::Amqp(amqp) if is_precondition_failed(amqp) => {
            let what = format!("{what} '{name}'");
            TopologyMismatch { what, detail: amqp.to_string() }.into()
        }
        _ => error,
    }
}

fn is_precondition_failed(error: &lapin::Error) -> bool {
    let failed = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if *amqp.kind() == failed)
}
