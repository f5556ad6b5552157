//! A payload as it may be shown: as text, or as bytes in hexadecimal, never as
//! anything that a browser would run.

use std::fmt::Write;

use super::size;
use crate::{audit::wire::PayloadPart, lang::Lang};

/// Bytes in hexadecimal that are shown at most at once.
const MOST_BYTES: usize = 4 * 1024;

/// Bytes in a line.
const LINE: usize = 16;

/// What is shown of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its media type, as its message says.
    pub content_type: String,
    /// Its size in words.
    pub size: String,
    /// What there is to see.
    pub shown: Shown,
    /// The first byte that is shown, and the first that is not any more, where that is
    /// not all.
    pub part: Option<(usize, usize)>,
    /// The first byte of what comes next; none at the end.
    pub next: Option<usize>,
    /// Whether something may be hidden in it.
    pub is_redacted: bool,
}

/// What there is to see of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// It is empty.
    Nothing,
    /// It is text.
    Text(String),
    /// It is no text: offset, hexadecimal and characters, line by line.
    Bytes(String),
}

impl Payload {
    /// What to show of a part.
    #[must_use]
    pub fn new(part: PayloadPart, lang: Lang) -> Self {
        let PayloadPart { content_type, total, first, is_redacted, bytes } = part;
        let (shown, length) = match text(&bytes) {
            _ if bytes.is_empty() => (Shown::Nothing, 0),
            Some(text) => (Shown::Text(text.to_owned()), text.len()),
            None => {
                let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
                (Shown::Bytes(hexadecimal(first, bytes)), bytes.len())
            }
        };
        let end = first + length;
        Self {
            content_type,
            size: size(total as u64, lang),
            shown,
            part: (first > 0 || end < total).then_some((first, end)),
            next: (end < total && length > 0).then_some(end),
            is_redacted,
        }
    }

    /// The text, where it is all there: only that can be changed.
    #[must_use]
    pub fn whole_text(&self) -> Option<&str> {
        match &self.shown {
            _ if self.part.is_some() || self.is_redacted => None,
            Shown::Text(text) => Some(text),
            Shown::Nothing => Some(""),
            Shown::Bytes(_) => None,
        }
    }
}

/// The text that the bytes are, without the beginning of a character at their end; none
/// where something other than ends of lines and tabulators controls anything.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |one: char| !one.is_control() || matches!(one, '\n' | '\r' | '\t');
    (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
}

fn hexadecimal(first: usize, bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, line) in bytes.chunks(LINE).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:06x} ", first + place * LINE);
        for column in 0..LINE {
            let _ = match line.get(column) {
                Some(byte) => write!(text, " {byte:02x}"),
                None => write!(text, "   "),
            };
        }
        text.push_str("  ");
        text.extend(line.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: &[u8], first: usize, total: usize) -> Payload {
        let content_type = "text/plain".to_owned();
        let bytes = bytes.to_vec();
        let part = PayloadPart { content_type, total, first, is_redacted: false, bytes };
        Payload::new(part, Lang::Es)
    }

    fn payload(bytes: &[u8]) -> Payload {
        part(bytes, 0, bytes.len())
    }

    #[test]
    fn text_is_shown_as_it_came() {
        let text = "{\"a\": \"<script>ñ</script>\"}\r\n\t";
        let shown = payload(text.as_bytes());
        assert_eq!((shown.whole_text(), shown.part, shown.next), (Some(text), None, None));
        assert_eq!(payload(b"").shown, Shown::Nothing);
    }

    #[test]
    fn what_is_no_text_is_shown_as_bytes() {
        for bytes in [&b"\x00\x01PDF"[..], b"\xff\xfe", b"a\x1b[31mb", b"\xc3"] {
            let shown = payload(bytes);
            assert!(matches!(shown.shown, Shown::Bytes(_)), "{shown:?}");
            assert_eq!(shown.whole_text(), None);
        }
        let Shown::Bytes(lines) = payload(b"\x00<b>0123456789abcdef").shown else { panic!() };
        let expected = "000000  00 3c 62 3e 30 31 32 33 34 35 36 37 38 39 61 62  .<b>0123456789ab\n\
                        000010  63 64 65 66                                      cdef\n";
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_part_ends_between_characters_and_says_where_the_next_begins() {
        let shown = part("añ".as_bytes().split_at(2).0, 10, 100);
        assert_eq!(shown.shown, Shown::Text("a".to_owned()));
        assert_eq!((shown.part, shown.next), (Some((10, 11)), Some(11)));
        assert_eq!(shown.whole_text(), None);
        let last = part(b"z", 99, 100);
        assert_eq!((last.part, last.next), (Some((99, 100)), None));
    }

    #[test]
    fn many_bytes_are_shown_piece_by_piece() {
        let bytes = vec![0; MOST_BYTES + 1];
        let shown = payload(&bytes);
        assert_eq!((shown.part, shown.next), (Some((0, MOST_BYTES)), Some(MOST_BYTES)));
        let Shown::Bytes(lines) = part(&[0], MOST_BYTES, MOST_BYTES + 1).shown else { panic!() };
        assert!(lines.starts_with("001000  00 "), "{lines}");
    }

    #[test]
    fn what_may_hide_something_cannot_be_changed() {
        let bytes = b"{}".to_vec();
        let redacted = PayloadPart { total: 2, is_redacted: true, bytes, ..PayloadPart::default() };
        assert_eq!(Payload::new(redacted, Lang::Es).whole_text(), None);
    }
}
