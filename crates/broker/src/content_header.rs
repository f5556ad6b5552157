//! Whether what a message says of itself fits into the one frame that there is for it. A
//! body goes on in further frames, a content header never does (AMQP 0-9-1, 4.2.6.1):
//! RabbitMQ ends the connection of whoever sends a longer one.

use lapin::{BasicProperties, Connection, protocol::basic::gen_properties};

/// Octets around the payload of a frame: type, channel, size and end (AMQP 0-9-1, 4.2.3).
const AROUND: u64 = 8;

/// Octets of a content header before its properties: class, weight and the body's size.
const BEFORE: u64 = 12;

/// The longest frame of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameMax(u64);

impl FrameMax {
    /// What was agreed on with the broker; 131,072 octets where nobody configured another.
    pub(crate) fn of(connection: &Connection) -> Self {
        Self(connection.configuration().frame_max().into())
    }

    /// Whether a message with these properties can be published.
    pub(crate) fn takes(self, properties: &BasicProperties) -> bool {
        octets(properties).is_some_and(|octets| AROUND + BEFORE + octets <= self.0)
    }
}

/// The size of properties on the wire; none where they cannot be written at all.
fn octets(properties: &BasicProperties) -> Option<u64> {
    let written = gen_properties(properties)(Vec::new().into()).ok()?;
    Some(written.position)
}
