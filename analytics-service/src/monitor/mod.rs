//! The broker as its management API shows it, asked once a second by one task:
//! however many ask `/estado`, that costs the broker nothing more.

mod reading;

use std::{
    fmt,
    future::pending,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use management::{DEADLINE, Error, MAX_BODY, Management, ManagementUrl, Reason, VirtualHost};
use messages::names;
use serde::Serialize;
use serde_json::Value;
use service_kit::clock;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use utoipa::ToSchema;

use reading::Reading;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Queues in one page whose names hold a text: that of our first queue is part of
/// the others' and of the dead-letter queue's.
const PAGE: &str = "page=1&page_size=100&name=";

/// How many messages they have, without statistics: those are five seconds old,
/// these come from the queues themselves, within a second.
const TOTALS: &str = "disable_stats=true&enable_queue_totals=true&columns=name,messages,\
                      messages_ready,messages_unacknowledged,arguments";

/// How many consumers they have: that is told with the statistics only, unless to
/// users who may see every connection.
const CONSUMERS: &str = "columns=name,consumers";

/// What leads from our exchange, and where to: people may have bound queues of their
/// own.
const BINDINGS: &str = "columns=destination,destination_type,routing_key";

/// What is known of the broker, as it is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Broker)]
pub(crate) struct BrokerState {
    /// Whether the management API answered last time.
    responde: bool,
    /// When it answered last; what else is said here is as of then.
    #[schema(value_type = Option<String>, format = DateTime)]
    a_las: Option<Timestamp>,
    /// How long ago it was asked that, in milliseconds, by a clock that never jumps.
    hace_ms: Option<u64>,
    /// Why it does not answer.
    motivo: Option<String>,
    #[serde(flatten)]
    reading: Reading,
}

/// What is known of the broker.
#[derive(Clone, Debug)]
struct Known {
    answers: bool,
    /// When it was asked what it answered last, and when it answered.
    last: Option<(Instant, Timestamp)>,
    reason: Option<String>,
    reading: Reading,
}

/// Asks, for ever.
pub(crate) struct Monitor {
    questions: Option<Questions>,
    known: watch::Sender<Known>,
}

/// What was answered last.
#[derive(Clone)]
pub(crate) struct BrokerWatch(watch::Receiver<Known>);

impl BrokerWatch {
    /// What is known now.
    pub(crate) fn state(&self) -> BrokerState {
        self.0.borrow().clone().told(Instant::now())
    }
}

impl Monitor {
    /// Asks the API at `url` about `vhost` and so many queues; nobody where there is
    /// no URL.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(
        url: Option<&ManagementUrl>,
        vhost: &VirtualHost,
        partitions: usize,
    ) -> Result<(Self, BrokerWatch), Error> {
        let questions = url.map(|url| Questions::new(url, vhost, partitions)).transpose()?;
        let reason = match questions {
            Some(_) => "todavía no se ha preguntado a la API de gestión de RabbitMQ",
            None => "no está configurado: falta MANAGEMENT_URL",
        };
        let (known, watch) = watch::channel(Known {
            answers: false,
            last: None,
            reason: Some(reason.to_owned()),
            reading: Reading::default(),
        });
        Ok((Self { questions, known }, BrokerWatch(watch)))
    }

    /// Keeps what is known fresh.
    pub(crate) async fn run(self) {
        let Some(questions) = &self.questions else { return pending().await };
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked = Instant::now();
            // All answers together: what they say belongs to one moment.
            let answer = timeout(DEADLINE, questions.ask()).await;
            let answer = answer.unwrap_or(Err(Unanswered(Reason::TimedOut)));
            self.known.send_modify(|known| known.take(answer, asked, clock::now()));
        }
    }
}

impl Known {
    /// Takes over an answer; without one, what was known last stays.
    fn take(&mut self, answer: Result<Reading, Unanswered>, asked: Instant, now: Timestamp) {
        let error = match answer {
            Ok(reading) => {
                if !self.answers {
                    log::info!("the management API answers");
                }
                *self = Self { answers: true, last: Some((asked, now)), reason: None, reading };
                return;
            }
            Err(error) => error.to_string(),
        };
        if self.reason.as_ref() != Some(&error) {
            log::warn!("the management API gives no answer: {error}");
        }
        (self.answers, self.reason) = (false, Some(error));
    }

