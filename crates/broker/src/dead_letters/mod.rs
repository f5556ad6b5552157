//! A dead-letter queue in the hands of a person: looking at what lies there,
//! publishing it again where it came from, discarding it.
//!
//! Nothing is lost to a crash between any two lines: a message that is taken
//! stays the broker's until it is acknowledged, and it is acknowledged only once
//! its copy has been confirmed. A crash in between leaves it in both places,
//! which its id makes harmless.

mod letter;

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    Channel, Confirmation, Connection, Consumer, ErrorKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    AmqpUrl, Unreadable,
    link::{self, SessionError, chain, within_time},
};

use letter::Origin;
pub use letter::{DeadLetter, Death};

/// How long a message that waits in the queue may take to come. One whose headers lie 15,000
/// deep in each other costs the broker three seconds (seen with 3.10).
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// How long the queue may take to have back what is given back.
const RETURN_LIMIT: Duration = Duration::from_secs(1);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// A dead-letter queue, on a connection of its own.
pub struct DeadLetters {
    connection: Connection,
    queue: String,
    /// Holds what has been taken and not been settled.
    taking: Channel,
    /// One consumer, though `basic.get` would be simpler: in order is taken back
    /// what one consumer had, but not what was got (see [`Self::close`]).
    deliveries: Consumer,
    window: usize,
    /// Taken and not settled.
    held: usize,
    /// In the queue, not taken.
    waiting: usize,
    /// Another one, for the broker closes it where an exchange is gone.
    publishing: Option<Channel>,
}

/// Messages that were taken, in the queue's order.
#[derive(Debug, Default)]
pub struct Taken {
    /// The messages.
    pub letters: Vec<DeadLetter>,
    /// How many more there are, by what the queue held when it was opened.
    pub remaining: usize,
}

/// What became of a message that was to be published again. Only [`Self::Moved`]
/// has left the dead-letter queue for certain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Retried {
    /// The broker has it where it came from, and it was acknowledged here.
    Moved,
    /// It has no readable `x-death` header: nobody knows where it came from.
    WithoutOrigin,
    /// A text of it is no UTF-8: another message would not have the same octets.
    Unreadable(Unreadable),
    /// No queue is bound there for its routing key (any more).
    Unroutable,
    /// The broker refused it. Holds why.
    Refused(String),
    /// No answer came in time: it may lie in both places. Holds what happened.
    Unanswered(String),
    /// It was confirmed there, and could not be acknowledged here: it lies in
    /// both places. Holds why.
    Copied(String),
}

