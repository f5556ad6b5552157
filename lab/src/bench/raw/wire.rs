//! Numbers, texts and tables as bytes (AMQP 0-9-1, §4.2.5): big-endian, texts
//! behind their length.

use anyhow::{Context, Result, ensure};

/// A value in a table, of the kinds that are needed (RabbitMQ's list of field
/// types: <https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text(String),
    Integer(i64),
    Truth(bool),
}

/// Bytes in the making.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn octet(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn short(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn long(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn long_long(self, value: u64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A text of at most 255 bytes.
    pub(super) fn short_text(self, text: &str) -> Self {
        let length = u8::try_from(text.len()).expect("a name of the bench's own");
        self.octet(length).bytes(text.as_bytes())
    }

    /// A text of up to 4 GiB.
    pub(super) fn long_text(self, text: &[u8]) -> Self {
        let length = u32::try_from(text.len()).expect("a text of the bench's own");
        self.long(length).bytes(text)
    }

    pub(super) fn table(self, entries: &[(String, Field)]) -> Self {
        let written = entries.iter().fold(Self::default(), |table, (name, field)| {
            let table = table.short_text(name);
            match field {
                Field::Text(text) => table.octet(b'S').long_text(text.as_bytes()),
                Field::Integer(value) => table.octet(b'l').bytes(&value.to_be_bytes()),
                Field::Truth(value) => table.octet(b't').octet(u8::from(*value)),
            }
        });
        self.long_text(&written.0)
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Bytes being read.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn octet(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn short(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn long(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn long_long(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn short_text(&mut self) -> Result<&'a str> {
        let length = usize::from(self.octet()?);
        std::str::from_utf8(self.take(length)?).context("un texto que no es UTF-8")
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        ensure!(length <= self.0.len(), "un método de RabbitMQ termina antes de tiempo");
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Reader, Writer};

    #[test]
    fn texts_follow_their_length_and_numbers_are_big_endian() {
        let bytes = Writer::default().short(0x0102).long_long(3).short_text("ab").long_text(b"c");
        assert_eq!(bytes.finish(), [1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 2, b'a', b'b', 0, 0, 0, 1, b'c']);
    }

    #[test]
    fn a_table_is_its_length_and_then_name_kind_and_value_of_each_entry() {
        let entries = [
            ("q".to_owned(), Field::Text("x".to_owned())),
            ("n".to_owned(), Field::Integer(-2)),
            ("t".to_owned(), Field::Truth(true)),
        ];
        let mut wanted = vec![0, 0, 0, 23];
        wanted.extend([1, b'q', b'S', 0, 0, 0, 1, b'x']);
        wanted.extend([1, b'n', b'l', 255, 255, 255, 255, 255, 255, 255, 254]);
        wanted.extend([1, b't', b't', 1]);
        assert_eq!(Writer::default().table(&entries).finish(), wanted);
    }

    #[test]
    fn what_was_written_is_read_and_nothing_beyond_it() {
        let bytes =
            Writer::default().octet(7).short(8).long(9).long_long(10).short_text("ñ").finish();
        let mut reader = Reader(&bytes);
        assert_eq!(reader.octet().unwrap(), 7);
        assert_eq!(reader.short().unwrap(), 8);
        assert_eq!(reader.long().unwrap(), 9);
        assert_eq!(reader.long_long().unwrap(), 10);
        assert_eq!(reader.short_text().unwrap(), "ñ");
        assert!(reader.octet().is_err());
    }
}
