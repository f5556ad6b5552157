//! A message that came, and what its destination tells of it.

use broker::Incoming;
use messages::{MessageId, SystemName, names};
use serde::de::DeserializeOwned;

use super::letter::Letter;

/// A message of another system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// Its identity, within its source.
    pub(crate) id: MessageId,
    /// The system that it is from.
    pub(crate) source: SystemName,
    /// What kind of message it is.
    pub(crate) kind: String,
    /// What it belongs to.
    pub(crate) correlation: Option<String>,
    body: Vec<u8>,
}

/// What is told of a message: the state that it has come to, and details.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    state: &'static str,
    details: String,
}

impl Told {
    /// The message is in `state` now.
    pub(crate) fn new(state: &'static str, details: impl Into<String>) -> Self {
        Self { state, details: details.into() }
    }

    /// Nothing can be made of the message.
    pub(crate) fn error(details: impl Into<String>) -> Self {
        Self::new("error", details)
    }
}

impl Received {
    /// Reads what the proxy forwarded: it has an id and a source.
    ///
    /// # Errors
    /// Why it cannot be from the proxy.
    pub(crate) fn read(message: &Incoming) -> Result<Self, String> {
        if let Some(part) = message.unreadable() {
            return Err(part.to_string());
        }
        let id = message.id().and_then(|id| id.parse().ok()).ok_or("it has no id")?;
        let source = message.producer().and_then(|source| source.parse().ok());
        Ok(Self {
            id,
            source: source.ok_or("it says not where it is from")?,
            kind: message.kind().unwrap_or_default().to_owned(),
            correlation: message.correlation_id().map(ToOwned::to_owned),
            body: message.body.clone(),
        })
    }

    /// What it carries.
    ///
    /// # Errors
    /// What is to be told of a message whose payload has another form.
    pub(crate) fn payload<T: DeserializeOwned>(&self) -> Result<T, Told> {
        let payload = serde_json::from_slice(&self.body);
        payload
            .map_err(|error| Told::error(format!("la carga no tiene la forma acordada: {error}")))
    }

    /// The notification of what became of it.
    pub(crate) fn notification(&self, told: &Told) -> Letter {
        notification(self.id, &self.source, self.correlation.clone(), told)
    }
}

/// The notification of what became of the message `id` of `source`.
pub(crate) fn notification(
    id: MessageId,
    source: &SystemName,
    correlation: Option<String>,
    told: &Told,
) -> Letter {
    let body = serde_json::json!({
        "mensaje": id.as_uuid(), "origen": source, "estado": told.state, "detalles": told.details,
    });
    Letter::new(names::NOTIFICATION_TYPE, names::NOTIFICATIONS, correlation, body.to_string())
}
