//! From the queue into the store. The broker crate acknowledges what
//! [`Recorder`] says is done, never before.

use std::time::{Duration, Instant};

use broker::{
    Binding, Exchange, ExchangeKind, Handler, HandlerError, Incoming, Queue, Topology, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use messages::names;
use tokio::time::sleep;

use crate::{
    judge::{CLOCK_TOLERANCE, Event, judge},
    store::StoreError,
    writing::{Writer, Writing},
};

/// Deliveries of one message before it is dead-lettered. Poison is rejected at
/// its first; this is for a message that kills whoever reads it.
const DELIVERY_LIMIT: i64 = 1000;

/// The same for the dead-letter queue. Behind it is nothing, so over the limit it
/// would drop a message, and before RabbitMQ 4.3 looking at one counts as a
/// delivery: people may look as often as they like.
const DEAD_DELIVERY_LIMIT: i64 = 2_000_000_000;

/// Messages that may wait before senders are refused.
const MAX_WAITING: i64 = 5_000_000;

/// How often old messages are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// How soon that is done while writing fails, so that the service is ready soon
/// after its database.
const FORGET_AGAIN: Duration = Duration::from_secs(1);

/// Messages forgotten in one transaction, so that counting never waits long.
const FORGET_AT_ONCE: i64 = 10_000;

/// What analytics needs on the broker. Further routing keys may be bound by
/// hand: it counts whatever its queue receives.
pub(crate) fn topology() -> Topology {
    let dead = Queue {
        name: names::DEAD_LETTER_QUEUE,
        delivery_limit: DEAD_DELIVERY_LIMIT,
        max_length: MAX_WAITING,
        dead_letter_exchange: None,
    };
    let queue = Queue {
        name: names::QUEUE,
        delivery_limit: DELIVERY_LIMIT,
        dead_letter_exchange: Some(names::DEAD_LETTER_EXCHANGE),
        ..dead
    };
    Topology {
        exchanges: vec![
            Exchange { name: names::EXCHANGE, kind: ExchangeKind::Direct },
            Exchange { name: names::DEAD_LETTER_EXCHANGE, kind: ExchangeKind::Fanout },
        ],
        queues: vec![dead, queue],
        bindings: vec![
            Binding {
                queue: names::DEAD_LETTER_QUEUE,
                exchange: names::DEAD_LETTER_EXCHANGE,
                routing_key: "",
            },
            Binding { queue: names::QUEUE, exchange: names::EXCHANGE, routing_key: names::CLICK },
        ],
    }
}

/// Counts batches.
pub(crate) struct Recorder {
    writer: Writer,
    window: Duration,
}

/// Forgets what is too old to come again.
pub(crate) struct Forgetter {
    writer: Writer,
    writing: Writing,
    window: Duration,
}

impl Recorder {
    /// Counts what is at most `window` old.
    pub(crate) fn new(writer: Writer, window: Duration) -> Self {
        Self { writer, window }
    }

    async fn record(&self, events: &[Event], now: Timestamp) -> Result<(), StoreError> {
        let started = Instant::now();
        let recorded = self.writer.record(events, now).await?;
        metrics::histogram!("analytics_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::histogram!("analytics_batch_size").record(count(events.len()));
        consumed("counted", recorded);
        consumed("duplicate", events.len() - recorded);
        Ok(())
    }
}

impl Handler for Recorder {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Vec<Verdict>, HandlerError> {
        let now = Timestamp::now();
        let mut events = Vec::with_capacity(batch.len());
        let mut verdicts = Vec::with_capacity(batch.len());
        for message in batch {
            match judge(message, now, self.window) {
                Ok(event) => {
                    events.push(event);
                    verdicts.push(Verdict::Done);
                }
                Err(reason) => verdicts.push(Verdict::Reject(reason)),
            }
        }
        if !events.is_empty() {
            self.record(&events, now).await?;
        }
        consumed("rejected", batch.len() - events.len());
        Ok(verdicts)
    }
}

impl Forgetter {
    /// Forgets what is older than `window`.
    pub(crate) fn new(writer: Writer, writing: Writing, window: Duration) -> Self {
        Self { writer, writing, window }
    }

    /// Forgets messages older than the window, for ever. It writes even where
    /// nothing is old, so that an idle service makes its database, and notices
    /// when it cannot write or can again.
    pub(crate) async fn run(mut self) {
        let kept = self.window.saturating_add(CLOCK_TOLERANCE);
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        loop {
            let before = Timestamp::now().checked_sub(kept).unwrap_or(Timestamp::MIN);
            let forgotten = self.writer.forget(before, FORGET_AT_ONCE).await;
            if !forgotten.is_ok_and(|count| i64::try_from(count) == Ok(FORGET_AT_ONCE)) {
                self.pause().await;
            }
        }
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = self.writing.fails() => sleep(FORGET_AGAIN).await,
            () = sleep(FORGET_EVERY) => {}
        }
    }
}

fn consumed(result: &'static str, messages: usize) {
    let messages = u64::try_from(messages).unwrap_or(u64::MAX);
    metrics::counter!("analytics_consumed_total", "result" => result).increment(messages);
}

fn count(messages: usize) -> f64 {
    f64::from(u32::try_from(messages).unwrap_or(u32::MAX))
}
