//! What the laboratory shows of itself, as the services and the broker tell it.

use super::place::Place;
use jiff::Timestamp;
use messages::names::{CLICK, EXCHANGE, EXCHANGE_BY_CLIENT, QUEUES};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// What came of a question.
#[derive(Clone, Debug)]
pub(super) enum Answer<T> {
    Said(T),
    /// It answers, and knows no such thing (404): it was built before there was one.
    Absent,
    /// No answer that can be used; why.
    Away(String),
}

impl<T> Answer<T> {
    pub(super) fn said(&self) -> Option<&T> {
        match self {
            Self::Said(said) => Some(said),
            Self::Absent | Self::Away(_) => None,
        }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Said(said) => Answer::Said(change(said)),
            Self::Absent => Answer::Absent,
            Self::Away(why) => Answer::Away(why),
        }
    }
}

/// Everything that is graded.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) place: Place,
    /// The parts by name, and whether each can do its work.
    pub(super) parts: Vec<(&'static str, bool)>,
    pub(super) senders: Vec<Sender>,
    pub(super) analytics: Answer<Analytics>,
    pub(super) analytics_faults: Answer<AnalyticsFaults>,
    pub(super) broker: Answer<Broker>,
    /// Since when what was counted has been looked at.
    pub(super) since: Timestamp,
    /// Counted since then, oldest first.
    pub(super) counted: Answer<Vec<Counted>>,
    /// Of all that the senders remember as confirmed, what analytics has not counted.
    pub(super) uncounted: Answer<Vec<Uncounted>>,
    /// What is in the dead-letter queue, the first so many; none: no readable id.
    pub(super) dead: Answer<Vec<Option<Uuid>>>,
    /// What the senders together remember of some ids, in order.
    pub(super) attempts: HashMap<Uuid, Vec<Attempt>>,
    /// What analytics knows of some ids: of those that are missing, or not among the
    /// counted though sent twice, and of the dead.
    pub(super) stories: HashMap<Uuid, Story>,
    pub(super) crashes: Crashes,
}

/// One sender.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) name: &'static str,
    pub(super) state: Answer<SenderState>,
    pub(super) faults: Answer<SenderFaults>,
    /// What it remembers as confirmed.
    pub(super) confirmed: Answer<Vec<Confirmed>>,
}

/// `GET /estado` of a sender.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SenderState {
    pub(super) publicaciones: Published,
    /// The newest attempts, newest first.
    pub(super) ultimas: Vec<Publication>,
}

/// How its attempts to publish ended, since its process started.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Published {
    pub(super) confirmadas: u64,
    pub(super) sin_ruta: u64,
    pub(super) rechazadas: u64,
    pub(super) no_enviadas: u64,
    pub(super) desconocidas: u64,
}

/// Attempts that a sender remembers.
pub(super) const REMEMBERED: u64 = 10_000;

impl Published {
    /// Whether there were more than it remembers.
    pub(super) fn is_partly_forgotten(&self) -> bool {
        let Self { confirmadas, sin_ruta, rechazadas, no_enviadas, desconocidas } = self;
        confirmadas + sin_ruta + rechazadas + no_enviadas + desconocidas > REMEMBERED
    }
}

/// One attempt of a sender's.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Publication {
    pub(super) id: Uuid,
}

/// `GET /confirmados` of a sender.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Remembered {
    pub(super) confirmados: Vec<Confirmed>,
}

/// One event that was confirmed: a row of four.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Confirmed {
    pub(super) id: Uuid,
    pub(super) cliente: String,
    /// The routing key.
    pub(super) clave: String,
    /// When it was confirmed for the last time.
    pub(super) a_las: Timestamp,
}

/// The word of a publish that the broker confirmed.
const CONFIRMED: &str = "confirmado";

/// `GET /mensajes/{id}` of a sender.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Journal {
    /// Oldest first.
    pub(super) intentos: Vec<Attempt>,
}

/// One attempt to publish a message.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) resultado: String,
    pub(super) a_las: Timestamp,
}

impl Attempt {
    pub(super) fn is_confirmed(&self) -> bool {
        self.resultado == CONFIRMED
    }
}

/// `GET /fallos` of a sender.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SenderFaults {
    pub(super) bloqueado: bool,
}

