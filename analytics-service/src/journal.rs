//! The last deliveries, and what became of each. Pure; in memory only, and
//! bounded: the oldest make room.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Deliveries kept.
const CAPACITY: usize = 10_000;

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) enum Outcome {
    /// It was counted.
    #[serde(rename = "contado")]
    Counted,
    /// It had been counted before, and was not again.
    #[serde(rename = "repetido")]
    Repeated,
    /// It can never be counted: to the dead-letter queue.
    #[serde(rename = "rechazado")]
    Rejected,
    /// It could not be stored, so it was not acknowledged.
    #[serde(rename = "no-guardado")]
    NotStored,
}

/// One delivery of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Entrega)]
pub(crate) struct Delivery {
    /// When that was known, by our clock.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) a_las: Timestamp,
    /// Whether the broker says that it had been delivered before.
    pub(crate) reentregado: bool,
    /// What became of it.
    #[schema(value_type = String, example = "contado")]
    pub(crate) resultado: Outcome,
    /// Whose event it was; null where that could not be read.
    pub(crate) cliente: Option<String>,
    /// Why it was rejected or not stored.
    pub(crate) motivo: Option<String>,
}

/// The last deliveries of messages that have an id.
#[derive(Debug)]
pub(crate) struct Journal {
    capacity: usize,
    entries: VecDeque<(Uuid, Delivery)>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::of(CAPACITY)
    }
}

impl Journal {
    fn of(capacity: usize) -> Self {
        Self { capacity, entries: VecDeque::new() }
    }

    /// Writes down a delivery, the newest.
    pub(crate) fn push(&mut self, id: Uuid, delivery: Delivery) {
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back((id, delivery));
    }

    /// The deliveries of a message that are still known, oldest first.
    pub(crate) fn of_message(&self, id: Uuid) -> Vec<Delivery> {
        let entries = self.entries.iter().filter(|(of, _)| *of == id);
        entries.map(|(_, delivery)| delivery.clone()).collect()
    }

    /// Messages that are known to be in the dead-letter queue.
    pub(crate) fn rejected(&self) -> HashSet<Uuid> {
        let rejected = |(_, delivery): &&(Uuid, Delivery)| delivery.resultado == Outcome::Rejected;
        self.entries.iter().filter(rejected).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(resultado: Outcome) -> Delivery {
        let a_las = Timestamp::UNIX_EPOCH;
        Delivery { a_las, reentregado: false, resultado, cliente: None, motivo: None }
    }

    #[test]
    fn a_message_is_found_with_its_deliveries_oldest_first() {
        let mut journal = Journal::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        journal.push(one, delivery(Outcome::NotStored));
        journal.push(other, delivery(Outcome::Rejected));
        journal.push(one, delivery(Outcome::Counted));
        let outcomes = |id| -> Vec<_> {
            journal.of_message(id).into_iter().map(|delivery| delivery.resultado).collect()
        };
        assert_eq!(outcomes(one), [Outcome::NotStored, Outcome::Counted]);
        assert_eq!(outcomes(other), [Outcome::Rejected]);
        assert!(outcomes(Uuid::nil()).is_empty());
    }

    #[test]
    fn the_oldest_make_room() {
        let mut journal = Journal::of(3);
        for number in 1..=5 {
            journal.push(Uuid::from_u128(number), delivery(Outcome::Counted));
        }
        let known = (1..=5).map(|number| journal.of_message(Uuid::from_u128(number)).len());
        assert_eq!(known.collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
        assert_eq!(journal.entries.len(), 3);
    }

    #[test]
    fn outcomes_have_the_names_that_the_wire_knows() {
        let outcomes = [Outcome::Counted, Outcome::Repeated, Outcome::Rejected, Outcome::NotStored];
        let json = serde_json::to_string(&outcomes).expect("JSON");
        assert_eq!(json, r#"["contado","repetido","rechazado","no-guardado"]"#);
    }
}
