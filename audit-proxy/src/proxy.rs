//! From the entry to the destinations: a copy on disk, then the forward, then what
//! became of it on disk. Only then does the broker crate acknowledge.

use broker::{Handler, HandlerError, Incoming, Verdict};
use jiff::Timestamp;
use messages::StandardMessage;

use crate::{
    admit::{Refusal, admit},
    blocked::{Blocked, UnderWay},
    crash::{Crash, Point},
    forward::{Forwarder, Forwarding},
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
    /// Whether a batch was handled before: by the time of the next, it is acknowledged.
    pub(crate) has_acked: bool,
}

/// Messages stored together at most: so that the broker has something to do while others
/// are stored, and not a commit for each few.
const PART: usize = 128;

/// What part of a batch comes to, once there are copies of it.
#[derive(Default)]
struct Received {
    to_forward: Vec<Waiting>,
    /// For each message, why it is refused, if it is.
    refusals: Vec<Option<Refusal>>,
}

impl Handler for Proxy {
    async fn handle(&mut self, batch: &[Incoming]) -> Result<Vec<Verdict>, HandlerError> {
        self.crash.at(Point::Received);
        if self.has_acked {
            self.crash.at(Point::Acked);
        }
        let read = self.read(batch).await?;
        let (mut under_way, mut forwarding) =
            (self.blocked.under_way(), self.forwarder.forwarding());
        let refusals = self.carry(read, &mut under_way, &mut forwarding).await;
        // Also where the rest could not be stored: what was forwarded need not be once more.
        forwarding.write_down().await?;
        drop(under_way);
        let refusals = refusals?;
        self.refuse(batch, &refusals).await?;
        let reasons = refusals.into_iter().map(|refusal| refusal.map(|why| why.to_string()));
        let verdicts = self.refuser.verdicts(batch, reasons.collect()).await;
        self.crash.at(Point::Written);
        self.has_acked = true;
        Ok(verdicts)
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

    /// Stores messages and forwards them, part by part: while one is being stored, those
    /// before it are on their way. For each message, why it is refused, if it is.
    async fn carry(
        &self,
        read: Vec<Result<StandardMessage, Refusal>>,
        under_way: &mut UnderWay,
        forwarding: &mut Forwarding<'_>,
    ) -> Result<Vec<Option<Refusal>>, StoreError> {
        let mut refusals = Vec::with_capacity(read.len());
        let mut read = read.into_iter();
        while read.len() > 0 {
            let part = read.by_ref().take(PART).collect();
            let received = forwarding.meanwhile(self.receive(part)).await?;
            self.crash.at(Point::Stored);
            refusals.extend(received.refusals);
            forwarding.publish(under_way.admit(received.to_forward));
        }
        Ok(refusals)
    }

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
}
