//! The one way out of this process: whatever is published goes over this desk,
//! and what became of it is written down.

use std::sync::Arc;

use broker::{Outcome, Outgoing, Publisher};
use messages::{ClientName, MessageId};
use service_kit::clock;

use crate::journal::{Attempt, Fate, Journal};

/// A message, and whose event it carries, if it carries one.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) client: ClientName,
    pub(crate) is_event: bool,
    pub(crate) message: Outgoing,
}

/// Publishes and writes down; clones share connection and journal.
#[derive(Clone)]
pub(crate) struct Desk {
    publisher: Publisher,
    journal: Arc<Journal>,
}

impl Desk {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self { publisher, journal: Arc::default() }
    }

    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Publishes one message and says what became of it, within two seconds.
    pub(crate) async fn publish(&self, Parcel { client, is_event, message }: Parcel) -> Outcome {
        let open = Open::begin(&self.journal, client, is_event, &message);
        let outcome = self.publisher.publish(message).await;
        open.end(&outcome);
        outcome
    }

    /// Publishes many under way at once; outcomes in their order.
    pub(crate) async fn publish_all(&self, parcels: Vec<Parcel>) -> Vec<Outcome> {
        broker::together(parcels.into_iter().map(|parcel| self.publish(parcel))).await
    }
}

/// An attempt under way. A caller who leaves takes the waiting for its outcome
/// along: it is unknown then, and counted as that.
struct Open<'a> {
    journal: &'a Journal,
    id: MessageId,
    client: ClientName,
    is_event: bool,
    routing_key: String,
    fate: Fate,
}

impl<'a> Open<'a> {
    fn begin(journal: &'a Journal, client: ClientName, is_event: bool, message: &Outgoing) -> Self {
        journal.begin();
        let (id, routing_key) = (message.id, message.routing_key.clone());
        Self { journal, id, client, is_event, routing_key, fate: Fate::Unknown }
    }

    fn end(mut self, outcome: &Outcome) {
        self.fate = outcome.into();
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let attempt = Attempt {
            cliente: self.client.clone(),
            clave: std::mem::take(&mut self.routing_key),
            is_event: self.is_event,
            resultado: self.fate,
            a_las: clock::now(),
        };
        self.journal.end(self.id.as_uuid(), attempt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Outgoing {
        Outgoing {
            id: MessageId::from(uuid::Uuid::nil()),
            producer: "cliente_x".to_owned(),
            user: None,
            kind: "prueba.v1".into(),
            routing_key: "click".to_owned(),
            timestamp: 0,
            correlation_id: None,
            content_type: broker::JSON.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn an_attempt_that_nobody_waited_for_is_unknown_and_under_way_no_more() {
        let journal = Journal::default();
        let begin = || Open::begin(&journal, "ana".parse().expect("a name"), true, &message());
        begin().end(&Outcome::Confirmed);
        let open = begin();
        assert_eq!(journal.snapshot(0).in_flight, 1);
        drop(open);
        assert_eq!(journal.snapshot(0).in_flight, 0);
        let attempts = journal.of_message(uuid::Uuid::nil());
        let fates: Vec<_> = attempts.iter().map(|attempt| attempt.resultado).collect();
        assert_eq!(fates, [Fate::Confirmed, Fate::Unknown]);
    }
}
