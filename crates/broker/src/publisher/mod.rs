//! Publishing with an answer: every message ends in exactly one [`Outcome`].
//!
//! [`Publisher`] is a cheap handle for any number of callers. One
//! [`PublisherTask`] owns the connection and its only channel: a channel that
//! two threads publish to misattributes confirms. It takes whatever waits,
//! publishes it together, and settles confirms as they come.

mod probe;
mod settle;
mod task;

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    AmqpUrl, LinkStatus, Outgoing, Relayed,
    link::{LinkMonitor, NotUsable},
    message::Message,
};

pub use task::PublisherTask;

/// How long a caller waits for an outcome.
const DEADLINE: Duration = Duration::from_secs(2);

/// Messages under way at most, those without an answer included.
const MAX_IN_FLIGHT: usize = 4096;

/// Messages of one batch under way at most, so that a batch does not starve others.
const BATCH_WINDOW: usize = 512;

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The broker has it, on disk, in at least one queue.
    Confirmed,
    /// No queue is bound for its routing key: the broker returned it.
    Unroutable,
    /// The broker refused it (nack): a queue is full. Where several are bound,
    /// another one may have it.
    Refused,
    /// It never left this process.
    NotSent(NotSent),
    /// It left, and no answer came in time. It may be in the queue or not; a
    /// retry under the same id is harmless.
    Unknown,
}

/// Why a message never left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotSent {
    /// The connection cannot be used.
    Link(NotUsable),
    /// Too many messages are under way.
    Overloaded,
    /// Its properties, headers included, do not fit into one frame: it never will.
    TooLarge,
}

impl Outcome {
    fn label(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Unroutable => "unroutable",
            Self::Refused => "refused",
            Self::NotSent(_) => "not_sent",
            Self::Unknown => "unknown",
        }
    }
}

/// A message with the place for its answer. Its slot is free again when it is
/// dropped, so it stays alive until the broker has answered or is gone.
struct Request {
    message: Message,
    answer: oneshot::Sender<Outcome>,
    _slot: OwnedSemaphorePermit,
}

impl Request {
    fn answer(self, outcome: Outcome) {
        // A caller that gave up waiting has its answer already: unknown.
        let _ = self.answer.send(outcome);
    }
}

/// Handle to publish with; clones share one connection.
#[derive(Clone)]
pub struct Publisher {
    requests: mpsc::Sender<Request>,
    slots: Arc<Semaphore>,
    status: LinkStatus,
    monitor: LinkMonitor,
}

/// A publisher to `exchange`, shown in the broker's dashboard as `name`. The
/// task must be run; it ends when `stop` is cancelled, after settling what is
/// under way.
#[must_use]
pub fn publisher(
    url: AmqpUrl,
    name: String,
    exchange: &'static str,
    stop: CancellationToken,
) -> (Publisher, PublisherTask) {
    let (monitor, status) = LinkMonitor::new("publisher");
    let (requests, waiting) = mpsc::channel(MAX_IN_FLIGHT);
    let slots = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let publisher = Publisher { requests, slots, status, monitor: monitor.clone() };
    let task = PublisherTask { url, name, exchange, probed: exchange, stop, monitor, waiting };
    (publisher, task)
}

impl Publisher {
    /// Whether the connection can be used now.
    #[must_use]
    pub fn status(&self) -> &LinkStatus {
        &self.status
    }

    /// While `true`, a usable connection looks as if the broker had blocked it
    /// (`connection.blocked`): a fault that a class switches on.
    pub fn block(&self, blocked: bool) {
        self.monitor.block_on_purpose(blocked);
    }

    /// Whether it is to look blocked; with the connection away it does not.
    #[must_use]
    pub fn is_blocked_on_purpose(&self) -> bool {
        self.monitor.is_blocked_on_purpose()
    }

    /// Publishes one message and says what became of it, within two seconds.
    pub async fn publish(&self, message: Outgoing) -> Outcome {
        self.hand_over(message).await.outcome().await
    }

    /// Hands over a message, to be published behind those that were handed over before.
    pub async fn hand_over(&self, message: Outgoing) -> Handed {
        self.hand_over_any(Message::Outgoing(message)).await
    }

    /// Hands over a message that was delivered, to its own exchange. Of several without
    /// an id that are under way with one routing key, one may be told the outcome of
    /// another.
    pub async fn relay(&self, message: Relayed) -> Handed {
        self.hand_over_any(Message::Relayed(message)).await
    }

    /// Publishes messages [together]; outcomes in their order.
    pub async fn publish_all(&self, messages: Vec<Outgoing>) -> Vec<Outcome> {
        together(messages.into_iter().map(|message| self.publish(message))).await
    }

    async fn hand_over_any(&self, message: Message) -> Handed {
        let deadline = Instant::now() + DEADLINE;
        let handed = match self.status.check() {
            Ok(()) => self.request(message, deadline).await,
            Err(reason) => Err(NotSent::Link(reason)),
        };
        Handed(handed.map(|answered| (answered, deadline)))
    }

    async fn request(
        &self,
        message: Message,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Outcome>, NotSent> {
        let Ok(Ok(slot)) = timeout_at(deadline, self.slots.clone().acquire_owned()).await else {
            return Err(NotSent::Overloaded);
        };
        let (answer, answered) = oneshot::channel();
        let request = Request { message, answer, _slot: slot };
        let sent = self.requests.send(request).await;
        sent.map(|()| answered).map_err(|_| NotSent::Link(closing()))
    }
}

/// A message that was handed over: its answer, and until when that is waited for; or why
/// it never left.
#[must_use]
pub struct Handed(Result<(oneshot::Receiver<Outcome>, Instant), NotSent>);

impl Handed {
    /// What becomes of it, within two seconds of its being handed over.
    pub async fn outcome(self) -> Outcome {
        let outcome = match self.0 {
            Ok((answered, deadline)) => match timeout_at(deadline, answered).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) | Err(_) => Outcome::Unknown,
            },
            Err(reason) => Outcome::NotSent(reason),
        };
        metrics::counter!("broker_published_total", "result" => outcome.label()).increment(1);
        outcome
    }
}

/// Awaits what publishes with many under way at once, and not so many that others
/// starve; results in their order.
pub async fn together<F: Future>(publishes: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    stream::iter(publishes).buffered(BATCH_WINDOW).collect().await
}

fn closing() -> NotUsable {
    NotUsable::Disconnected("el servicio se está deteniendo".to_owned())
}