    /// As it is told at `now`.
    fn told(self, now: Instant) -> BrokerState {
        let age = self.last.map(|(asked, _)| now.saturating_duration_since(asked));
        BrokerState {
            responde: self.answers,
            a_las: self.last.map(|(_, answered)| answered),
            hace_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            motivo: self.reason,
            reading: self.reading,
        }
    }
}

/// Why there is no answer; `Display` is a Spanish sentence, without credentials.
#[derive(Debug)]
struct Unanswered(Reason);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("la API de gestión de RabbitMQ ")?;
        match &self.0 {
            Reason::Unasked(why) => write!(f, "no se puede consultar: {why}"),
            Reason::Unreachable(why) => write!(f, "no está al alcance: {why}"),
            Reason::TimedOut => write!(f, "no respondió en {} s", DEADLINE.as_secs()),
            Reason::Status { status: 401, .. } => {
                f.write_str("no deja entrar a este usuario con esta contraseña (401)")
            }
            Reason::Status { status, .. } => write!(f, "respondió {status}"),
            Reason::TooLarge => write!(f, "respondió con más de {MAX_BODY} bytes"),
            Reason::NotUnderstood => f.write_str("respondió algo que no se entiende"),
        }
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self(error.reason)
    }
}

/// What is asked.
struct Questions {
    management: Management,
    partitions: usize,
}

impl Questions {
    fn new(url: &ManagementUrl, vhost: &VirtualHost, partitions: usize) -> Result<Self, Error> {
        Ok(Self { management: Management::new(url, vhost)?, partitions })
    }

    /// One after the other: where we are refused, the broker's log says so once.
    async fn ask(&self) -> Result<Reading, Unanswered> {
        let totals = self.queues(TOTALS).await?;
        let consumers = self.queues(CONSUMERS).await?;
        let bindings = self.bindings().await?;
        let reading = Reading::of(self.partitions, &totals, &consumers, &bindings);
        reading.ok_or(Unanswered(Reason::NotUnderstood))
    }

    async fn queues(&self, what: &str) -> Result<Value, Error> {
        let query = format!("{PAGE}{}&{what}", names::QUEUE);
        self.management.get("queues", &[], &query).await
    }

    async fn bindings(&self) -> Result<Value, Error> {
        let names = [names::EXCHANGE, "bindings", "source"];
        self.management.get("exchanges", &names, BINDINGS).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vhost() -> VirtualHost {
        VirtualHost::of_amqp_url("amqp://a:b@h/%2f").expect("a url")
    }

    #[test]
    fn without_a_url_it_says_that_it_is_not_configured() {
        let (_monitor, watch) = Monitor::new(None, &vhost(), 1).expect("a monitor");
        let state = watch.state();
        assert!(!state.responde && state.a_las.is_none());
        assert!(state.motivo.expect("a reason").contains("MANAGEMENT_URL"));
    }

    #[test]
    fn without_an_answer_what_was_known_stays_with_its_time() {
        let url = "http://m:p@h:1".parse().expect("a url");
        let (_monitor, watch) = Monitor::new(Some(&url), &vhost(), 1).expect("a monitor");
        let mut known = watch.0.borrow().clone();
        let reading = Reading { enlaces: vec!["click".to_owned()], ..Reading::default() };
        let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let asked = Instant::now();
        let told =
            |known: &Known, seconds| known.clone().told(asked + Duration::from_secs(seconds));
        known.take(Ok(reading.clone()), asked, then);
        let state = told(&known, 1);
        assert!(state.responde && state.motivo.is_none());
        let refused = Reason::Status { status: 401, said: "Login failed".to_owned() };
        known.take(Err(Unanswered(refused)), asked, now);
        let state = told(&known, 3);
        assert_eq!((state.responde, state.a_las, &state.reading), (false, Some(then), &reading));
        assert_eq!(state.hace_ms, Some(3_000));
        assert!(state.motivo.as_deref().expect("a reason").contains("401"));
        known.take(Ok(Reading::default()), asked + Duration::from_secs(5), now);
        let state = told(&known, 6);
        assert_eq!((state.responde, state.a_las, state.motivo), (true, Some(now), None));
        assert_eq!(state.hace_ms, Some(1_000));
    }
}
