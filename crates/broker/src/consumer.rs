//! Consuming in batches: the handler stores a batch, and only then this module
//! acknowledges it. Nobody else can acknowledge.

use std::{ops::ControlFlow, time::Duration};

use futures_util::{Stream, StreamExt};
use lapin::{
    Channel, Connection, Event,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
        BasicRejectOptions, QueueDeclareOptions,
    },
    protocol::AMQPSoftError::ACCESSREFUSED as ACCESS_REFUSED,
    types::FieldTable,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    Crash, Incoming, Mistake, Subscription, TopologyMismatch,
    link::{self, Backoff, LinkMonitor, SessionError, stopped_within, within_time},
    room::Room,
};

/// Messages stored together: half of [`crate::PREFETCH`], so that the broker refills
/// one half while the other is being stored.
const MAX_BATCH: usize = 500;

/// How soon after one batch the next begins, unless more waits than fits into one.
/// Where events keep coming, a commit and an acknowledgement are shared by those of
/// this time; one that comes alone is stored at once.
const GATHER: Duration = Duration::from_millis(10);

/// How often the length of the queue is told, where somebody wants to know.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How long the batch at hand may take once it is time to stop; with the closing
/// of the connection, less than the ten seconds that a service has.
const GRACE: Duration = Duration::from_secs(5);

/// Characters of a reason that are logged.
const MAX_REASON: usize = 300;

/// What became of one message of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Its effect is stored, or was stored before: acknowledge it.
    Done,
    /// It can never be processed: to the dead-letter queue, at once. Holds why.
    Reject(String),
}

/// Nothing of the batch was stored; it will be tried again.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

/// What is done with messages.
pub trait Handler: Send {
    /// Stores the effect of a batch and returns one verdict for each message,
    /// in order. May see a message more than once.
    ///
    /// # Errors
    /// When nothing was stored. The same batch comes again, after a pause, for
    /// as long as the connection lives; then the broker delivers it anew.
    fn handle(
        &mut self,
        batch: &[Incoming],
    ) -> impl Future<Output = Result<Vec<Verdict>, HandlerError>> + Send;
}

/// Consumes until `stop` is cancelled (or a leftover is gone), through any number of
/// connections; the batch at hand is finished first.
///
/// # Errors
/// When the broker holds a part of the topology with other arguments, or lacks a
/// plugin for it.
pub async fn consume<H: Handler>(
    subscription: Subscription,
    mut handler: H,
    stop: CancellationToken,
) -> Result<(), TopologyMismatch> {
    let mut backoff = Backoff::new();
    loop {
        let error = match session(&subscription, &mut handler, &stop).await {
            Ok(()) => return Ok(()),
            Err(SessionError::Mismatch(mismatch)) => return Err(mismatch),
            Err(error) if subscription.is_leftover && error.is_not_found() => return Ok(()),
            Err(error) => error,
        };
        let worked = subscription.monitor.is_up();
        subscription.monitor.down(&error);
        metrics::counter!("broker_reconnects_total", "link" => subscription.monitor.name())
            .increment(1);
        if stopped_within(&stop, backoff.next(worked)).await {
            return Ok(());
        }
    }
}

/// One connection, from its opening to its end; `Ok` when told to stop.
async fn session<H: Handler>(
    subscription: &Subscription,
    handler: &mut H,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let opening = link::connect(&subscription.url, &subscription.name);
    let connection = tokio::select! {
        connection = opening => connection?,
        () = stop.cancelled() => return Ok(()),
    };
    let ended = consume_on(&connection, subscription, handler, stop).await;
    link::close(connection).await;
    ended
}

async fn consume_on<H: Handler>(
    connection: &Connection,
    subscription: &Subscription,
    handler: &mut H,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let events = link::events(connection);
    let channel = within_time(connection.create_channel()).await?;
    subscription.topology.declare(connection, &channel).await?;
    let room = Room::of(subscription.most_bytes);
    let mut session = Session { subscription, channel, events, handler, stop, room };
    loop {
        if session.pause().await?.is_break() || session.consume().await?.is_break() {
            return Ok(());
        }
    }
}

/// Whether to go on, or to end because it was told to stop.
type Next = ControlFlow<()>;

/// One connection at work.
struct Session<'a, H, E> {
    subscription: &'a Subscription,
    channel: Channel,
    events: E,
    handler: &'a mut H,
    stop: &'a CancellationToken,
    room: Room,
}

