//! From the entry to the destinations: a copy on disk, then the forward, then what
//! became of it on disk. Only then does the broker crate acknowledge.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use broker::{Handler, HandlerError, Incoming, Verdict, Verdicts};
use jiff::Timestamp;
use messages::StandardMessage;

use crate::{
    admit::{Refusal, admit, admitted_before},
    blocked::Blocked,
    crash::{Crash, Point},
    forward::Forwarder,
    refusal::Refuser,
    register::Register,
    registry::Registry,
    store::{Receipt, Refused, Store, StoreError, Waiting},
};

/// Audits the messages of one queue.
pub(crate) struct Proxy {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) forwarder: Forwarder,
    pub(crate) refuser: Refuser,
    pub(crate) blocked: Blocked,
    pub(crate) max_payload: usize,
    pub(crate) crash: Crash,
    /// Whether there are verdicts of a batch: by the time of the next, it is acknowledged,
    /// unless it is another that overlaps.
    pub(crate) has_acked: Arc<AtomicBool>,
}

/// What a batch comes to, once there are copies of it.
#[derive(Default)]
struct Received {
    to_forward: Vec<Waiting>,
    /// For each message, why it is refused, if it is.
    refusals: Vec<Option<Refusal>>,
}

impl Handler for Proxy {
    /// One is stored while others before it are on their way, and the broker hands over the
    /// next.
    const BATCH: usize = 512;

    async fn handle(&mut self, batch: &[Incoming]) -> Result<Verdicts, HandlerError> {
        self.crash.at(Point::Received);
        if self.has_acked.load(Ordering::Relaxed) {
            self.crash.at(Point::Acked);
        }
        let read = self.read(batch).await?;
        let stored = self.stored_before(batch, &read).await?;
        let Received { to_forward, refusals } = self.receive(read, &stored).await?;
        self.crash.at(Point::Stored);
        // At once: what waited for nothing would be taken for left behind otherwise.
        let mut under_way = self.blocked.under_way();
        let admitted = under_way.admit(to_forward);
        let verdicts = self.refuse(batch, refusals).await?;
        let on_their_way = self.forwarder.publish(admitted).await;
        let (forwarder, crash) = (self.forwarder.clone(), self.crash.clone());
        let has_acked = self.has_acked.clone();
        Ok(Verdicts::later(async move {
            forwarder.see_through(on_their_way).await;
            drop(under_way);
            crash.at(Point::Written);
            has_acked.store(true, Ordering::Relaxed);
            verdicts
        }))
    }
}

impl Proxy {
    /// Judges messages; nobody is refused for what the register said some seconds ago.
    async fn read(
        &self,
        batch: &[Incoming],
    ) -> Result<Vec<Result<StandardMessage, Refusal>>, HandlerError> {
        let register = self.registry.current()?;
        let judged = |register: &Register| -> Vec<_> {
            batch.iter().map(|message| admit(message, register, self.max_payload)).collect()
        };
        let read = judged(&register);
        let is_outdated =
            |read: &Result<_, Refusal>| read.as_ref().is_err_and(Refusal::may_be_outdated);
        if !read.iter().any(is_outdated) {
            return Ok(read);
        }
        self.registry.read().await?;
        let register = self.registry.current()?;
        Ok(judged(&register))
    }

    /// The places of messages that would be refused, as their systems were suspended after
    /// they were stored and before they were acknowledged: they are the outbox's.
    async fn stored_before(
        &self,
        batch: &[Incoming],
        read: &[Result<StandardMessage, Refusal>],
    ) -> Result<HashSet<usize>, HandlerError> {
        let register = self.registry.current()?;
        let before = |(place, (message, read)): (usize, (_, &Result<_, _>))| {
            let refusal = read.as_ref().err()?;
            Some((place, admitted_before(message, refusal, &register, self.max_payload)?))
        };
        let before: Vec<_> = batch.iter().zip(read).enumerate().filter_map(before).collect();
        if before.is_empty() {
            return Ok(HashSet::new());
        }
        let messages: Vec<_> = before.iter().map(|(_, message)| message).collect();
        let has = self.store.has(&messages).await?;
        Ok(before.iter().zip(has).filter(|(_, has)| *has).map(|((place, _), _)| *place).collect())
    }

    async fn receive(
        &self,
        read: Vec<Result<StandardMessage, Refusal>>,
        stored: &HashSet<usize>,
    ) -> Result<Received, StoreError> {
        let admitted: Vec<_> = read.iter().filter_map(|read| read.as_ref().ok()).collect();
        let mut receipts = self.store.receive(&admitted, Timestamp::now()).await?.into_iter();
        let mut received = Received::default();
        for (place, read) in read.into_iter().enumerate() {
            let refusal = match read {
                Err(refusal) => Some(refusal).filter(|_| !stored.contains(&place)),
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

    /// Sends away what is refused, with the reasons stored. What the broker is to be told
    /// of each message.
    async fn refuse(
        &self,
        batch: &[Incoming],
        refusals: Vec<Option<Refusal>>,
    ) -> Result<Vec<Verdict>, StoreError> {
        let reasons: Vec<_> =
            refusals.into_iter().map(|refusal| refusal.map(|why| why.to_string())).collect();
        let refused = batch
            .iter()
            .zip(&reasons)
            .filter_map(|(message, reason)| Some(Refused { message, reason: reason.clone()? }));
        self.store.refuse(&refused.collect::<Vec<_>>(), Timestamp::now()).await?;
        Ok(self.refuser.verdicts(batch, reasons).await)
    }
}
