//! What this process has done with deliveries since it started: exact counts,
//! and the journal.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::journal::{Delivery, Journal, Outcome};

/// What this process has done with deliveries; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<State>>);

/// Counts of one moment, since this process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// The last batch that was stored.
    pub(crate) lote: Option<StoredBatch>,
    /// Deliveries that were counted.
    pub(crate) contados: u64,
    /// Deliveries that had been counted before.
    pub(crate) repetidos: u64,
    /// Deliveries that went to the dead-letter queue.
    pub(crate) rechazados: u64,
    /// Deliveries that the broker had made before.
    pub(crate) reentregados: u64,
}

/// A batch that was stored in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Lote)]
pub(crate) struct StoredBatch {
    /// How many messages.
    pub(crate) mensajes: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) a_las: Timestamp,
}

/// A delivery, with the message's id where it has a usable one.
pub(crate) type Delivered = (Option<Uuid>, Delivery);

#[derive(Default)]
struct State {
    counts: Counts,
    journal: Journal,
}

/// What one consumer tells of its batches. Each has its own: several may have a
/// batch that cannot be stored at the same time.
pub(crate) struct ConsumerProgress {
    progress: Progress,
    unstored: Option<Unstored>,
}

/// The batch that could not be stored, which comes again until it is: those are
/// no further deliveries.
struct Unstored {
    messages: Vec<(Option<Uuid>, bool)>,
    reason: Option<String>,
}

impl Progress {
    /// For one more consumer to tell of its batches.
    pub(crate) fn consumer(&self) -> ConsumerProgress {
        ConsumerProgress { progress: self.clone(), unstored: None }
    }

    /// The counts of this moment.
    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// The deliveries of a message that are still known, oldest first.
    pub(crate) fn deliveries(&self, id: Uuid) -> Vec<Delivery> {
        self.lock().journal.of_message(id)
    }