impl<H: Handler, E: Stream<Item = Event> + Unpin> Session<'_, H, E> {
    /// Waits while it is paused: connected, and taking nothing.
    async fn pause(&mut self) -> Result<Next, SessionError> {
        let Subscription { monitor, faults, .. } = self.subscription;
        if faults.get().paused {
            monitor.up();
        }
        self.meanwhile(faults.until_paused(false)).await
    }

    /// Consumes until told to stop; or until it is paused, or its room is for another
    /// number of messages, and everything that was delivered before is done.
    async fn consume(&mut self) -> Result<Next, SessionError> {
        let Subscription { monitor, faults, depth, .. } = self.subscription;
        self.measure().await?;
        let mut measuring = interval(MEASURE_EVERY);
        measuring.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let options = BasicQosOptions::default();
        within_time(self.channel.basic_qos(self.room.prefetch(), options)).await?;
        let deliveries = open(&self.channel, self.subscription).await?;
        let mut batches = std::pin::pin!(deliveries.ready_chunks(MAX_BATCH));
        monitor.up();
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Next::Break(())),
                event = self.events.next() => observe(monitor, event)?,
                _ = measuring.tick(), if depth.is_some() => self.measure().await?,
                () = faults.until_paused(true), if !cancelled => {
                    self.cancel().await?;
                    cancelled = true;
                }
                batch = batches.next() => match batch {
                    Some(batch) => {
                        let batch = incoming(batch)?;
                        if self.take(&batch).await?.is_break() {
                            return Ok(Next::Break(()));
                        }
                        if !cancelled && self.room.adapts_to(&batch) {
                            self.cancel().await?;
                            cancelled = true;
                        }
                    }
                    // The end of the deliveries that a cancelled consumer had.
                    None if cancelled && self.channel.status().connected() => {
                        return Ok(Next::Continue(()));
                    }
                    None => return Err(SessionError::Closed),
                },
            }
        }
    }

    /// Takes what was delivered already, and nothing more.
    async fn cancel(&mut self) -> Result<(), SessionError> {
        let name = self.subscription.name.as_str();
        within_time(self.channel.basic_cancel(name.into(), BasicCancelOptions::default())).await?;
        Ok(())
    }

    /// Tells how many messages wait, where somebody wants to know.
    async fn measure(&mut self) -> Result<(), SessionError> {
        let Some(depth) = &self.subscription.depth else { return Ok(()) };
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let asked = self.channel.queue_declare(
            self.subscription.queue.into(),
            options,
            FieldTable::default(),
        );
        depth.send_replace(Some(within_time(asked).await?.message_count()));
        Ok(())
    }

    /// Processes a batch, and then lets others gather for the next.
    async fn take(&mut self, batch: &[Incoming]) -> Result<Next, SessionError> {
        let gathered = Instant::now() + GATHER;
        let next = self.process(batch).await?;
        if next.is_break() || batch.len() == MAX_BATCH {
            return Ok(next);
        }
        self.meanwhile(sleep_until(gathered)).await
    }

    /// Stores a batch and acknowledges it, in this order: unless a mistake is
    /// made on purpose.
    async fn process(&mut self, batch: &[Incoming]) -> Result<Next, SessionError> {
        let faults = &self.subscription.faults;
        // Told to stop, it waits no longer: the batch at hand is finished first.
        let _ = self.meanwhile(faults.delayed()).await?;
        if faults.get().crash == Some(Crash::AfterEarlyAck) {
            acknowledge_unstored(&self.channel, batch).await?;
            // The answer to the closing shows that the broker has read the ack.
            within_time(self.channel.close(200, "bye".into())).await?;
            Crash::AfterEarlyAck.happen();
        }
        let too_early = Mistake::AckBeforeCommit.is_made();
        if too_early {
            acknowledge_unstored(&self.channel, batch).await?;
        }
        let Some(verdicts) = store(self.handler, batch, &self.channel, self.stop).await? else {
            return Ok(Next::Break(()));
        };
        // Storing may have taken long: what holds is what the switch says now.
        if faults.get().crash == Some(Crash::BeforeAck) {
            Crash::BeforeAck.happen();
        }
        if !too_early {
            settle(&self.channel, batch, &verdicts).await?;
        }
        Ok(Next::Continue(()))
    }

    /// Waits for `done`, awake to the connection and to the order to stop.
    async fn meanwhile(&mut self, done: impl Future<Output = ()>) -> Result<Next, SessionError> {
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                biased;
                () = &mut done => return Ok(Next::Continue(())),
                () = self.stop.cancelled() => return Ok(Next::Break(())),
                event = self.events.next() => observe(&self.subscription.monitor, event)?,
            }
        }
    }
}