/// `GET /estado` of analytics, since its process started.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Analytics {
    pub(super) consumo: String,
    pub(super) repetidos: u64,
    pub(super) rechazados: u64,
    pub(super) reentregados: u64,
    /// What was counted before may be forgotten.
    pub(super) recuerda_desde: Timestamp,
}

/// `GET /fallos` of analytics.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct AnalyticsFaults {
    pub(super) pausa: bool,
    pub(super) lento_ms: u64,
    pub(super) muere: Option<String>,
}

/// `GET /mensajes/{id}` of analytics; empty where it knows nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Story {
    /// Oldest first.
    pub(super) entregas: Vec<Delivered>,
    pub(super) contado: Option<Value>,
}

/// One delivery of a message.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Delivered {
    pub(super) resultado: String,
    pub(super) motivo: Option<String>,
}

impl Story {
    /// Why analytics rejected it, where it did.
    pub(super) fn rejection(&self) -> Option<&str> {
        let rejected = self.entregas.iter().rev().find(|one| one.resultado == "rechazado");
        rejected.map(|one| one.motivo.as_deref().unwrap_or("sin motivo"))
    }
}

/// One row of `GET /contados`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Counted {
    pub(super) id: Uuid,
    pub(super) cliente: String,
    /// To the second.
    pub(super) contado: Timestamp,
}

/// `POST /contados/faltan` of analytics.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Missing {
    pub(super) faltan: Vec<Uncounted>,
}

/// A message that analytics has not counted.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Uncounted {
    pub(super) id: Uuid,
    pub(super) cliente: String,
    /// Whether it remembers that it rejected it.
    pub(super) rechazado: bool,
}

/// What the broker's management API says.
#[derive(Clone, Debug, Default)]
pub(super) struct Broker {
    pub(super) exchanges: Vec<Value>,
    pub(super) queues: Vec<Value>,
    pub(super) bindings: Vec<Value>,
}

impl Broker {
    /// The queue that analytics counts from, or all among which the events are spread.
    fn ours(&self) -> impl Iterator<Item = &Value> {
        self.queues.iter().filter(|queue| QUEUES.into_iter().any(|name| queue["name"] == name))
    }

    /// A number that it tells of the queue, or of all together; none where it does not
    /// know one (yet).
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.ours().next()?;
        self.ours().map(|queue| queue[name].as_u64()).sum()
    }

    /// Messages delivered again from there since the broker started.
    pub(super) fn redelivered(&self) -> u64 {
        let redelivered = |queue: &Value| queue["message_stats"]["redeliver"].as_u64();
        self.ours().filter_map(redelivered).sum()
    }

    /// The routing keys with which the exchange leads to the queue, or has the events
    /// spread.
    pub(super) fn keys(&self) -> Vec<&str> {
        let leads = |binding: &&Value| {
            let mut ends = QUEUES.into_iter().chain([EXCHANGE_BY_CLIENT]);
            binding["source"] == EXCHANGE && ends.any(|end| binding["destination"] == end)
        };
        let bindings = self.bindings.iter().filter(leads);
        bindings.filter_map(|binding| binding["routing_key"].as_str()).collect()
    }

    /// Whether there is a binding from one to the other, with this key where one is
    /// given.
    pub(super) fn leads(&self, from: &str, to: &str, key: Option<&str>) -> bool {
        self.bindings.iter().any(|binding| {
            binding["source"] == from
                && binding["destination"] == to
                && key.is_none_or(|key| binding["routing_key"] == key)
        })
    }

    /// Among how many queues the events are spread, by client; none where they go
    /// straight to the one.
    pub(super) fn partitions(&self) -> Option<usize> {
        let is_spread = self.leads(EXCHANGE, EXCHANGE_BY_CLIENT, Some(CLICK));
        let shares = |queue: &&str| self.leads(EXCHANGE_BY_CLIENT, queue, None);
        is_spread.then(|| QUEUES.iter().filter(|queue| shares(queue)).count())
    }
}

/// When analytics ended on purpose, by its log.
#[derive(Clone, Debug, Default)]
pub(super) struct Crashes {
    /// After storing, before the acknowledgement.
    pub(super) before_ack: Vec<Timestamp>,
    /// After an acknowledgement that came before storing.
    pub(super) after_early_ack: Vec<Timestamp>,
}

