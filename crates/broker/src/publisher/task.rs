//! The owner of the publishing connection and its channel.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Event, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::FieldTable,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    NotSent, Outcome, Request, closing,
    probe::until_usable,
    settle::{Answer, Pending, Settled},
};
use crate::{
    AmqpUrl, Mistake,
    content_header::FrameMax,
    link::{self, Backoff, LinkMonitor, NotUsable, SessionError, within_time},
};

/// Messages taken together at most. Together they cost a twentieth of the system
/// calls that they cost one by one.
const MAX_TOGETHER: usize = 512;

/// How soon after few messages the next are published, unless nothing is under way:
/// what comes one by one, as from a proxy, shares packets and wake-ups on both sides.
/// Of the time to a confirm it is the smaller part.
const GATHER: Duration = Duration::from_millis(1);

/// More messages than these are not few: they share enough.
const FEW: usize = 8;

/// How long the broker may leave everything unanswered, while it does not say
/// that it blocks, before the connection is given up.
const MAX_SILENCE: Duration = Duration::from_secs(4);

/// How long what is under way may take at the end.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs a [`super::Publisher`]'s connection.
pub struct PublisherTask {
    pub(super) url: AmqpUrl,
    pub(super) name: String,
    pub(super) exchange: &'static str,
    /// Where it asks whether its connection can be used.
    pub(super) probed: &'static str,
    pub(super) stop: CancellationToken,
    pub(super) monitor: LinkMonitor,
    pub(super) waiting: mpsc::Receiver<Request>,
}

impl PublisherTask {
    /// The same where everything that is published to its exchange finds a queue: whether
    /// its connection can be used it asks at `exchange`, where nothing is bound.
    #[must_use]
    pub fn probing_at(self, exchange: &'static str) -> Self {
        Self { probed: exchange, ..self }
    }

    /// Publishes until told to stop, through any number of connections.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new();
        while !self.stop.is_cancelled() {
            let Err(error) = self.session(&mut backoff).await else { break };
            self.monitor.down(&error);
            metrics::counter!("broker_reconnects_total", "link" => "publisher").increment(1);
            self.refusing(sleep(backoff.next())).await;
        }
        self.waiting.close();
        while let Some(request) = self.waiting.recv().await {
            refuse(request, closing());
        }
    }

    /// One connection, from its opening to its end; `Ok` when told to stop.
    async fn session(&mut self, backoff: &mut Backoff) -> Result<(), SessionError> {
        let (url, name) = (self.url.clone(), self.name.clone());
        let Some(connection) = self.refusing(async move { link::connect(&url, &name).await }).await
        else {
            return Ok(());
        };
        let connection = connection?;
        let ended = self.publish_on(&connection, backoff).await;
        link::close(connection).await;
        ended
    }

    async fn publish_on(
        &mut self,
        connection: &Connection,
        backoff: &mut Backoff,
    ) -> Result<(), SessionError> {
        let mut events = link::events(connection);
        let (exchange, probed, monitor) = (self.exchange, self.probed, self.monitor.clone());
        let opened = async {
            let channel = open_channel(connection, exchange).await?;
            until_usable(&channel, probed, &monitor, &mut events).await?;
            Ok::<_, SessionError>(channel)
        };
        let Some(channel) = self.refusing(opened).await else { return Ok(()) };
        let mut session = Session {
            exchange,
            frame_max: FrameMax::of(connection),
            pending: Pending::new(channel?),
            last_answer: Instant::now(),
            has_answers: false,
            gathers: None,
            ends: None,
        };
        self.monitor.up();
        let usable_since = Instant::now();
        let ended = session.run(self, events).await;
        backoff.over(usable_since.elapsed(), session.has_answers);
        ended
    }

    /// Waits for `work` while refusing whatever callers hand in; `None` when
    /// told to stop before.
    async fn refusing<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.stop.cancelled() => return None,
                Some(request) = self.waiting.recv() => refuse(request, self.reason()),
            }
        }
    }

    fn reason(&self) -> NotUsable {
        self.monitor.reason().unwrap_or_else(closing)
    }
}

