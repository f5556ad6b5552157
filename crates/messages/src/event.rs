//! The click event, as it lies in a message's body.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ClientName, EventName, InvalidJson, Note, json};

/// Something that a client did. In JSON exactly
/// `{"cliente":…,"evento":…,"timestamp":…}`, plus `message` where given.
///
/// The id travels in the AMQP property `message_id`, not in the body.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickEvent {
    /// Who did it.
    pub cliente: ClientName,
    /// What it was; also the routing key.
    pub evento: EventName,
    /// When it happened, by the sender's clock (RFC 3339, UTC).
    pub timestamp: Timestamp,
    /// What the caller added.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<Note>,
}

impl ClickEvent {
    /// The body of the message: JSON in UTF-8.
    ///
    /// # Panics
    /// Never: strings and a timestamp always fit into JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and a timestamp always fit into JSON")
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// When it is not JSON, or not of exactly this form.
    pub fn decode(body: &[u8]) -> Result<Self, InvalidEvent> {
        json::read_object(body).map_err(InvalidEvent)
    }
}

/// A body that is not a click event, and never will be.
#[derive(Debug, thiserror::Error)]
#[error("el cuerpo no es un evento")]
pub struct InvalidEvent(#[source] InvalidJson);

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str =
        r#"{"cliente":"cliente_uno","evento":"click","timestamp":"2025-04-13T12:00:00Z"}"#;

    #[test]
    fn the_body_is_exactly_as_documented() {
        let event = ClickEvent::decode(EXAMPLE.as_bytes()).expect("the documented example");
        assert_eq!(String::from_utf8(event.encode()).expect("UTF-8"), EXAMPLE);
    }

    #[test]
    fn a_note_is_the_fourth_field() {
        let with_note = EXAMPLE.replace('}', r#","message":"hola"}"#);
        let event = ClickEvent::decode(with_note.as_bytes()).expect("with a note");
        assert_eq!(String::from_utf8(event.encode()).expect("UTF-8"), with_note);
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "click",
            "{}",
            r#"["a","click","2025-04-13T12:00:00Z",null]"#,
            r#"{"cliente":"<b>","evento":"click","timestamp":"2025-04-13T12:00:00Z"}"#,
            r#"{"cliente":"a","evento":"click","timestamp":"ayer"}"#,
            r#"{"cliente":"a","evento":"click","timestamp":"2025-04-13T12:00:00Z","otro":1}"#,
            &deep,
        ] {
            assert!(ClickEvent::decode(body.as_bytes()).is_err(), "{body:.60}");
        }
    }
}