fn incoming(batch: Vec<lapin::Result<Delivery>>) -> lapin::Result<Vec<Incoming>> {
    batch.into_iter().map(|delivery| delivery.map(Incoming::from)).collect()
}

/// A blocked connection still delivers: consuming goes on. So it does where we were
/// refused something: who asked for it, on a channel, was told there.
fn observe(monitor: &LinkMonitor, event: Option<Event>) -> Result<(), SessionError> {
    match event {
        Some(Event::ConnectionBlocked(_) | Event::ConnectionUnblocked) => Ok(()),
        Some(Event::Error(error)) if link::closes_channel_with(&error, ACCESS_REFUSED) => Ok(()),
        other => monitor.observe(other),
    }
}

async fn open(
    channel: &Channel,
    subscription: &Subscription,
) -> Result<impl Stream<Item = lapin::Result<Delivery>> + use<>, SessionError> {
    let consuming = channel.basic_consume(
        subscription.queue.into(),
        subscription.name.as_str().into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    within_time(consuming).await
}

/// Gives the batch to the handler until it is stored; `None` when told to stop
/// while it cannot be. Nothing is refused meanwhile: an unstored batch stays
/// with the broker.
async fn store<H: Handler>(
    handler: &mut H,
    batch: &[Incoming],
    channel: &Channel,
    stop: &CancellationToken,
) -> Result<Option<Vec<Verdict>>, SessionError> {
    let mut backoff = Backoff::new();
    loop {
        let outcome = tokio::select! {
            outcome = handler.handle(batch) => outcome,
            // Nothing of it is acknowledged, so it comes again.
            () = past_grace(stop) => return Ok(None),
        };
        match outcome {
            Ok(verdicts) => return Ok(Some(verdicts)),
            Err(error) => {
                metrics::counter!("broker_batches_failed_total").increment(1);
                log::error!("{} not stored, not acknowledged: {error}", described(batch));
            }
        }
        if stopped_within(stop, backoff.next(false)).await {
            return Ok(None);
        }
        if !channel.status().connected() {
            return Err(SessionError::Closed);
        }
    }
}

/// A batch in the log: how many, and between which ids (`None`: without one). They
/// come from the wire, so nothing in them may end a line.
fn described(batch: &[Incoming]) -> String {
    let id = |message: Option<&Incoming>| format!("{:?}", message.and_then(Incoming::id));
    format!("batch of {}, from {} to {},", batch.len(), id(batch.first()), id(batch.last()))
}

/// Rejects what cannot be processed, each alone; then acknowledges the rest at
/// once. The last acknowledged tag must be outstanding, so it is that of a
/// message that is done.
async fn settle(
    channel: &Channel,
    batch: &[Incoming],
    verdicts: &[Verdict],
) -> Result<(), SessionError> {
    // Without a verdict for each, an acknowledgement could cover one that has none.
    assert_eq!(batch.len(), verdicts.len(), "one verdict for each message");
    let mut last_done = None;
    for (message, verdict) in batch.iter().zip(verdicts) {
        match verdict {
            Verdict::Done => last_done = Some(message.delivery_tag),
            Verdict::Reject(reason) => reject(channel, message, reason).await?,
        }
    }
    if let Some(tag) = last_done {
        channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
    }
    Ok(())
}

/// The mistake itself.
async fn acknowledge_unstored(channel: &Channel, batch: &[Incoming]) -> Result<(), SessionError> {
    settle(channel, batch, &vec![Verdict::Done; batch.len()]).await
}

async fn reject(channel: &Channel, message: &Incoming, reason: &str) -> Result<(), SessionError> {
    // Both come from the wire: nothing in them may end a line of the log.
    let reason: String = reason.escape_debug().take(MAX_REASON).collect();
    log::warn!("message {:?} goes to the dead-letter queue: {reason}", message.id());
    channel.basic_reject(message.delivery_tag, BasicRejectOptions { requeue: false }).await?;
    Ok(())
}

/// Resolves once it is time to leave a batch that is not stored.
async fn past_grace(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(GRACE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_described_by_its_size_and_its_first_and_last_id_in_one_line() {
        let message = |id: Option<&str>| Incoming::new(id, None, Vec::new());
        let batch = [message(Some("a\nb")), message(Some("c")), message(None)];
        let text = described(&batch);
        assert_eq!(text, r#"batch of 3, from Some("a\nb") to None,"#);
    }
}
