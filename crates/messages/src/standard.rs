//! The message that systems exchange, whatever it carries; and what the one that got
//! it tells of it.
//!
//! On the wire it lies in AMQP properties, next to a payload of any bytes:
//!
//! | | |
//! |---|---|
//! | `message_id` | its UUID |
//! | `app_id` | the system that it is from |
//! | `user_id` | the user who published it; the broker sees to that |
//! | routing key | the system that it is for |
//! | `type` | its kind |
//! | `timestamp`, header `creado` | when it was made |
//! | `correlation_id` | what it belongs to, where it says so |
//! | `content_type` | the payload's media type |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Correlation, InvalidJson, MediaType, MessageId, MessageKind, Note, StateName, SystemName, json,
};

/// A message of one system for another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandardMessage {
    /// Its identity, within its source.
    pub id: MessageId,
    /// The system that it is from.
    pub source: SystemName,
    /// The system that it is for.
    pub destination: SystemName,
    /// What it is, as the two agree on.
    pub kind: MessageKind,
    /// When it was made, by the clock of its source.
    pub created: Timestamp,
    /// What it belongs to.
    pub correlation: Option<Correlation>,
    /// The payload's media type.
    pub content_type: MediaType,
    /// What it carries.
    pub payload: Vec<u8>,
    /// All that its publisher wrote beside the payload, these texts too, octet for octet: an
    /// AMQP property list (0-9-1, 4.2.6.1). None where that was not kept.
    pub properties: Option<Vec<u8>>,
}

/// Payload of a notification: what became of a message at its destination.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// The message's id.
    pub mensaje: Uuid,
    /// The system that the message was from: an id is one within its source.
    pub origen: SystemName,
    /// The state that it has come to.
    pub estado: StateName,
    /// What there is to add.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detalles: Option<Note>,
}

impl Notification {
    /// Reads a payload.
    ///
    /// # Errors
    /// When it is not JSON, or not of exactly this form.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidNotification> {
        json::read_object(payload).map_err(InvalidNotification)
    }
}

/// A payload that is no notification, and never will be.
#[derive(Debug, thiserror::Error)]
#[error("la carga no es una notificación: {0}")]
pub struct InvalidNotification(InvalidJson);
