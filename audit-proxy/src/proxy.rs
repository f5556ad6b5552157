//! From the entry to the destinations: a copy on disk, then the forward, then what
//! became of it on disk. Only then does the broker crate acknowledge.

use broker::{Handler, HandlerError, Incoming, Verdict};
use jiff::Timestamp;
use messages::StandardMessage;

use crate::{
    admit::{Refusal, admit},
    forward::Forwarder,
    outbox::Blocked,
    registry::Registry,
    store::{Receipt, Refused, Store, StoreError, Waiting},
};

/// Audits the messages of one queue.
pub(crate) struct Proxy {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) forwarder: Forwarder,
    pub(crate) blocked: Blocked,
    pub(crate) max_payload: usize,
}

/// What a batch comes to, once there are copies of it.
#[derive(Default)]
struct Received {
    to_forward: Vec<Waiting>,
    /// For each message, why it is refused, if it is.
    refusals: Vec<Option<Refusal>>,
}

impl Handler for Proxy {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Vec<Verdict>, HandlerError> {
        let register = self.registry.current()?;
        let read = batch.iter().map(|message| admit(message, &register, self.max_payload));
        let Received { to_forward, refusals } = self.receive(read.collect()).await?;
        self.refuse(batch, &refusals).await?;
        self.forwarder.forward(self.unblocked(to_forward)).await?;
        Ok(refusals.into_iter().map(verdict).collect())
    }
}

impl Proxy {
    async fn receive(
        &self,
        read: Vec<Result<StandardMessage, Refusal>>,
    ) -> Result<Received, StoreError> {
        let admitted: Vec<_> = read.iter().filter_map(|read| read.as_ref().ok()).collect();
        let mut receipts = self.store.receive(&admitted, Timestamp::now()).await?.into_iter();
        let mut received = Received::default();
        for read in read {
            let refusal = match read {
                Err(refusal) => Some(refusal),
                Ok(message) => match receipts.next() {
                    Some(Receipt::ToForward(key)) => {
                        received.to_forward.push(Waiting { key, message, attempt: None });
                        None
                    }
                    Some(Receipt::OtherMessage) => Some(Refusal::OtherMessageOfThisId),
                    Some(Receipt::Repeated) | None => None,
                },
            };
            received.refusals.push(refusal);
        }
        Ok(received)
    }

    async fn refuse(
        &self,
        batch: &[Incoming],
        refusals: &[Option<Refusal>],
    ) -> Result<(), StoreError> {
        let refused = batch.iter().zip(refusals).filter_map(|(message, refusal)| {
            let reason = refusal.as_ref()?.to_string();
            Some(Refused { message, reason })
        });
        self.store.refuse(&refused.collect::<Vec<_>>(), Timestamp::now()).await
    }

    /// Without those for whose destination others wait already: they go in their order.
    fn unblocked(&self, mut to_forward: Vec<Waiting>) -> Vec<Waiting> {
        to_forward.retain(|waiting| !self.blocked.contains(&waiting.message.destination));
        to_forward
    }
}

fn verdict(refusal: Option<Refusal>) -> Verdict {
    refusal.map_or(Verdict::Done, |refusal| Verdict::Reject(refusal.to_string()))
}
