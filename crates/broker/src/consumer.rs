//! Consuming in batches: the handler stores a batch, and only then is it acknowledged.

use std::{ops::ControlFlow, time::Duration};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Shared},
};
use lapin::{
    Channel, Connection, Event,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    protocol::AMQPSoftError::ACCESSREFUSED as ACCESS_REFUSED,
    types::FieldTable,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    Crash, Handler, HandlerError, Incoming, Mistake, Subscription, TopologyMismatch, Verdicts,
    link::{self, Backoff, LinkMonitor, SessionError, stopped_within, within_time},
    room::Room,
    unsettled::{self, Unsettled},
};

/// How soon after one batch the next begins, unless more waits than fits into one.
/// Where events keep coming, a commit and an acknowledgement are shared by those of
/// this time; one that comes alone is stored at once.
const GATHER: Duration = Duration::from_millis(10);

/// How often the length of the queue is told, where somebody wants to know.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How long what is at hand may take once it is time to stop; with the closing of the
/// connection, less than the ten seconds that a service has.
const GRACE: Duration = Duration::from_secs(5);

/// Consumes until `stop` is cancelled (or a leftover is gone), through any number of
/// connections; what is at hand is finished first.
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
        let error = match session(&subscription, &mut handler, &stop, &mut backoff).await {
            Ok(()) => return Ok(()),
            Err(SessionError::Mismatch(mismatch)) => return Err(mismatch),
            Err(error) if subscription.is_leftover && error.is_not_found() => return Ok(()),
            Err(error) => error,
        };
        subscription.monitor.down(&error);
        metrics::counter!("broker_reconnects_total", "link" => subscription.monitor.name())
            .increment(1);
        if stopped_within(&stop, backoff.next()).await {
            return Ok(());
        }
    }
}

/// One connection, from its opening to its end; `Ok` when told to stop.
async fn session<H: Handler>(
    subscription: &Subscription,
    handler: &mut H,
    stop: &CancellationToken,
    backoff: &mut Backoff,
) -> Result<(), SessionError> {
    let opening = link::connect(&subscription.url, &subscription.name);
    let connection = tokio::select! {
        connection = opening => connection?,
        () = stop.cancelled() => return Ok(()),
    };
    let ended = consume_on(&connection, subscription, handler, stop, backoff).await;
    link::close(connection).await;
    ended
}

async fn consume_on<H: Handler>(
    connection: &Connection,
    subscription: &Subscription,
    handler: &mut H,
    stop: &CancellationToken,
    backoff: &mut Backoff,
) -> Result<(), SessionError> {
    let events = link::events(connection);
    let channel = within_time(connection.create_channel()).await?;
    subscription.topology.declare(connection, &channel).await?;
    let usable_since = Instant::now();
    let mut session = Session {
        subscription,
        unsettled: Unsettled::new(&channel, &subscription.faults),
        channel,
        events,
        handler,
        stop,
        past_grace: past_grace(stop.clone()).boxed().shared(),
        room: Room::of(subscription.most_bytes),
    };
    let ended = session.run().await;
    if ended.is_err() {
        session.unsettled.finish().await;
    }
    backoff.over(usable_since.elapsed(), session.unsettled.has_settled);
    ended
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
    /// When to leave what is not done, though it was told to stop.
    past_grace: Shared<BoxFuture<'static, ()>>,
    room: Room,
    unsettled: Unsettled,
}

