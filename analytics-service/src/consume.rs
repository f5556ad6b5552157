//! From the queue into the store. The broker crate acknowledges what
//! [`Recorder`] says is done, never before.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use broker::{
    Binding, Exchange, ExchangeKind, Handler, HandlerError, Incoming, Queue, Topology, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use messages::names;
use tokio::{sync::watch, time::sleep};

use crate::{
    judge::{CLOCK_TOLERANCE, Event, judge},
    store::{Store, StoreError},
};

/// Deliveries of one message before it is dead-lettered. Poison is rejected at
/// its first; this is for a message that kills whoever reads it.
const DELIVERY_LIMIT: i64 = 1000;

/// Messages that may wait before senders are refused.
const MAX_WAITING: i64 = 5_000_000;

/// How often old messages are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// Messages forgotten in one transaction, so that counting never waits long.
const FORGET_AT_ONCE: i64 = 10_000;

/// What analytics needs on the broker. Further routing keys may be bound by
/// hand: it counts whatever its queue receives.
pub(crate) fn topology() -> Topology {
    let dead = Queue {
        name: names::DEAD_LETTER_QUEUE,
        delivery_limit: DELIVERY_LIMIT,
        max_length: MAX_WAITING,
        dead_letter_exchange: None,
    };
    let queue = Queue {
        name: names::QUEUE,
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

/// How counting goes: what others may know of it.
#[derive(Clone)]
pub(crate) struct Writing(watch::Receiver<LastError>);

/// Why the last write failed; none where it did not.
type LastError = Option<Arc<str>>;

impl Writing {
    /// `Ok` when the last write was stored.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &*self.0.borrow() {
            None => Ok(()),
            Some(error) => Err(format!("no se puede guardar: {error}")),
        }
    }

    /// Waits until something has been written; never returns once counting is
    /// over.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Tells how counting goes.
#[derive(Clone)]
struct Teller(Arc<watch::Sender<LastError>>);

impl Teller {
    fn stored(&self) {
        self.0.send_replace(None);
    }

    fn failed(&self, error: StoreError) -> String {
        let error = format!("{:#}", anyhow::Error::from(error));
        self.0.send_replace(Some(error.as_str().into()));
        error
    }
}

/// Counts batches.
pub(crate) struct Recorder {
    store: Store,
    window: Duration,
    teller: Teller,
}

/// Forgets what is too old to come again.
pub(crate) struct Forgetter {
    store: Store,
    window: Duration,
    teller: Teller,
}

/// Both, and how they do.
pub(crate) fn writers(store: Store, window: Duration) -> (Recorder, Forgetter, Writing) {
    let (state, writing) = watch::channel(None);
    let teller = Teller(Arc::new(state));
    let recorder = Recorder { store: store.clone(), window, teller: teller.clone() };
    (recorder, Forgetter { store, window, teller }, Writing(writing))
}

impl Recorder {
    async fn record(&self, events: &[Event], now: Timestamp) -> Result<(), StoreError> {
        let started = Instant::now();
        let recorded = self.store.record(events, now).await?;
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
            self.record(&events, now).await.map_err(|error| self.teller.failed(error))?;
            self.teller.stored();
        }
        consumed("rejected", batch.len() - events.len());
        Ok(verdicts)
    }
}

impl Forgetter {
    /// Forgets messages older than the window, for ever. It writes even where
    /// nothing is old, so an idle service notices when it cannot.
    pub(crate) async fn run(self) {
        let kept = self.window.saturating_add(CLOCK_TOLERANCE);
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        loop {
            let before = Timestamp::now().checked_sub(kept).unwrap_or(Timestamp::MIN);
            match self.store.forget(before, FORGET_AT_ONCE).await {
                Ok(forgotten) => {
                    self.teller.stored();
                    if i64::try_from(forgotten) == Ok(FORGET_AT_ONCE) {
                        continue;
                    }
                }
                Err(error) => log::warn!("nothing forgotten: {}", self.teller.failed(error)),
            }
            sleep(FORGET_EVERY).await;
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
