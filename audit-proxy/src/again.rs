//! Sending once more what is kept. Each attempt is on disk before it is made, so that a
//! crash in between forwards it at least once: the outbox finds what was left behind.

use std::collections::HashSet;

use broker::Properties;
use jiff::Timestamp;
use messages::StandardMessage;

use crate::{
    admit::Refusal,
    blocked::Blocked,
    forward::Forwarder,
    redact::Rules,
    registry::{Registry, Unread},
    resend::{Edit, NotAgain, Way, admitted, edited, way},
    store::{Entry, Key, Receipt, Store, StoreError, Waiting},
};

/// Sends once more. Clones share all.
#[derive(Clone)]
pub(crate) struct Resender {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) forwarder: Forwarder,
    pub(crate) blocked: Blocked,
    pub(crate) max_payload: usize,
}

/// What became of sending a message once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sent {
    /// What was sent: the message itself, or the one that was made of it.
    pub(crate) key: Key,
    /// Whether the destination's queue has it by now; else it waits, as any.
    pub(crate) forwarded: bool,
}

/// Of each message what became of it, or why nothing did.
pub(crate) type Outcomes = Vec<(Entry, Result<Sent, NotAgain>)>;

/// What nobody could do now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Register(#[from] Unread),
}

/// What a message is to be sent once more as.
enum Plan {
    Attempt,
    Admission(Box<StandardMessage>),
}

impl Resender {
    /// Sends messages once more as they are.
    pub(crate) async fn send(&self, entries: Vec<Entry>, account: &str) -> Result<Outcomes, Fault> {
        let plans = self.plans(&entries).await?;
        let attempts: Vec<_> = entries
            .iter()
            .zip(&plans)
            .filter(|(_, plan)| matches!(plan, Ok(Plan::Attempt)))
            .map(|(entry, _)| entry.key)
            .collect();
        let begun = self.store.attempt(&attempts, account, Timestamp::now()).await?;
        let left = self.forward_again(&begun).await?;
        let begun: HashSet<_> = begun.into_iter().collect();
        // Somebody else was faster: asked for the same, or removed what is to be sent.
        let missed: Vec<_> = attempts.into_iter().filter(|key| !begun.contains(key)).collect();
        let kept = self.store.kept(&missed).await?;
        let mut outcomes = Vec::with_capacity(entries.len());
        for (entry, plan) in entries.into_iter().zip(plans) {
            let key = entry.key;
            let outcome = match plan {
                Err(reason) => Err(reason),
                Ok(Plan::Attempt) if begun.contains(&key) => {
                    Ok(Sent { key, forwarded: !left.contains(&key) })
                }
                Ok(Plan::Attempt) if kept.contains(&key) => Err(NotAgain::WaitingAgain),
                Ok(Plan::Attempt) => Err(NotAgain::NoPayload),
                Ok(Plan::Admission(message)) => self.made(*message, key, account).await?,
            };
            outcomes.push((entry, outcome));
        }
        Ok(outcomes)
    }

    /// Whether messages would be sent once more as they are; nothing is sent.
    pub(crate) async fn would_send(&self, entries: Vec<Entry>) -> Result<Outcomes, Fault> {
        let plans = self.plans(&entries).await?;
        let outcomes = entries.into_iter().zip(plans).map(|(entry, plan)| {
            let sent = Sent { key: entry.key, forwarded: false };
            (entry, plan.map(|_| sent))
        });
        Ok(outcomes.collect())
    }

    /// Sends what an operator made of a message.
    pub(crate) async fn send_edited(
        &self,
        entry: &Entry,
        edit: Edit,
        account: &str,
    ) -> Result<Result<Sent, NotAgain>, Fault> {
        let register = self.registry.current()?;
        let properties = self.properties(entry.key).await?;
        match edited(entry, edit, properties.as_ref(), &register, self.max_payload) {
            Ok(message) => self.made(message, entry.key, account).await,
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// What is hidden, for whoever must not send that.
    pub(crate) async fn rules(&self) -> Result<Rules, StoreError> {
        self.store.rules().await
    }

    async fn plans(&self, entries: &[Entry]) -> Result<Vec<Result<Plan, NotAgain>>, Fault> {
        let register = self.registry.current()?;
        let keys: Vec<_> = entries.iter().map(|entry| entry.key).collect();
        let kept = self.store.kept(&keys).await?;
        let waiting = self.waiting(&keys).await?;
        let mut plans = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = entry.key;
            plans.push(match way(entry, &register) {
                Err(reason) => Err(reason),
                Ok(_) if !kept.contains(&key) => Err(NotAgain::NoPayload),
                Ok(Way::Attempt) if waiting.contains(&key) => Err(NotAgain::WaitingAgain),
                Ok(Way::Attempt) => Ok(Plan::Attempt),
                Ok(Way::Admission) => {
                    let payload = self.store.payloads(&[key]).await?.remove(&key);
                    let payload = payload.unwrap_or_default();
                    let properties = self.properties(key).await?;
                    admitted(entry, payload, properties.as_ref(), &register, self.max_payload)
                        .map(|message| Plan::Admission(Box::new(message)))
                }
            });
        }
        Ok(plans)
    }

    /// Forwards attempts to whom nothing waits for; returns those that wait then.
    async fn forward_again(&self, keys: &[Key]) -> Result<HashSet<Key>, Fault> {
        let waiting = self.store.waiting_again_of(keys).await?;
        let mut under_way = self.blocked.under_way();
        self.forwarder.forward(under_way.admit(waiting)).await?;
        // Whoever asks again from now on finds nobody forwarding it.
        drop(under_way);
        self.waiting(keys).await
    }

    /// Stores a message that was made of another, and forwards it.
    async fn made(
        &self,
        message: StandardMessage,
        old: Key,
        account: &str,
    ) -> Result<Result<Sent, NotAgain>, Fault> {
        let receipt = self.store.receive_made(&message, old, account, Timestamp::now()).await?;
        let key = match receipt {
            Receipt::ToForward(key) => key,
            Receipt::Repeated => return Ok(Err(NotAgain::Admitted)),
            Receipt::OtherMessage => return Ok(Err(Refusal::OtherMessageOfThisId.into())),
        };
        let mut under_way = self.blocked.under_way();
        let waiting = under_way.admit(vec![Waiting { key, message, attempt: None }]);
        let forwarded = self.forwarder.forward(waiting).await? > 0;
        Ok(Ok(Sent { key, forwarded }))
    }

    /// What a message said of itself, where that was kept.
    async fn properties(&self, key: Key) -> Result<Option<Properties>, StoreError> {
        let kept = self.store.properties(key).await?;
        let decoded = kept.as_deref().map(Properties::decode).transpose();
        decoded.map_err(|error| StoreError::Foreign(error.to_string()))
    }

    async fn waiting(&self, keys: &[Key]) -> Result<HashSet<Key>, Fault> {
        Ok(self.store.waiting_again_among(keys).await?)
    }
}
