//! From the queue into the store. The broker crate acknowledges what
//! [`Recorder`] says is done, never before.

use std::time::{Duration, Instant};

use broker::{Handler, HandlerError, Incoming, Verdict, Verdicts};
use jiff::Timestamp;
use messages::{MessageId, excerpt};
use service_kit::clock;
use tokio::time::sleep;

use crate::{
    journal::{Delivery, Outcome},
    judge::{CLOCK_TOLERANCE, Event, judge},
    progress::{ConsumerProgress, Delivered},
    store::{Recorded, StoreError},
    writing::{Writer, Writing},
};

/// How often old messages are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// How soon that is done while writing fails, so that the service is ready soon
/// after its database.
const FORGET_AGAIN: Duration = Duration::from_secs(1);

/// Messages forgotten in one transaction, so that counting never waits long.
const FORGET_AT_ONCE: i64 = 10_000;

/// Characters of a reason that are remembered: it may quote the message.
const MAX_REASON: usize = 200;

/// Counts the batches of one queue.
pub(crate) struct Recorder {
    writer: Writer,
    progress: ConsumerProgress,
    window: Duration,
}

/// Forgets what is too old to come again.
pub(crate) struct Forgetter {
    writer: Writer,
    writing: Writing,
    window: Duration,
}

impl Recorder {
    /// Counts what is at most `window` old, and tells `progress` of it.
    pub(crate) fn new(writer: Writer, progress: ConsumerProgress, window: Duration) -> Self {
        Self { writer, progress, window }
    }

    /// The events of a batch, and a verdict for each message, should they be stored.
    fn judge(&self, batch: &[Incoming], now: Timestamp) -> (Vec<Event>, Vec<Verdict>) {
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
        (events, verdicts)
    }

    async fn record(&self, events: &[Event], now: Timestamp) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        let started = Instant::now();
        let recorded = self.writer.record(events, now).await?;
        metrics::histogram!("analytics_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::histogram!("analytics_batch_size").record(count(events.len()));
        consumed("counted", recorded.count());
        consumed("duplicate", events.len() - recorded.count());
        Ok(recorded)
    }
}

impl Handler for Recorder {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        let now = Timestamp::now();
        let (events, verdicts) = self.judge(batch, now);
        let recorded = self.record(&events, now).await;
        let deliveries = deliveries(batch, &verdicts, &events, recorded.as_ref());
        if let Err(error) = recorded {
            self.progress.not_stored(deliveries);
            return Err(error.into());
        }
        self.progress.stored(deliveries, clock::now());
        consumed("rejected", batch.len() - events.len());
        Ok(verdicts.into())
    }
}

/// Each delivery of a batch, with what became of it.
fn deliveries(
    batch: &[Incoming],
    verdicts: &[Verdict],
    events: &[Event],
    recorded: Result<&Recorded, &StoreError>,
) -> Vec<Delivered> {
    let a_las = clock::now();
    let mut events = events.iter().enumerate().map(|(place, event)| {
        let (resultado, motivo) = match recorded {
            Ok(recorded) if recorded.is_new.get(place) == Some(&true) => (Outcome::Counted, None),
            Ok(_) => (Outcome::Repeated, None),
            Err(error) => (Outcome::NotStored, Some(error.to_string())),
        };
        (resultado, Some(event.click.cliente.to_string()), motivo)
    });
    let delivered = batch.iter().zip(verdicts).filter_map(|(message, verdict)| {
        let (resultado, cliente, motivo) = match verdict {
            Verdict::Done => events.next()?,
            Verdict::Reject(reason) => {
                (Outcome::Rejected, None, Some(excerpt(reason, MAX_REASON).into_owned()))
            }
        };
        let id = message.id().and_then(|id| id.parse().ok()).map(MessageId::as_uuid);
        let reentregado = message.redelivered;
        Some((id, Delivery { a_las, reentregado, resultado, cliente, motivo }))
    });
    delivered.collect()
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
        loop {
            let forgotten = self.writer.forget(clock::ago(kept), FORGET_AT_ONCE).await;
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
