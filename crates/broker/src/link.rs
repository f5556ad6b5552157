//! A supervised connection: what it takes to open one, whether it can be used
//! now, and how it is opened again.

use std::{fmt, time::Duration};

use futures_util::{Stream, StreamExt};
use lapin::{
    Connection, ConnectionProperties, ErrorKind, Event,
    protocol::{AMQPErrorKind, AMQPSoftError},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{AmqpUrl, TopologyMismatch};

/// Longest wait between two attempts: the broker is used again within two
/// seconds of its return.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// First wait after a connection broke.
const MIN_BACKOFF: Duration = Duration::from_millis(100);

/// How long the handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an orderly close may take, before the connection is just dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection cannot be used now; `Display` is a Spanish sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotUsable {
    /// There is none; holds the last error.
    Disconnected(String),
    /// The broker takes nothing: memory or disk alarm. Holds its words.
    Blocked(String),
}

impl fmt::Display for NotUsable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected(error) => write!(f, "sin conexión con RabbitMQ: {error}"),
            Self::Blocked(reason) => write!(f, "RabbitMQ no acepta mensajes ahora: {reason}"),
        }
    }
}

/// What a blocked link says of itself when that is only a pretence.
const PRETENCE: &str = "es un interruptor del laboratorio, no una alarma del broker";

/// Tells, at any time, whether a connection can be used.
#[derive(Clone, Debug)]
pub struct LinkStatus(watch::Receiver<LinkState>);

impl LinkStatus {
    /// `Ok` when it can be used now.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), NotUsable> {
        self.0.borrow().shown()
    }

    /// Why the batch at hand was not handled, if it was not: nothing goes on until it is.
    /// Holds the handler's last error.
    #[must_use]
    pub fn stuck(&self) -> Option<String> {
        self.0.borrow().stuck.clone()
    }
}

/// A connection as it is, whether it is to look blocked, and what holds up who uses it.
#[derive(Clone, Debug)]
struct LinkState {
    real: Result<(), NotUsable>,
    blocked_on_purpose: bool,
    stuck: Option<String>,
}

impl LinkState {
    /// What everybody else sees: a connection that is not there cannot be blocked.
    fn shown(&self) -> Result<(), NotUsable> {
        match &self.real {
            Ok(()) if self.blocked_on_purpose => Err(NotUsable::Blocked(PRETENCE.to_owned())),
            real => real.clone(),
        }
    }
}

/// The end of the watch that the supervisor writes. What it asks itself is
/// answered by the connection as it is.
#[derive(Clone)]
pub(crate) struct LinkMonitor {
    name: &'static str,
    state: watch::Sender<LinkState>,
}

impl LinkMonitor {
    pub(crate) fn new(name: &'static str) -> (Self, LinkStatus) {
        let real = Err(NotUsable::Disconnected("todavía no conectado".to_owned()));
        let state = LinkState { real, blocked_on_purpose: false, stuck: None };
        let (state, status) = watch::channel(state);
        (Self { name, state }, LinkStatus(status))
    }

    /// The same under another name, in the log and to Prometheus.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.borrow().real.is_ok()
    }

    pub(crate) fn is_blocked(&self) -> bool {
        matches!(self.state.borrow().real, Err(NotUsable::Blocked(_)))
    }

    pub(crate) fn reason(&self) -> Option<NotUsable> {
        self.state.borrow().real.clone().err()
    }

    pub(crate) fn up(&self) {
        self.set(Ok(()));
    }

    pub(crate) fn down(&self, error: &SessionError) {
        self.stuck(None);
        self.set(Err(NotUsable::Disconnected(chain(error))));
    }

    /// Tells why the batch at hand was not handled; none once there is no such batch.
    pub(crate) fn stuck(&self, why: Option<String>) {
        self.state.send_if_modified(|state| {
            let is_new = state.stuck != why;
            state.stuck = why;
            is_new
        });
    }

    /// Makes a usable connection look as if the broker had blocked it, or not.
    pub(crate) fn block_on_purpose(&self, blocked: bool) {
        self.change(|state| state.blocked_on_purpose = blocked);
    }

    pub(crate) fn is_blocked_on_purpose(&self) -> bool {
        self.state.borrow().blocked_on_purpose
    }

    /// Takes note of what lapin reports about the connection.
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) fn observe(&self, event: Option<Event>) -> Result<(), SessionError> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => self.set(Err(NotUsable::Blocked(reason))),
            Some(Event::ConnectionUnblocked) => self.up(),
            Some(Event::Error(error)) => return Err(error.into()),
            Some(_) => {}
            None => return Err(SessionError::Closed),
        }
        Ok(())
    }

    fn set(&self, real: Result<(), NotUsable>) {
        self.change(|state| state.real = real);
    }

    /// Publishes a state, and logs it where another one shows than before.
    fn change(&self, change: impl FnOnce(&mut LinkState)) {
        let name = self.name;
        self.state.send_if_modified(|state| {
            let old = state.shown();
            change(state);
            let new = state.shown();
            if old == new {
                return false;
            }
            match &new {
                Ok(()) => log::info!("{name}: connected to the broker"),
                Err(reason) => log::warn!("{name}: {reason}"),
            }
            let blocked = matches!(new, Err(NotUsable::Blocked(_)));
            metrics::gauge!("broker_link_up", "link" => name).set(one_if(new.is_ok()));
            metrics::gauge!("broker_blocked", "link" => name).set(one_if(blocked));
            true
        });
    }
}