impl<H: Handler, E: Stream<Item = Event> + Unpin> Session<'_, H, E> {
    async fn run(&mut self) -> Result<(), SessionError> {
        while self.pause().await?.is_continue() && self.consume().await?.is_continue() {}
        Ok(())
    }

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
        let mut batches = std::pin::pin!(deliveries.ready_chunks(H::BATCH));
        monitor.up();
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    return self.settle_all().await.map(|_| Next::Break(()));
                }
                event = self.events.next() => observe(monitor, event)?,
                Some(settled) = self.unsettled.next() => self.unsettled.settle(settled).await?,
                _ = measuring.tick(), if depth.is_some() => self.measure().await?,
                () = faults.until_paused(true), if !cancelled => {
                    self.cancel().await?;
                    cancelled = true;
                }
                batch = batches.next() => match batch {
                    Some(batch) => {
                        let batch = incoming(batch)?;
                        let is_unreadable = |message: &Incoming| message.unreadable().is_some();
                        if Mistake::UnreadableEndsLink.is_made() && batch.iter().any(is_unreadable)
                        {
                            return Err(SessionError::Closed);
                        }
                        let adapts = self.room.adapts_to(&batch);
                        if self.take(batch).await?.is_break() {
                            return self.settle_all().await.map(|_| Next::Break(()));
                        }
                        if !cancelled && adapts {
                            self.cancel().await?;
                            cancelled = true;
                        }
                    }
                    // The end of the deliveries that a cancelled consumer had.
                    None if cancelled && self.channel.status().connected() => {
                        return self.settle_all().await;
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

    /// Processes a batch. Unless it is full, others gather for the next, once this one is
    /// acknowledged.
    async fn take(&mut self, batch: Vec<Incoming>) -> Result<Next, SessionError> {
        let (gathered, is_full) = (Instant::now() + GATHER, batch.len() == H::BATCH);
        let next = self.process(batch).await?;
        if next.is_break() || is_full {
            return Ok(next);
        }
        if self.settle_all().await?.is_break() {
            return Ok(Next::Break(()));
        }
        self.meanwhile(sleep_until(gathered)).await
    }

    /// Has a batch stored, and acknowledges it once that is done: unless a mistake is made
    /// on purpose.
    async fn process(&mut self, mut batch: Vec<Incoming>) -> Result<Next, SessionError> {
        let faults = &self.subscription.faults;
        // Told to stop, it waits no longer: the batch at hand is finished first.
        let _ = self.meanwhile(faults.delayed()).await?;
        if faults.get().crash == Some(Crash::AfterEarlyAck) {
            unsettled::acknowledge(&self.channel, &batch).await?;
            // The answer to the closing shows that the broker has read the ack.
            within_time(self.channel.close(200, "bye".into())).await?;
            Crash::AfterEarlyAck.happen();
        }
        if Mistake::AckBeforeCommit.is_made() {
            unsettled::acknowledge(&self.channel, &batch).await?;
        }
        let Some(verdicts) = self.handle(&mut batch).await? else { return Ok(Next::Break(())) };
        self.unsettled.push(batch, verdicts);
        Ok(Next::Continue(()))
    }

    /// Gives a batch to the handler until it takes it; `None` when told to stop while it
    /// cannot. Nothing is refused meanwhile: what is not stored stays with the broker.
    async fn handle(&mut self, batch: &mut [Incoming]) -> Result<Option<Verdicts>, SessionError> {
        let mut backoff = Backoff::new();
        loop {
            let Some(handled) = self.attempt(batch).await? else { return Ok(None) };
            match handled {
                Ok(verdicts) => {
                    self.subscription.monitor.stuck(None);
                    return Ok(Some(verdicts));
                }
                Err(error) => self.not_stored(batch, &error),
            }
            if self.meanwhile(sleep(backoff.next())).await?.is_break() {
                return Ok(None);
            }
            if !self.channel.status().connected() {
                return Err(SessionError::Closed);
            }
        }
    }

    /// Tells that a batch was not stored, as far as is known: a store that failed to say that
    /// it has the messages may have them.
    fn not_stored(&self, batch: &mut [Incoming], error: &HandlerError) {
        self.subscription.monitor.stuck(Some(error.to_string()));
        metrics::counter!("broker_batches_failed_total").increment(1);
        log::error!("{} not stored, not acknowledged: {error}", described(batch));
        for message in batch {
            message.redelivered = true;
        }
    }

    /// Gives a batch to the handler once, while those before it come to their end.
    async fn attempt(
        &mut self,
        batch: &[Incoming],
    ) -> Result<Option<Result<Verdicts, HandlerError>>, SessionError> {
        let mut handled = std::pin::pin!(self.handler.handle(batch));
        loop {
            tokio::select! {
                biased;
                Some(settled) = self.unsettled.next() => self.unsettled.settle(settled).await?,
                handled = &mut handled => return Ok(Some(handled)),
                // Nothing of it is acknowledged, so it comes again.
                () = self.past_grace.clone() => return Ok(None),
            }
        }
    }

    /// Acknowledges everything that was handled, once it may be; told to stop, it does not
    /// wait for ever.
    async fn settle_all(&mut self) -> Result<Next, SessionError> {
        loop {
            tokio::select! {
                biased;
                settled = self.unsettled.next() => match settled {
                    Some(settled) => self.unsettled.settle(settled).await?,
                    None => return Ok(Next::Continue(())),
                },
                event = self.events.next() => observe(&self.subscription.monitor, event)?,
                () = self.past_grace.clone() => return Ok(Next::Break(())),
            }
        }
    }

    /// Waits for `done`, awake to the connection, to the order to stop and to verdicts.
    async fn meanwhile(&mut self, done: impl Future<Output = ()>) -> Result<Next, SessionError> {
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                biased;
                () = &mut done => return Ok(Next::Continue(())),
                () = self.stop.cancelled() => return Ok(Next::Break(())),
                event = self.events.next() => observe(&self.subscription.monitor, event)?,
                Some(settled) = self.unsettled.next() => self.unsettled.settle(settled).await?,
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

/// A batch in the log: how many, and between which ids (`None`: without one). They
/// come from the wire, so nothing in them may end a line.
fn described(batch: &[Incoming]) -> String {
    let id = |message: Option<&Incoming>| format!("{:?}", message.and_then(Incoming::id));
    format!("batch of {}, from {} to {},", batch.len(), id(batch.first()), id(batch.last()))
}

/// Resolves once it is time to leave what is not done.
async fn past_grace(stop: CancellationToken) {
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
