//! Throwing a switch: which request to which service, and what came of it.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
}

impl Services {
    /// Throws a switch; `value` is its new state where it has one: 0 is off.
    /// Returns the id of the message that it sent, if it sent one.
    ///
    /// # Errors
    /// [`Away`] when a service did not do it.
    pub async fn throw(&self, switch: Switch, value: u64) -> Result<Option<String>, Away> {
        match switch {
            Switch::Pausa => self.change(|faults| faults.paused = value > 0).await,
            Switch::Lento => self.change(|faults| faults.delay_ms = value).await,
            Switch::MuereAntesDelAcuse => self.die(Death::AntesDelAcuse).await,
            Switch::AcuseAntesDeGuardar => self.die(Death::TrasAcusePrematuro).await,
            Switch::Bloqueo => self.block(value > 0).await,
            Switch::Veneno => self.poison().await,
            Switch::Duplicados => self.duplicate().await,
            Switch::SinCola => self.nowhere().await,
        }
    }

    async fn change(
        &self,
        change: impl FnOnce(&mut AnalyticsFaults),
    ) -> Result<Option<String>, Away> {
        let mut faults: AnalyticsFaults = self.analytics.get("fallos").await?;
        change(&mut faults);
        let _: AnalyticsFaults = self.analytics.send(Method::PUT, "fallos", &faults).await?;
        Ok(None)
    }

    /// Nothing happens until there is a batch: an event is sent after it, for a
    /// class without traffic.
    async fn die(&self, death: Death) -> Result<Option<String>, Away> {
        self.change(|faults| faults.death = Some(death)).await?;
        self.event(&uuid::Uuid::now_v7().to_string()).await
    }

    async fn block(&self, blocked: bool) -> Result<Option<String>, Away> {
        for sender in &self.senders {
            let _: Value =
                sender.send(Method::PUT, "fallos", &json!({"bloqueado": blocked})).await?;
        }
        Ok(None)
    }

    async fn poison(&self) -> Result<Option<String>, Away> {
        let sent: Value =
            self.first()?.send(Method::POST, "fallos/veneno", &json!({"veces": 1})).await?;
        Ok(sent["ids"][0].as_str().map(str::to_owned))
    }

    async fn duplicate(&self) -> Result<Option<String>, Away> {
        let key = uuid::Uuid::now_v7().to_string();
        self.event(&key).await?;
        self.event(&key).await
    }

    /// An event for which there is no queue: the sender must say so.
    async fn nowhere(&self) -> Result<Option<String>, Away> {
        let event = json!({"evento": "sin_cola"});
        match self.first()?.send::<Value>(Method::POST, "send", &event).await {
            Ok(_) => Err(unexpected("an event without a queue was accepted")),
            Err(Away { reason: Reason::Status(422), .. }) => Ok(None),
            Err(away) => Err(away),
        }
    }

    async fn event(&self, key: &str) -> Result<Option<String>, Away> {
        let event = json!({"message": "del panel"});
        let sent: Value = self.first()?.send_with_key(key, "send", &event).await?;
        Ok(sent["id"].as_str().map(str::to_owned))
    }

    fn first(&self) -> Result<&Neighbour, Away> {
        self.senders.first().ok_or_else(|| unexpected("no sender is configured"))
    }
}

fn unexpected(detail: &str) -> Away {
    Away { reason: Reason::NotUnderstood, detail: detail.to_owned() }
}