fn one_if(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Why a session with the broker ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("la conexión se cerró")]
    Closed,
    #[error("el broker no respondió en {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error("sin confirmaciones durante {} s", .0.as_secs())]
    Silent(Duration),
    #[error(transparent)]
    Amqp(#[from] lapin::Error),
    #[error(transparent)]
    Mismatch(#[from] TopologyMismatch),
}

impl SessionError {
    /// Whether the queue or exchange that was asked for does not exist. With the same
    /// code the broker says that a queue's node is down, or that it is stopped.
    pub(crate) fn is_not_found(&self) -> bool {
        let text = self.to_string();
        let says = |what: &str| text.contains(&format!("no {what} '"));
        self.closes_channel_with(AMQPSoftError::NOTFOUND) && (says("queue") || says("exchange"))
    }

    /// Whether the broker closed a channel, and with this error.
    pub(crate) fn closes_channel_with(&self, wanted: AMQPSoftError) -> bool {
        let Self::Amqp(error) = self else { return false };
        closes_channel_with(error, wanted)
    }
}

/// Whether the broker closed a channel, and with this error.
pub(crate) fn closes_channel_with(error: &lapin::Error, wanted: AMQPSoftError) -> bool {
    let wanted = AMQPErrorKind::Soft(wanted);
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if *amqp.kind() == wanted)
}

/// An error with all that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Opens a connection that the broker's dashboard shows as `name`.
pub(crate) async fn connect(url: &AmqpUrl, name: &str) -> Result<Connection, SessionError> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    within_time(Connection::connect_uri(url.uri(), properties)).await
}

/// Bounds a question to the broker: a broker that is starting or choking may
/// take a connection and then say nothing.
pub(crate) async fn within_time<T>(
    question: impl Future<Output = lapin::Result<T>>,
) -> Result<T, SessionError> {
    match timeout(CONNECT_TIMEOUT, question).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(SessionError::Timeout),
    }
}

/// What lapin reports about a connection.
pub(crate) fn events(connection: &Connection) -> impl Stream<Item = Event> + Unpin + use<> {
    connection.events_listener().boxed()
}

/// Closes in order where the other side still answers.
pub(crate) async fn close(connection: Connection) {
    let closed = timeout(CLOSE_TIMEOUT, connection.close(200, "bye".into())).await;
    if !matches!(closed, Ok(Ok(()))) {
        log::debug!("connection dropped without a goodbye: {closed:?}");
    }
}

/// Waits between attempts; whether it was told to stop meanwhile.
pub(crate) async fn stopped_within(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = sleep(wait) => false,
    }
}

/// How long a connection has to be in use to count as one that worked, whatever was done on it.
const LASTING: Duration = Duration::from_secs(5);

/// Waits between attempts: doubling, capped at one second, short again after a
/// connection that worked: to be opened is not enough, as what ends it may wait behind that.
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(MIN_BACKOFF)
    }

    /// A connection is over that could be used for so long; `worked` says whether what it was
    /// opened for was done on it.
    pub(crate) fn over(&mut self, usable: Duration, worked: bool) {
        if worked || usable >= LASTING {
            self.0 = MIN_BACKOFF;
        }
    }

    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (self.0 * 2).min(MAX_BACKOFF);
        wait
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// What Prometheus would be told of each link.
    fn gauges(observed: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, observed);
        recorder.handle().render()
    }

    #[test]
    fn the_gauges_tell_a_blocked_link_from_one_that_is_down() {
        let (monitor, _status) = LinkMonitor::new("prueba");
        let blocked = |value| format!("broker_blocked{{link=\"prueba\"}} {value}\n");
        let up = |value| format!("broker_link_up{{link=\"prueba\"}} {value}\n");
        let alarm = || Event::ConnectionBlocked("low on memory".to_owned());
        let steps: [(&dyn Fn(), u8, u8); 4] = [
            (&|| monitor.up(), 1, 0),
            (&|| monitor.observe(Some(alarm())).expect("still connected"), 0, 1),
            (&|| monitor.observe(Some(Event::ConnectionUnblocked)).expect("connected"), 1, 0),
            (&|| monitor.down(&SessionError::Closed), 0, 0),
        ];
        for (step, is_up, is_blocked) in steps {
            let text = gauges(step);
            assert!(text.contains(&up(is_up)) && text.contains(&blocked(is_blocked)), "{text}");
        }
    }

    #[test]
    fn backoff_is_capped_at_a_second_and_short_after_a_connection_that_worked_or_lasted() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..6).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.over(Duration::ZERO, true);
        assert_eq!(backoff.next().as_millis(), 100);
        backoff.over(Duration::ZERO, false);
        assert_eq!(backoff.next().as_millis(), 200, "opened and over at once");
        backoff.over(LASTING, false);
        assert_eq!(backoff.next().as_millis(), 100);
    }
}
