//! From what a caller sends to the event and the message that become of it.
//! Pure: the clock and the id's randomness come as values.

use jiff::Timestamp;
use messages::{
    ClickEvent, ClientName, EventName, IdempotencyKey, InvalidJson, MessageId, Note, json, names,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An event as a caller sends it: everything may be left out.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message": "mensaje de prueba" }))]
pub struct Draft {
    /// Who did it. Default: header `X-Client-Name`, else the sender's name.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9_.-]+$")]
    pub cliente: Option<ClientName>,
    /// What it was; also the routing key. Default: `click`.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9_.-]+$")]
    pub evento: Option<EventName>,
    /// When it happened (RFC 3339). Default: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub timestamp: Option<Timestamp>,
    /// Free text.
    #[schema(value_type = Option<String>, max_length = 4096)]
    pub message: Option<Note>,
}

impl Draft {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// When it is not JSON, or not of this form.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidJson> {
        json::read_object(text)
    }
}

/// An event with its identity.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// The message's UUID.
    #[schema(value_type = String, example = "01937f3e-8a1b-7c2d-9e4f-5a6b7c8d9e0f")]
    pub id: Uuid,
    /// The event itself.
    #[serde(flatten)]
    #[schema(value_type = Draft)]
    pub event: ClickEvent,
}

/// What a request says about all of its events.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The client where an event names none.
    pub client: ClientName,
    /// When the request arrived.
    pub now: Timestamp,
    /// The request's `Idempotency-Key`.
    pub key: Option<IdempotencyKey>,
}

impl Defaults {
    /// The event that becomes of a single draft; `fresh` is its id where the
    /// request has no key.
    #[must_use]
    pub fn single(&self, draft: Draft, fresh: Uuid) -> Event {
        self.complete(draft, MessageId::from_key, fresh)
    }

    /// The event at `index` of a batch.
    #[must_use]
    pub fn of_batch(&self, draft: Draft, index: usize, fresh: Uuid) -> Event {
        self.complete(draft, |client, key| MessageId::from_batch_key(client, key, index), fresh)
    }

    fn complete(
        &self,
        draft: Draft,
        keyed: impl FnOnce(&ClientName, &IdempotencyKey) -> MessageId,
        fresh: Uuid,
    ) -> Event {
        let event = ClickEvent {
            cliente: draft.cliente.unwrap_or_else(|| self.client.clone()),
            evento: draft.evento.unwrap_or_else(click),
            timestamp: draft.timestamp.unwrap_or(self.now),
            message: draft.message,
        };
        let id = self.key.as_ref().map(|key| keyed(&event.cliente, key).as_uuid());
        Event { id: id.unwrap_or(fresh), event }
    }
}

/// The default event.
fn click() -> EventName {
    names::CLICK.parse().expect("a constant of the right form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults(key: Option<&str>) -> Defaults {
        Defaults {
            client: "cliente_x".parse().expect("a name"),
            now: "2025-04-13T12:00:00Z".parse().expect("a time"),
            key: key.map(|key| key.parse().expect("a key")),
        }
    }

    #[test]
    fn an_empty_draft_is_a_click_of_the_sender_now() {
        let event = defaults(None).single(Draft::default(), Uuid::nil());
        assert_eq!(event.id, Uuid::nil());
        let body = String::from_utf8(event.event.encode()).expect("UTF-8");
        assert_eq!(
            body,
            r#"{"cliente":"cliente_x","evento":"click","timestamp":"2025-04-13T12:00:00Z"}"#
        );
    }

    #[test]
    fn what_the_draft_says_wins() {
        let draft = Draft::parse(
            br#"{"cliente":"ana","evento":"compra","timestamp":"2024-01-01T01:00:00+01:00"}"#,
        )
        .expect("a draft");
        let event = defaults(None).single(draft, Uuid::nil()).event;
        assert_eq!((event.cliente.as_str(), event.evento.as_str()), ("ana", "compra"));
        assert_eq!(event.timestamp.to_string(), "2024-01-01T00:00:00Z");
    }

    #[test]
    fn a_key_fixes_the_id_whatever_the_rest_says() {
        let keyed = defaults(Some("k"));
        let id = |fresh| keyed.single(Draft::default(), Uuid::from_u128(fresh)).id;
        assert_eq!(id(1), id(2));
        let of_batch = |index| keyed.of_batch(Draft::default(), index, Uuid::nil()).id;
        assert_ne!(of_batch(0), of_batch(1));
        assert_ne!(of_batch(0), id(1));
    }
}
