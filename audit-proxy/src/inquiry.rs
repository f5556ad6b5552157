//! Finds out why messages have not been processed: asks the store, the register, the
//! outbox and RabbitMQ, the last one for a bounded time.

use std::time::Duration;

use management::Management;
use messages::{SystemName, names};
use tokio::time::{Instant, timeout_at};

use crate::{
    blocked::Blocked,
    registry::Registry,
    store::{Entry, Record, Store, StoreError},
    why::{Facts, Mailbox, PorQue, explain, explain_ended, needs_facts},
};

/// How long an answer may wait for RabbitMQ; without it, it says so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to ask. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Inquiry {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) blocked: Blocked,
    pub(crate) management: Management,
}

impl Inquiry {
    /// Why each of these messages has not been processed, in their order; none of one
    /// that was.
    pub(crate) async fn why(&self, messages: &[Record]) -> Result<Vec<Option<PorQue>>, StoreError> {
        let until = Instant::now() + PATIENCE;
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let entry = &message.entry;
            answers.push(if needs_facts(entry) {
                self.facts(entry, until).await?.and_then(|facts| explain(entry, &facts))
            } else {
                explain_ended(entry, message.details())
            });
        }
        Ok(answers)
    }

    /// How many messages wait to be audited, of which nothing is known here; none where
    /// the broker does not say.
    pub(crate) async fn waiting_at_the_entry(&self) -> Option<u64> {
        let until = Instant::now() + PATIENCE;
        match self.mailbox(names::AUDIT_QUEUE, until).await {
            Mailbox::Found(numbers) => numbers.map(|numbers| numbers.total),
            Mailbox::Missing | Mailbox::Unanswered => None,
        }
    }

    /// None where it says for no system that there can be.
    async fn facts(&self, message: &Entry, until: Instant) -> Result<Option<Facts>, StoreError> {
        let destination = message.destination.as_deref().unwrap_or_default();
        let Ok(destination) = destination.parse::<SystemName>() else { return Ok(None) };
        let register = self.registry.current().ok();
        let system = register.as_deref().and_then(|register| register.get(&destination));
        let mailbox = names::mailbox(&destination);
        Ok(Some(Facts {
            standing: system.map(|system| system.standing),
            last_attempt: self.blocked.reason(&destination),
            waiting_before: self.store.waiting_before(&destination, message.key).await?,
            forwarded_after: self.store.forwarded_after(&destination, message.key).await?,
            mailbox: self.mailbox(&mailbox, until).await,
        }))
    }

    async fn mailbox(&self, queue: &str, until: Instant) -> Mailbox {
        match timeout_at(until, self.management.queue(queue)).await {
            Ok(Ok(Some(queue))) => Mailbox::Found(queue.numbers),
            Ok(Ok(None)) => Mailbox::Missing,
            Ok(Err(error)) => {
                log::warn!("{queue} was asked about in vain: {error}");
                Mailbox::Unanswered
            }
            Err(_elapsed) => Mailbox::Unanswered,
        }
    }
}
