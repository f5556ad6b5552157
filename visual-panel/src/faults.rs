//! Throwing a switch: which request to which service, and what came of it.

use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    neighbour::{Away, Neighbour, Reason},
    view::switches::Switch,
};

/// Longest time that analytics may be told to wait before each batch, in
/// milliseconds; its own limit is the same.
pub const MAX_DELAY_MS: u64 = 10_000;

/// Body of analytics' `GET` and `PUT /fallos`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyticsFaults {
    /// Its consumer is cancelled.
    #[serde(rename = "pausa")]
    pub paused: bool,
    /// It waits so long before it stores a batch, in milliseconds.
    #[serde(rename = "lento_ms")]
    pub delay_ms: u64,
    /// It ends at the next batch.
    #[serde(rename = "muere")]
    pub death: Option<Death>,
}

/// Body of a sender's `GET` and `PUT /fallos`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderFaults {
    /// It publishes nothing.
    #[serde(rename = "bloqueado")]
    pub blocked: bool,
}

/// What came of throwing a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thrown {
    /// It is done.
    Done,
    /// It is done, and this message was sent: its id.
    Sent(Uuid),
    /// Analytics will end at its next batch, but nobody knows of the event that
    /// was to make one whether it was sent.
    Armed,
}

/// When analytics ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Death {
    /// After the commit, before the acknowledgement.
    AntesDelAcuse,
    /// After the acknowledgement, before the commit: loses the batch.
    TrasAcusePrematuro,
}

/// Services whose switches the panel throws.
#[derive(Clone)]
pub struct Services {
    /// Analytics.
    pub analytics: Neighbour,
    /// The senders; the first sends what a switch sends.
    pub senders: Vec<Neighbour>,
    /// Analytics' switches are set all at once: one reader after the other.
    changing: Arc<Mutex<()>>,
}

impl Services {
    /// These.
    #[must_use]
    pub fn new(analytics: Neighbour, senders: Vec<Neighbour>) -> Self {
        Self { analytics, senders, changing: Arc::default() }
    }

    /// Throws a switch; `value` is its new state where it has one: 0 is off.
    ///
    /// # Errors
    /// [`Away`] when a service did not do it.
    pub async fn throw(&self, switch: Switch, value: u64) -> Result<Thrown, Away> {
        match switch {
            Switch::Pausa => self.change(|faults| faults.paused = value > 0).await,
            Switch::Lento => self.change(|faults| faults.delay_ms = value).await,
            Switch::MuereAntesDelAcuse => self.die(Death::AntesDelAcuse, value > 0).await,
            Switch::AcuseAntesDeGuardar => self.die(Death::TrasAcusePrematuro, value > 0).await,
            Switch::Bloqueo => self.block(value > 0).await,
            Switch::Veneno => self.poison().await,
            Switch::Duplicados => self.duplicate().await,
            Switch::SinCola => self.nowhere().await,
        }
    }

    async fn change(&self, change: impl FnOnce(&mut AnalyticsFaults)) -> Result<Thrown, Away> {
        let _alone = self.changing.lock().await;
        let mut faults: AnalyticsFaults = self.analytics.get("fallos").await?;
        change(&mut faults);
        let _: AnalyticsFaults = self.analytics.send(Method::PUT, "fallos", &faults).await?;
        Ok(Thrown::Done)
    }

    /// Nothing happens until there is a batch: an event is sent after it, for a
    /// class without traffic.
    async fn die(&self, death: Death, on: bool) -> Result<Thrown, Away> {
        if !on {
            // Not one that somebody else has armed meanwhile.
            return self
                .change(|faults| faults.death = faults.death.filter(|it| *it != death))
                .await;
        }
        self.change(|faults| faults.death = Some(death)).await?;
        match self.event(&Uuid::now_v7().to_string()).await {
            Ok(id) => Ok(Thrown::Sent(id)),
            Err(away) => {
                log::warn!("analytics ends at its next batch; no event was sent: {}", away.detail);
                Ok(Thrown::Armed)
            }
        }
    }

    /// Blocks all senders that can be reached, whichever cannot.
    async fn block(&self, blocked: bool) -> Result<Thrown, Away> {
        let faults = SenderFaults { blocked };
        let block = |sender: &Neighbour| {
            let sender = sender.clone();
            async move { sender.send::<SenderFaults>(Method::PUT, "fallos", &faults).await }
        };
        let all = join_all(self.senders.iter().map(block)).await;
        all.into_iter().collect::<Result<Vec<_>, _>>().map(|_| Thrown::Done)
    }

    async fn poison(&self) -> Result<Thrown, Away> {
        let poison = json!({"veces": 1});
        let sent: Poisoned = self.first()?.send(Method::POST, "fallos/veneno", &poison).await?;
        Ok(sent.ids.into_iter().next().map_or(Thrown::Done, Thrown::Sent))
    }

    async fn duplicate(&self) -> Result<Thrown, Away> {
        let key = Uuid::now_v7().to_string();
        self.event(&key).await?;
        self.event(&key).await.map(Thrown::Sent)
    }

    /// An event for which there is no queue: the sender must say so.
    async fn nowhere(&self) -> Result<Thrown, Away> {
        let event = json!({"evento": "sin_cola"});
        match self.first()?.send::<Value>(Method::POST, "send", &event).await {
            Ok(_) => Err(unexpected("an event without a queue was accepted")),
            Err(Away { reason: Reason::Status(422), .. }) => Ok(Thrown::Done),
            Err(away) => Err(away),
        }
    }

    /// Sends an event, and returns its id.
    async fn event(&self, key: &str) -> Result<Uuid, Away> {
        let event = json!({"message": "del panel"});
        let sent: Sent = self.first()?.send_with_key(key, "send", &event).await?;
        Ok(sent.id)
    }

    fn first(&self) -> Result<&Neighbour, Away> {
        self.senders.first().ok_or_else(|| unexpected("no sender is configured"))
    }
}

/// Body of a sender's answer to `POST /send`.
#[derive(Debug, Deserialize)]
struct Sent {
    id: Uuid,
}

/// Body of a sender's answer to `POST /fallos/veneno`.
#[derive(Debug, Deserialize)]
struct Poisoned {
    ids: Vec<Uuid>,
}

fn unexpected(detail: &str) -> Away {
    Away { reason: Reason::NotUnderstood, detail: detail.to_owned() }
}