/// A channel in confirm mode, on a broker that has the exchange.
async fn open_channel(connection: &Connection, exchange: &str) -> Result<Channel, SessionError> {
    let channel = within_time(connection.create_channel()).await?;
    within_time(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
    let kind = ExchangeKind::Direct;
    let found = channel.exchange_declare(exchange.into(), kind, passive, FieldTable::default());
    within_time(found).await?;
    Ok(channel)
}

/// What is under way on one connection.
struct Session {
    exchange: &'static str,
    frame_max: FrameMax,
    pending: Pending,
    last_answer: Instant,
    /// Whether the broker answered for any message.
    has_answers: bool,
    /// Until when messages wait for others to be published with.
    gathers: Option<Instant>,
    /// Set once nothing new is taken: when waiting for the rest ends.
    ends: Option<Instant>,
}

impl Session {
    async fn run(
        &mut self,
        task: &mut PublisherTask,
        mut events: impl Stream<Item = Event> + Unpin,
    ) -> Result<(), SessionError> {
        let mut batch = Vec::with_capacity(MAX_TOGETHER);
        while !self.is_drained() {
            let (waiting, open) = (!self.pending.is_empty(), self.ends.is_none());
            let is_ready = open && (self.gathers.is_none() || !waiting);
            let silence_ends = self.silence_ends();
            tokio::select! {
                biased;
                event = events.next() => task.monitor.observe(event)?,
                () = until(self.ends) => return Ok(()),
                Some(settled) = self.pending.next(), if waiting => {
                    self.last_answer = Instant::now();
                    // The end of the connection ends what is under way on it as well.
                    self.has_answers |= matches!(settled.1, Ok(Ok(_)));
                    self.pending.settle(settled);
                }
                taken = task.waiting.recv_many(&mut batch, MAX_TOGETHER), if is_ready => {
                    if taken == 0 { self.end() } else { self.publish(&mut batch) }
                }
                () = until(self.gathers) => self.gathers = None,
                () = task.stop.cancelled(), if open => {
                    task.waiting.close();
                    self.end();
                }
                () = until(silence_ends) => self.silent(&task.monitor)?,
            }
            metrics::gauge!("broker_in_flight").set(self.in_flight());
        }
        Ok(())
    }

    fn end(&mut self) {
        self.ends = Some(Instant::now() + DRAIN);
    }

    /// Whether everything that was taken before the end has its answer.
    fn is_drained(&self) -> bool {
        self.ends.is_some() && self.pending.is_empty()
    }

    /// How long the broker may stay silent; none where nothing waits for it.
    fn silence_ends(&self) -> Option<Instant> {
        (!self.pending.is_empty()).then(|| self.last_answer + MAX_SILENCE)
    }

    /// Silence is the end of the connection, unless the broker said that it blocks.
    fn silent(&mut self, monitor: &LinkMonitor) -> Result<(), SessionError> {
        if monitor.is_up() {
            return Err(SessionError::Silent(MAX_SILENCE));
        }
        self.last_answer = Instant::now();
        Ok(())
    }

    fn in_flight(&self) -> f64 {
        f64::from(u32::try_from(self.pending.len()).unwrap_or(u32::MAX))
    }

    fn publish(&mut self, batch: &mut Vec<Request>) {
        let is_few = batch.len() <= FEW;
        if self.pending.is_empty() {
            self.last_answer = Instant::now();
        }
        // Who asked for it has been told that it is unknown, or has left.
        for request in batch.drain(..).filter(|request| !request.answer.is_closed()) {
            let properties = request.message.properties();
            if self.frame_max.takes(&properties) {
                let channel = self.pending.channel().clone();
                self.pending.push(publish_one(channel, self.exchange, request, properties));
            } else {
                request.answer(Outcome::NotSent(NotSent::TooLarge));
            }
        }
        self.gathers = is_few.then(|| Instant::now() + GATHER);
    }
}

async fn publish_one(
    channel: Channel,
    exchange: &'static str,
    request: Request,
    properties: BasicProperties,
) -> Settled {
    let answer = answer_to(&channel, exchange, &request, properties).await;
    (request, answer)
}

async fn answer_to(
    channel: &Channel,
    exchange: &'static str,
    request: &Request,
    properties: BasicProperties,
) -> Answer {
    let message = &request.message;
    let options =
        BasicPublishOptions { mandatory: !Mistake::NoMandatory.is_made(), immediate: false };
    let confirm = channel
        .basic_publish(
            message.exchange().unwrap_or(exchange).into(),
            message.routing_key().into(),
            options,
            message.body(),
            properties,
        )
        .await?;
    if Mistake::NoConfirm.is_made() {
        return Ok(Ok(Confirmation::Ack(None)));
    }
    Ok(confirm.await)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn refuse(request: Request, reason: NotUsable) {
    request.answer(Outcome::NotSent(NotSent::Link(reason)));
}