/// What analytics writes when it ends so.
const BEFORE_ACK: &str = "on purpose, after the commit and before the ack";
const AFTER_EARLY_ACK: &str = "on purpose, after an ack that came before the commit";

impl Crashes {
    /// Reads what analytics has written, for what happened from `since` on.
    pub(super) fn read(log: &str, since: Timestamp) -> Self {
        let times = |what: &str| -> Vec<Timestamp> {
            let lines = log.lines().filter(|line| line.contains(what));
            lines.filter_map(time_of).filter(|time| *time >= since).collect()
        };
        Self { before_ack: times(BEFORE_ACK), after_early_ack: times(AFTER_EARLY_ACK) }
    }
}

/// The time at the beginning of a line of a log: `[2026-11-22T23:00:00.123Z ERROR …`.
fn time_of(line: &str) -> Option<Timestamp> {
    let (_, rest) = line.split_once('[')?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{
        AFTER_EARLY_ACK, BEFORE_ACK, Crashes, Delivered, Published, REMEMBERED, Remembered, Story,
    };
    use jiff::Timestamp;

    const LOG: &str = "── cargo lab: empieza ──\n\
        [2026-11-22T22:00:00.000Z ERROR broker::fault] this process ends by a mistake made on \
        purpose, after an ack that came before the commit: the batch is lost\n\
        [2026-11-22T23:00:00.123Z ERROR broker::fault] this process ends by a mistake made on \
        purpose, after an ack that came before the commit: the batch is lost\n\
        [2026-11-22T23:00:01.000Z ERROR broker::fault] this process ends by a mistake made on \
        purpose, after the commit and before the ack: the batch will come again\n\
        on purpose, after an ack that came before the commit: nobody knows when\n";

    #[test]
    fn ends_on_purpose_are_found_in_the_log_with_their_time() {
        let crashes = Crashes::read(LOG, "2026-11-22T22:30:00Z".parse().unwrap());
        let of = |times: &[Timestamp]| times.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of(&crashes.before_ack), ["2026-11-22T23:00:01Z"]);
        assert_eq!(of(&crashes.after_early_ack), ["2026-11-22T23:00:00.123Z"]);
    }

    #[test]
    fn what_is_looked_for_in_the_log_is_what_the_broker_crate_writes() {
        let source = include_str!("../../../../crates/broker/src/fault.rs");
        for words in [BEFORE_ACK, AFTER_EARLY_ACK] {
            let (begin, end) = words.split_once(", ").unwrap();
            assert!(source.contains(begin) && source.contains(end), "{words}");
        }
    }

    #[test]
    fn what_a_sender_confirmed_comes_in_rows_of_four() {
        let json = r#"{"proceso":"x","confirmados":[["0196303b-3c5e-7cc2-98c4-dc0c0c07398f",
            "ana","click","2026-11-22T23:00:00.123Z"]]}"#;
        let Remembered { confirmados } = serde_json::from_str(json).unwrap();
        let [one] = &confirmados[..] else { panic!("{confirmados:?}") };
        assert_eq!((one.cliente.as_str(), one.clave.as_str()), ("ana", "click"));
        assert_eq!(one.a_las.to_string(), "2026-11-22T23:00:00.123Z");
    }

    #[test]
    fn a_sender_forgets_once_it_made_more_attempts_than_it_remembers_however_they_ended() {
        let source = include_str!("../../../../sender/src/journal.rs");
        assert!(source.contains("REMEMBERED: usize = 10_000;"));
        let mut published = Published { confirmadas: REMEMBERED, ..Published::default() };
        assert!(!published.is_partly_forgotten());
        published = Published { confirmadas: 1, desconocidas: REMEMBERED, ..published };
        assert!(published.is_partly_forgotten());
    }

    #[test]
    fn the_last_rejection_says_why() {
        let delivered = |resultado: &str, motivo: Option<&str>| Delivered {
            resultado: resultado.to_owned(),
            motivo: motivo.map(str::to_owned),
        };
        let mut story = Story { entregas: vec![delivered("contado", None)], contado: None };
        assert_eq!(story.rejection(), None);
        story.entregas.push(delivered("rechazado", None));
        assert_eq!(story.rejection(), Some("sin motivo"));
        story.entregas.push(delivered("rechazado", Some("no es un evento")));
        assert_eq!(story.rejection(), Some("no es un evento"));
    }
}