/// Why a dead-letter queue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// There is no such queue.
    #[error("el broker no tiene la cola «{0}»")]
    NoQueue(String),
    /// The connection could not be opened, broke, or is not answered.
    #[error("falló la conexión con el broker")]
    Link(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SessionError> for DeadLettersError {
    fn from(error: SessionError) -> Self {
        Self::Link(Box::new(error))
    }
}

impl DeadLetters {
    /// Opens `queue` on a connection that the broker's dashboard shows as `name`.
    /// At most `window` messages (1 or more) are held at a time, in memory: settle
    /// some to take more. What comes later than this is not taken.
    ///
    /// A quorum queue puts what it has back behind what it had back before. So
    /// messages keep their order as long as everybody who looks at them has the
    /// same window.
    ///
    /// # Errors
    /// When the broker does not answer, or has no such queue.
    pub async fn open(
        url: &AmqpUrl,
        name: &str,
        queue: &str,
        window: u16,
    ) -> Result<Self, DeadLettersError> {
        let connection = link::connect(url, name).await?;
        let taking = within_time(connection.create_channel()).await?;
        let waiting = count(&taking, queue).await.map_err(|error| missing(queue, error))?;
        within_time(taking.basic_qos(window, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consuming =
            taking.basic_consume(queue.into(), name.into(), options, FieldTable::default());
        let deliveries = within_time(consuming).await?;
        let (queue, window) = (queue.to_owned(), usize::from(window));
        Ok(Self {
            connection,
            queue,
            taking,
            deliveries,
            window,
            held: 0,
            waiting,
            publishing: None,
        })
    }

    /// Takes up to `limit` messages, fewer where the window or the queue ends.
    /// Nobody else gets them before they are settled or [given back](Self::close).
    ///
    /// # Errors
    /// When the connection breaks; then the queue has all of them back.
    pub async fn take(&mut self, limit: usize) -> Result<Taken, DeadLettersError> {
        let wanted = limit.min(self.window - self.held).min(self.waiting);
        let mut letters = Vec::new();
        while letters.len() < wanted {
            match timeout(DELIVERY_LIMIT, self.deliveries.next()).await {
                Ok(Some(delivery)) => letters.push(delivery.map_err(SessionError::from)?.into()),
                Ok(None) => return Err(SessionError::Closed.into()),
                // Somebody else had it, or the line is silent: then this fails.
                Err(_elapsed) => {
                    self.waiting = letters.len() + count(&self.taking, &self.queue).await?;
                    break;
                }
            }
        }
        self.held += letters.len();
        self.waiting -= letters.len();
        Ok(Taken { letters, remaining: self.waiting })
    }

    /// Publishes a taken message again: the same id, properties and body,
    /// persistent, to the exchange and with the routing key that it had in the
    /// queue where it died; nothing where that cannot be, octet for octet, or where it did
    /// not come by one of `exchanges` or to the queue itself. Only when the broker has
    /// confirmed it does it leave this queue.
    pub async fn retry(&mut self, letter: &DeadLetter, exchanges: &[&str]) -> Retried {
        if let Some(part) = letter.unwritable() {
            return Retried::Unreadable(part);
        }
        let Some(origin) = letter.origin(exchanges) else { return Retried::WithoutOrigin };
        match self.publish(letter, origin).await {
            Ok(Confirmation::Ack(None)) => match self.discard(letter).await {
                Ok(()) => Retried::Moved,
                Err(error) => Retried::Copied(chain(&error)),
            },
            Ok(Confirmation::Ack(Some(_returned))) => Retried::Unroutable,
            Ok(Confirmation::Nack(_)) => Retried::Refused("la cola no acepta más".to_owned()),
            Ok(Confirmation::NotRequested) => Retried::Unanswered("sin confirmación".to_owned()),
            Err(error) => failed(&error),
        }
    }

    /// Removes a taken message for good.
    ///
    /// # Errors
    /// When the connection is broken; then the queue has it back.
    pub async fn discard(&mut self, letter: &DeadLetter) -> Result<(), DeadLettersError> {
        let removed = self.taking.basic_ack(letter.delivery_tag, BasicAckOptions::default());
        within_time(removed).await?;
        self.held -= 1;
        Ok(())
    }

    /// Gives back what was taken and not settled, in order, and waits until the
    /// broker has heard everything and the queue has it.
    ///
    /// # Errors
    /// When it may not have: then what was settled may still lie here.
    pub async fn close(self) -> Result<(), DeadLettersError> {
        // Without a word (nack): a quorum queue takes back in order what a channel
        // leaves behind, and in any order what it is given back (seen with 3.10).
        let asking = within_time(self.connection.create_channel()).await?;
        within_time(self.taking.close(200, "bye".into())).await?;
        self.returned(&asking).await?;
        Ok(within_time(self.connection.close(200, "bye".into())).await?)
    }

    /// Waits until the queue has back what was held: it takes that a moment after the
    /// channel is closed. Where others take of it, it may never have as many; then not long.
    async fn returned(&self, asking: &Channel) -> Result<(), SessionError> {
        let ends = Instant::now() + RETURN_LIMIT;
        while count(asking, &self.queue).await? < self.held + self.waiting && Instant::now() < ends
        {
            sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// One message at a time is under way, so that its answer is its own.
    async fn publish(
        &mut self,
        letter: &DeadLetter,
        origin: Origin,
    ) -> Result<Confirmation, SessionError> {
        let channel = self.publishing_channel().await?;
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let (exchange, key, properties) = (origin.exchange, origin.routing_key, letter.outgoing());
        within_time(async {
            channel.basic_publish(exchange, key, options, &letter.body, properties).await?.await
        })
        .await
    }

    async fn publishing_channel(&mut self) -> Result<Channel, SessionError> {
        if let Some(channel) = self.publishing.as_ref().filter(|old| old.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = within_time(self.connection.create_channel()).await?;
        within_time(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        self.publishing = Some(channel.clone());
        Ok(channel)
    }
}

/// Messages in a queue that nobody holds.
async fn count(channel: &Channel, queue: &str) -> Result<usize, SessionError> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let found = channel.queue_declare(queue.into(), passive, FieldTable::default());
    let count = within_time(found).await?.message_count();
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn missing(queue: &str, error: SessionError) -> DeadLettersError {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    match protocol_error(&error) {
        Some(kind) if *kind == not_found => DeadLettersError::NoQueue(queue.to_owned()),
        _ => error.into(),
    }
}

/// What the broker objected to; none where it said nothing.
fn protocol_error(error: &SessionError) -> Option<&AMQPErrorKind> {
    let SessionError::Amqp(error) = error else { return None };
    match error.kind() {
        ErrorKind::ProtocolError(objection) => Some(objection.kind()),
        _ => None,
    }
}

/// A message that the broker objected to went nowhere. One that ends the whole
/// connection is no objection to the message: a broker that stops says so too.
fn failed(error: &SessionError) -> Retried {
    let words = chain(error);
    match protocol_error(error) {
        Some(AMQPErrorKind::Soft(_)) => Retried::Refused(words),
        _ => Retried::Unanswered(words),
    }
}
