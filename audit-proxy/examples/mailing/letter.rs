//! A message on its way out. It has its id before it is stored, and keeps it however
//! often it is published.

use broker::{JSON, Outgoing};
use jiff::Timestamp;
use messages::{MessageId, names};
use uuid::Uuid;

use super::account::Account;

/// A message of the standard, as its sender keeps it until the broker has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Letter {
    /// Its identity.
    pub(crate) id: MessageId,
    /// What kind of message it is.
    pub(crate) kind: String,
    /// The system that it is for, or where notifications go.
    pub(crate) to: String,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// What it belongs to.
    pub(crate) correlation: Option<String>,
    /// JSON.
    pub(crate) body: String,
}

impl Letter {
    /// A new message.
    pub(crate) fn new(kind: &str, to: &str, correlation: Option<String>, body: String) -> Self {
        Self {
            id: Uuid::now_v7().into(),
            kind: kind.to_owned(),
            to: to.to_owned(),
            created: Timestamp::now(),
            correlation,
            body,
        }
    }

    /// The same for the broker: from `system`, published as `account`.
    pub(crate) fn outgoing(self, system: &str, account: &Account) -> Outgoing {
        Outgoing {
            id: self.id,
            producer: system.to_owned(),
            user: Some(account.user.clone()),
            kind: self.kind.into(),
            routing_key: self.to,
            timestamp: self.created.as_second().try_into().unwrap_or_default(),
            correlation_id: self.correlation,
            content_type: JSON.into(),
            headers: vec![(names::CREATED_HEADER, self.created.to_string())],
            body: self.body.into_bytes(),
        }
    }
}
