//! What became of everything that this process published: exact counts, and the
//! last attempts one by one. Pure: times come as values.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use broker::Outcome;
use jiff::Timestamp;
use messages::ClientName;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Attempts that are remembered.
pub(crate) const REMEMBERED: usize = 10_000;

/// What became of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) enum Fate {
    /// RabbitMQ has it.
    #[serde(rename = "confirmado")]
    Confirmed,
    /// No queue takes it.
    #[serde(rename = "sin-ruta")]
    Unroutable,
    /// RabbitMQ refused it.
    #[serde(rename = "rechazado")]
    Refused,
    /// It never left.
    #[serde(rename = "no-enviado")]
    NotSent,
    /// Nobody waited for an answer, or none came.
    #[serde(rename = "desconocido")]
    Unknown,
}

impl From<&Outcome> for Fate {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Confirmed => Self::Confirmed,
            Outcome::Unroutable => Self::Unroutable,
            Outcome::Refused => Self::Refused,
            Outcome::NotSent(_) => Self::NotSent,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

/// Attempts to publish since this process started, by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
#[schema(as = Publicaciones)]
pub(crate) struct Counts {
    /// RabbitMQ has them.
    confirmadas: u64,
    /// No queue takes them.
    sin_ruta: u64,
    /// RabbitMQ refused them.
    rechazadas: u64,
    /// They never left.
    no_enviadas: u64,
    /// No answer in time: they may be in the queue or not.
    desconocidas: u64,
}

impl Counts {
    fn count(&mut self, fate: Fate) {
        let counter = match fate {
            Fate::Confirmed => &mut self.confirmadas,
            Fate::Unroutable => &mut self.sin_ruta,
            Fate::Refused => &mut self.rechazadas,
            Fate::NotSent => &mut self.no_enviadas,
            Fate::Unknown => &mut self.desconocidas,
        };
        *counter += 1;
    }
}

/// One attempt to publish a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Intento)]
pub(crate) struct Attempt {
    /// Whose event it is.
    #[schema(value_type = String)]
    pub(crate) cliente: ClientName,
    /// The routing key.
    pub(crate) clave: String,
    /// Whether it carries an event: poison cannot be counted, and nobody misses it.
    #[serde(skip)]
    pub(crate) is_event: bool,
    /// What became of it.
    #[schema(value_type = String, example = "confirmado")]
    pub(crate) resultado: Fate,
    /// When that was known, by our clock.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) a_las: Timestamp,
}

/// Everything at one moment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Snapshot {
    /// Attempts under way.
    pub(crate) in_flight: u64,
    /// Those that have ended.
    pub(crate) counts: Counts,
    /// The last ones, newest first.
    pub(crate) latest: Vec<(Uuid, Attempt)>,
}

/// In memory only, and bounded: the oldest attempts make room.
pub(crate) struct Journal {
    capacity: usize,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    in_flight: u64,
    counts: Counts,
    attempts: VecDeque<(Uuid, Attempt)>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::of(REMEMBERED)
    }
}

impl Journal {
    fn of(capacity: usize) -> Self {
        Self { capacity, pages: Mutex::default() }
    }

    /// An attempt begins; it must [end](Self::end).
    pub(crate) fn begin(&self) {
        self.pages().in_flight += 1;
    }

    /// An attempt that began has ended.
    pub(crate) fn end(&self, id: Uuid, attempt: Attempt) {
        let mut pages = self.pages();
        pages.in_flight = pages.in_flight.saturating_sub(1);
        pages.counts.count(attempt.resultado);
        if pages.attempts.len() == self.capacity {
            pages.attempts.pop_front();
        }
        pages.attempts.push_back((id, attempt));
    }

    /// Everything now, with the `latest` attempts at most.
    pub(crate) fn snapshot(&self, latest: usize) -> Snapshot {
        let pages = self.pages();
        let latest = pages.attempts.iter().rev().take(latest).cloned().collect();
        Snapshot { in_flight: pages.in_flight, counts: pages.counts, latest }
    }

    /// The attempts at a message that are still known, oldest first.
    pub(crate) fn of_message(&self, id: Uuid) -> Vec<Attempt> {
        let pages = self.pages();
        let attempts = pages.attempts.iter().filter(|(of, _)| *of == id);
        attempts.map(|(_, attempt)| attempt.clone()).collect()
    }

