//! One message of any octets: clients write UTF-8 alone, and RabbitMQ does not look.

use super::connection::{CHANNEL, Connection};
use super::frame::{BODY, HEADER, METHOD, append};
use super::method;
use super::wire::Writer;
use anyhow::Result;

/// Of a content header (AMQP 0-9-1, §4.2.6.1): class `basic`.
const BASIC: u16 = 60;

/// A message in octets.
#[derive(Clone, Debug)]
pub(crate) struct Octets {
    pub(crate) exchange: &'static str,
    pub(crate) routing_key: &'static str,
    /// Which properties there are (§4.2.6.1).
    flags: u16,
    values: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// What of it nobody can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// The `correlation_id`, in Latin-1.
    Correlation,
    /// The name of a header, in Latin-1.
    HeaderName,
    /// Headers in each other, 2,000 times.
    Nested,
}

impl Unreadable {
    pub(crate) const ALL: [Self; 3] = [Self::Correlation, Self::HeaderName, Self::Nested];

    /// Flag and octets of the property; headers come before the correlation.
    fn property(self) -> (u16, Vec<u8>) {
        let latin_1 = Writer::default().octet(4).bytes(b"se\xf1a").finish();
        let headers = |entries: &[u8]| (1 << 13, Writer::default().long_text(entries).finish());
        match self {
            Self::Correlation => (1 << 10, latin_1),
            Self::HeaderName => headers(&[&latin_1[..], b"V"].concat()),
            Self::Nested => headers(&nested(2000)),
        }
    }
}

/// A header with tables in each other, so many times: from the outermost to the innermost,
/// each with the length of what is in it.
fn nested(times: u32) -> Vec<u8> {
    let begin = |within| Writer::default().octet(1).bytes(b"aF").long(7 * within).finish();
    (0..times).rev().flat_map(begin).collect()
}

impl Octets {
    /// A message with this id and type, and a part that nobody can read.
    pub(crate) fn unreadable(
        part: Unreadable,
        (exchange, routing_key): (&'static str, &'static str),
        (id, kind): (&str, &str),
        body: Vec<u8>,
    ) -> Self {
        let (flag, octets) = part.property();
        let values = Writer::default().bytes(&octets).short_text(id).short_text(kind).finish();
        Self { exchange, routing_key, flags: flag | 1 << 7 | 1 << 5, values, body }
    }
}

impl Connection {
    /// Publishes messages, and ends once the broker has them all.
    ///
    /// # Errors
    /// When the broker refuses one, or is silent.
    pub(crate) fn publish_octets(mut self, messages: &[Octets]) -> Result<()> {
        self.call(&method::confirm_select(), method::CONFIRM_SELECT_OK)?;
        for Octets { exchange, routing_key, flags, values, body } in messages {
            let size = u64::try_from(body.len()).expect("bodies are short");
            let head = Writer::default().short(BASIC).short(0).long_long(size);
            let mut out = Vec::new();
            append(&mut out, METHOD, CHANNEL, &method::basic_publish(exchange, routing_key));
            append(&mut out, HEADER, CHANNEL, &head.short(*flags).bytes(values).finish());
            append(&mut out, BODY, CHANNEL, body);
            self.send(&out)?;
            self.expect(method::BASIC_ACK)?;
        }
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::{Octets, Unreadable};

    #[test]
    fn a_part_that_nobody_can_read_stands_before_id_and_type() {
        let of = |part| Octets::unreadable(part, ("e", "k"), ("i", "t"), Vec::new());
        let latin_1 = of(Unreadable::Correlation);
        assert_eq!(latin_1.flags, 0b0000_0100_1010_0000);
        assert_eq!(latin_1.values, b"\x04se\xf1a\x01i\x01t");
        let name = of(Unreadable::HeaderName);
        assert_eq!(name.flags, 0b0010_0000_1010_0000);
        assert_eq!(name.values, b"\x00\x00\x00\x06\x04se\xf1aV\x01i\x01t");
        let nested = of(Unreadable::Nested);
        assert_eq!(nested.values.len(), 4 + 7 * 2000 + 4);
    }
}
