//! Events as a sender publishes them, written as frames beforehand: only the id
//! and the client differ from one to the next.

use super::frame::{BODY, HEADER, METHOD, append};
use super::method;
use super::wire::{Field, Writer};
use messages::names::{CLICK_EVENT_TYPE, CLIENT_HEADER};
use std::ops::Range;
use uuid::Uuid;

/// Of a content header (AMQP 0-9-1, §4.2.6.1): class `basic`.
const BASIC: u16 = 60;

/// The properties that a sender sets, as flags in their order: content-type,
/// headers, delivery-mode, correlation-id, message-id, timestamp, type, app-id.
const PROPERTIES: u16 = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 10 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 3;

/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// A client's name but for its number.
const CLIENT: &str = "bench-";

/// Digits of a client's number: as many as 10,000,000 clients need.
const DIGITS: usize = 7;

/// Characters of a UUID.
const UUID: usize = 36;

/// The low bits of the ids that number the messages of one template.
const COUNTED: u128 = (1 << 40) - 1;

/// Where messages go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) exchange: &'static str,
    /// Also the event's name.
    pub(crate) routing_key: &'static str,
    /// Among how many clients the events are shared.
    pub(crate) clients: u64,
}

/// Frames of one message, and where in them something changes.
#[derive(Debug)]
pub(super) struct Template {
    frames: Vec<u8>,
    id: Range<usize>,
    /// The client's number: in the content header, and in the body.
    clients_at: [Range<usize>; 2],
    first_id: u128,
    clients: u64,
    written: u64,
}

impl Template {
    /// Messages for `target` on this channel. `now` is their time and that of
    /// their ids.
    pub(super) fn of(target: &Target, channel: u16, now: jiff::Timestamp) -> Self {
        let first_id = Uuid::now_v7().as_u128() & !COUNTED;
        let (body, client_in_body) = body(target.routing_key, now);
        let (header, client_in_header, id_in_header) =
            header(&body, Uuid::from_u128(first_id), now);
        let mut frames = Vec::new();
        let publish = method::basic_publish(target.exchange, target.routing_key);
        append(&mut frames, METHOD, channel, &publish);
        let [id, in_header] =
            place(&mut frames, HEADER, channel, &header, [id_in_header, client_in_header]);
        let [in_body] = place(&mut frames, BODY, channel, &body, [client_in_body]);
        let (clients_at, clients) = ([in_header, in_body], target.clients.max(1));
        Self { frames, id, clients_at, first_id, clients, written: 0 }
    }

    /// Writes so many further messages behind `out`, each with an id of its own.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, messages: u64) {
        for _ in 0..messages {
            self.number(self.written);
            out.extend_from_slice(&self.frames);
            self.written += 1;
        }
    }

    fn number(&mut self, message: u64) {
        let id = Uuid::from_u128(self.first_id + u128::from(message));
        id.hyphenated().encode_lower(&mut self.frames[self.id.clone()]);
        for at in &self.clients_at {
            let mut client = message % self.clients;
            for digit in self.frames[at.clone()].iter_mut().rev() {
                *digit = b'0' + u8::try_from(client % 10).expect("a digit");
                client /= 10;
            }
        }
    }
}

/// Writes a frame; where parts of its payload are now.
fn place<const PARTS: usize>(
    frames: &mut Vec<u8>,
    kind: u8,
    channel: u16,
    payload: &[u8],
    parts: [Range<usize>; PARTS],
) -> [Range<usize>; PARTS] {
    append(frames, kind, channel, payload);
    // Behind the payload is the mark of the frame's end alone.
    let begin = frames.len() - 1 - payload.len();
    parts.map(|part| begin + part.start..begin + part.end)
}

/// An event's body, and where its client's number is.
fn body(event: &str, now: jiff::Timestamp) -> (Vec<u8>, Range<usize>) {
    let before = format!(r#"{{"cliente":"{CLIENT}"#);
    let body = format!(r#"{before}{:0DIGITS$}","evento":"{event}","timestamp":"{now}"}}"#, 0);
    (body.into_bytes(), before.len()..before.len() + DIGITS)
}

/// The content header, and where in it the client's number and the message's id
/// are. The producer's name is as long as that of the laboratory's senders.
fn header(body: &[u8], id: Uuid, now: jiff::Timestamp) -> (Vec<u8>, Range<usize>, Range<usize>) {
    let size = u64::try_from(body.len()).expect("bodies are short");
    let head = Writer::default()
        .short(BASIC)
        .short(0)
        .long_long(size)
        .short(PROPERTIES)
        .short_text("application/json")
        .table(&[(CLIENT_HEADER.to_owned(), Field::Text(format!("{CLIENT}{:0DIGITS$}", 0)))]);
    // The table ends with the number.
    let client = head.len() - DIGITS..head.len();
    let head = head.octet(PERSISTENT).short_text(&Uuid::nil().to_string());
    // Behind the length of the text.
    let at = head.len() + 1;
    let header = head
        .short_text(&id.to_string())
        .long_long(u64::try_from(now.as_second()).unwrap_or_default())
        .short_text(CLICK_EVENT_TYPE)
        .short_text("cliente_x");
    (header.finish(), client, at..at + UUID)
}

#[cfg(test)]
mod tests {
    use super::{Target, Template};
    use messages::ClickEvent;

    fn target(clients: u64) -> Target {
        Target { exchange: "e", routing_key: "click", clients }
    }

    #[test]
    fn a_message_is_a_method_a_header_and_a_body() {
        let now: jiff::Timestamp = "2025-04-13T12:00:00Z".parse().unwrap();
        let mut template = Template::of(&target(3), 1, now);
        template.first_id = 0x0193_0000_0000_7000_8000_0000_0000_0000;
        let mut out = Vec::new();
        template.append(&mut out, 6);
        let last = out.len() / 6 * 5;
        let body =
            r#"{"cliente":"bench-0000002","evento":"click","timestamp":"2025-04-13T12:00:00Z"}"#;
        assert!(ClickEvent::decode(body.as_bytes()).is_ok());
        let publish = [&[0, 60, 0, 40, 0, 0, 1][..], b"e", &[5], b"click", &[1]].concat();
        let properties = [
            &[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, u8::try_from(body.len()).unwrap()][..],
            // content-type, headers, delivery-mode, correlation-id; message-id,
            // timestamp, type, app-id.
            &[0b1011_0100, 0b1110_1000, 16],
            b"application/json",
            &[0, 0, 0, 26, 7],
            b"cliente",
            &[b'S', 0, 0, 0, 13],
            b"bench-0000002",
            &[2, 36],
            b"00000000-0000-0000-0000-000000000000",
            &[36],
            b"01930000-0000-7000-8000-000000000005",
            &1_744_545_600_u64.to_be_bytes(),
            &[17],
            b"evento_cliente.v1",
            &[9],
            b"cliente_x",
        ]
        .concat();
        let mut wanted = Vec::new();
        for (kind, payload) in [(1, publish), (2, properties), (3, body.as_bytes().to_vec())] {
            wanted.extend([kind, 0, 1, 0, 0, 0, u8::try_from(payload.len()).unwrap()]);
            wanted.extend(payload);
            wanted.push(0xCE);
        }
        assert_eq!(out[last..], wanted);
    }

    #[test]
    fn ids_go_on_from_one_call_to_the_next() {
        let mut template = Template::of(&target(1), 1, jiff::Timestamp::now());
        let (mut first, mut second) = (Vec::new(), Vec::new());
        template.append(&mut first, 1);
        template.append(&mut second, 1);
        assert_eq!(first.len(), second.len());
        assert_ne!(first, second);
    }
}