    /// The events that are known to be confirmed, each once by id and client, with
    /// the last attempt that was.
    pub(crate) fn confirmed(&self) -> Vec<(Uuid, Attempt)> {
        let pages = self.pages();
        let confirmed = pages.attempts.iter();
        let confirmed = confirmed
            .filter(|(_, attempt)| attempt.is_event && attempt.resultado == Fate::Confirmed);
        // Oldest first: a later attempt takes the place of an earlier one.
        let last: HashMap<_, _> =
            confirmed.map(|(id, attempt)| ((*id, &attempt.cliente), attempt)).collect();
        last.into_iter().map(|((id, _), attempt)| (id, attempt.clone())).collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use broker::NotSent;

    use super::*;

    fn attempt(resultado: Fate) -> Attempt {
        Attempt {
            cliente: "ana".parse().expect("a name"),
            clave: "click".to_owned(),
            is_event: true,
            resultado,
            a_las: Timestamp::UNIX_EPOCH,
        }
    }

    fn write(journal: &Journal, id: u128, fate: Fate) {
        journal.begin();
        journal.end(Uuid::from_u128(id), attempt(fate));
    }

    #[test]
    fn every_attempt_is_counted_once_under_what_became_of_it() {
        let journal = Journal::default();
        let outcomes = [
            Outcome::Confirmed,
            Outcome::Unroutable,
            Outcome::Refused,
            Outcome::NotSent(NotSent::Overloaded),
            Outcome::Unknown,
        ];
        for (times, outcome) in outcomes.iter().enumerate() {
            for id in 0..=times {
                write(&journal, id as u128, Fate::from(outcome));
            }
        }
        journal.begin();
        let Snapshot { in_flight, counts, latest } = journal.snapshot(2);
        let [confirmadas, sin_ruta, rechazadas, no_enviadas, desconocidas] = [1, 2, 3, 4, 5];
        let wanted = Counts { confirmadas, sin_ruta, rechazadas, no_enviadas, desconocidas };
        assert_eq!((in_flight, counts), (1, wanted));
        assert_eq!(latest.iter().map(|(id, _)| id.as_u128()).collect::<Vec<_>>(), [4, 3]);
    }

    #[test]
    fn a_message_is_found_with_its_attempts_oldest_first() {
        let journal = Journal::default();
        write(&journal, 1, Fate::NotSent);
        write(&journal, 2, Fate::Refused);
        write(&journal, 1, Fate::Confirmed);
        let found = journal.of_message(Uuid::from_u128(1));
        assert_eq!(found, [attempt(Fate::NotSent), attempt(Fate::Confirmed)]);
        assert!(journal.of_message(Uuid::nil()).is_empty());
    }

    #[test]
    fn an_event_that_was_confirmed_twice_is_told_of_once_and_poison_never() {
        let journal = Journal::default();
        write(&journal, 1, Fate::Unknown);
        write(&journal, 1, Fate::Confirmed);
        write(&journal, 1, Fate::Confirmed);
        write(&journal, 2, Fate::Unroutable);
        let poison = Attempt { is_event: false, ..attempt(Fate::Confirmed) };
        journal.end(Uuid::from_u128(3), poison);
        assert_eq!(journal.confirmed(), [(Uuid::from_u128(1), attempt(Fate::Confirmed))]);
    }

    #[test]
    fn of_what_was_confirmed_more_than_once_the_last_time_is_told_for_each_client() {
        let journal = Journal::default();
        let at = |client: &str, key: &str, second, resultado| Attempt {
            cliente: client.parse().expect("a name"),
            clave: key.to_owned(),
            a_las: Timestamp::from_second(second).expect("in range"),
            ..attempt(resultado)
        };
        let last =
            [at("ana", "compra", 2, Fate::Confirmed), at("eva", "click", 3, Fate::Confirmed)];
        for one in [
            at("ana", "click", 1, Fate::Confirmed),
            last[0].clone(),
            last[1].clone(),
            at("ana", "venta", 4, Fate::Unknown),
        ] {
            journal.end(Uuid::nil(), one);
        }
        let mut told = journal.confirmed();
        told.sort_by_key(|(_, attempt)| attempt.a_las);
        assert_eq!(told, last.map(|attempt| (Uuid::nil(), attempt)));
    }

    #[test]
    fn the_oldest_make_room_and_stay_counted() {
        let journal = Journal::of(3);
        for id in 1..=5 {
            write(&journal, id, Fate::Confirmed);
        }
        let known = (1..=5).map(|id| journal.of_message(Uuid::from_u128(id)).len());
        assert_eq!(known.collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
        let snapshot = journal.snapshot(20);
        assert_eq!((snapshot.counts.confirmadas, snapshot.latest.len()), (5, 3));
    }

    #[test]
    fn fates_have_the_names_that_the_wire_knows() {
        let fates =
            [Fate::Confirmed, Fate::Unroutable, Fate::Refused, Fate::NotSent, Fate::Unknown];
        let json = serde_json::to_string(&fates).expect("JSON");
        assert_eq!(json, r#"["confirmado","sin-ruta","rechazado","no-enviado","desconocido"]"#);
    }
}