    /// Messages that were rejected into the dead-letter queue, as far as known.
    pub(crate) fn rejected(&self) -> HashSet<Uuid> {
        self.lock().journal.rejected()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsumerProgress {
    /// A batch whose events are stored, at `now`.
    pub(crate) fn stored(&mut self, batch: Vec<Delivered>, now: Timestamp) {
        let again = self.is_again(&batch);
        self.unstored = None;
        let mut state = self.progress.lock();
        state.meet(&batch, again);
        state.stored(batch, now);
    }

    /// A batch of which nothing is stored; it comes again. Nothing of it is settled,
    /// so only what could not be stored is written down: once, unless the reason
    /// changes.
    pub(crate) fn not_stored(&mut self, mut batch: Vec<Delivered>) {
        let again = self.is_again(&batch);
        let messages = identity(&batch);
        let mut state = self.progress.lock();
        state.meet(&batch, again);
        batch.retain(|(_, delivery)| delivery.resultado == Outcome::NotStored);
        let reason = batch.first().and_then(|(_, delivery)| delivery.motivo.clone());
        let known = again && self.unstored.as_ref().is_some_and(|last| last.reason == reason);
        if !known {
            state.write_down(batch);
        }
        drop(state);
        self.unstored = Some(Unstored { messages, reason });
    }

    /// Whether the batch is the one that could not be stored.
    fn is_again(&self, batch: &[Delivered]) -> bool {
        self.unstored.as_ref().is_some_and(|unstored| unstored.messages == identity(batch))
    }
}

impl State {
    /// Counts redeliveries, unless the batch comes again.
    fn meet(&mut self, batch: &[Delivered], again: bool) {
        if !again {
            let redelivered = batch.iter().filter(|(_, delivery)| delivery.reentregado).count();
            self.counts.reentregados += u64::try_from(redelivered).unwrap_or_default();
        }
    }

    fn stored(&mut self, batch: Vec<Delivered>, now: Timestamp) {
        let mut mensajes = 0;
        for (_, delivery) in &batch {
            let count = match delivery.resultado {
                Outcome::Counted => &mut self.counts.contados,
                Outcome::Repeated => &mut self.counts.repetidos,
                Outcome::Rejected => &mut self.counts.rechazados,
                Outcome::NotStored => continue,
            };
            *count += 1;
            mensajes += u64::from(delivery.resultado != Outcome::Rejected);
        }
        if mensajes > 0 {
            self.counts.lote = Some(StoredBatch { mensajes, a_las: now });
        }
        self.write_down(batch);
    }

    fn write_down(&mut self, batch: Vec<Delivered>) {
        for (id, delivery) in batch {
            if let Some(id) = id {
                self.journal.push(id, delivery);
            }
        }
    }
}

fn identity(batch: &[Delivered]) -> Vec<(Option<Uuid>, bool)> {
    batch.iter().map(|(id, delivery)| (*id, delivery.reentregado)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn delivered(number: u128, reentregado: bool, resultado: Outcome) -> Delivered {
        let delivery = Delivery { a_las: NOW, reentregado, resultado, cliente: None, motivo: None };
        (Some(Uuid::from_u128(number)), delivery)
    }

    fn because(reason: &str, delivered: Delivered) -> Delivered {
        let (id, delivery) = delivered;
        (id, Delivery { motivo: Some(reason.to_owned()), ..delivery })
    }

    #[test]
    fn every_delivery_is_counted_as_what_became_of_it() {
        let progress = Progress::default();
        let mut consumer = progress.consumer();
        assert_eq!(progress.counts(), Counts::default());
        consumer.stored(
            vec![
                delivered(1, false, Outcome::Counted),
                delivered(1, true, Outcome::Repeated),
                delivered(2, true, Outcome::Rejected),
                (None, delivered(0, false, Outcome::Rejected).1),
            ],
            NOW,
        );
        let lote = Some(StoredBatch { mensajes: 2, a_las: NOW });
        let wanted = Counts { lote, contados: 1, repetidos: 1, rechazados: 2, reentregados: 2 };
        assert_eq!(progress.counts(), wanted);
        assert_eq!(progress.deliveries(Uuid::from_u128(1)).len(), 2);
    }

    #[test]
    fn a_batch_of_rejected_messages_is_none_that_was_stored() {
        let progress = Progress::default();
        let mut consumer = progress.consumer();
        consumer.stored(vec![delivered(1, false, Outcome::Rejected)], NOW);
        assert_eq!(progress.counts().lote, None);
    }

    #[test]
    fn a_batch_that_comes_again_until_it_is_stored_is_one_delivery() {
        let progress = Progress::default();
        let mut consumer = progress.consumer();
        let failing = |reason| {
            vec![
                because(reason, delivered(1, true, Outcome::NotStored)),
                delivered(2, true, Outcome::Rejected),
            ]
        };
        for reason in ["locked", "locked", "full", "full"] {
            consumer.not_stored(failing(reason));
        }
        assert_eq!((progress.counts().reentregados, progress.counts().rechazados), (2, 0));
        let stored =
            vec![delivered(1, true, Outcome::Counted), delivered(2, true, Outcome::Rejected)];
        consumer.stored(stored, NOW);
        let counts = progress.counts();
        assert_eq!((counts.reentregados, counts.contados, counts.rechazados), (2, 1, 1));

        let story = progress.deliveries(Uuid::from_u128(1));
        let reasons: Vec<_> = story.iter().map(|delivery| delivery.motivo.as_deref()).collect();
        assert_eq!(reasons, [Some("locked"), Some("full"), None]);
        assert_eq!(progress.deliveries(Uuid::from_u128(2)).len(), 1);
    }

    #[test]
    fn the_same_messages_in_a_later_batch_are_further_deliveries() {
        let progress = Progress::default();
        let mut consumer = progress.consumer();
        let batch = || vec![delivered(1, true, Outcome::Repeated)];
        consumer.stored(batch(), NOW);
        consumer.stored(batch(), NOW);
        assert_eq!(progress.counts().reentregados, 2);
    }

    #[test]
    fn two_consumers_that_cannot_store_by_turns_have_two_deliveries() {
        let progress = Progress::default();
        let (mut one, mut other) = (progress.consumer(), progress.consumer());
        let failing = |number| vec![because("locked", delivered(number, true, Outcome::NotStored))];
        for _ in 0..3 {
            one.not_stored(failing(1));
            other.not_stored(failing(2));
        }
        assert_eq!(progress.counts().reentregados, 2);
        one.stored(vec![delivered(1, true, Outcome::Counted)], NOW);
        other.stored(vec![delivered(2, true, Outcome::Counted)], NOW);
        assert_eq!((progress.counts().reentregados, progress.counts().contados), (2, 2));
        for number in [1, 2] {
            assert_eq!(progress.deliveries(Uuid::from_u128(number)).len(), 2);
        }
    }
}
