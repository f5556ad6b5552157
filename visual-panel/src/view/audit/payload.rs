//! A payload as it may be shown: as text, or as bytes in hexadecimal, never as
//! anything that a browser would run.

use std::fmt::Write;

use super::size;
use crate::lang::Lang;

/// Longest text that is shown, in bytes.
const MOST_TEXT: usize = 64 * 1024;

/// Bytes in hexadecimal that are shown at most.
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
    /// How much of it is shown, in words, where that is not all.
    pub cut: Option<String>,
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
    /// What to show of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8], content_type: String, lang: Lang) -> Self {
        let (shown, length) = match std::str::from_utf8(bytes) {
            _ if bytes.is_empty() => (Shown::Nothing, 0),
            Ok(text) if is_plain(text) => {
                let text = &text[..text.floor_char_boundary(MOST_TEXT)];
                (Shown::Text(text.to_owned()), text.len())
            }
            _ => {
                let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
                (Shown::Bytes(hexadecimal(bytes)), bytes.len())
            }
        };
        let cut = (length < bytes.len()).then(|| size(length as u64, lang));
        Self { content_type, size: size(bytes.len() as u64, lang), shown, cut }
    }

    /// The text, where it is all there: only that can be changed.
    #[must_use]
    pub fn whole_text(&self) -> Option<&str> {
        match (&self.shown, &self.cut) {
            (Shown::Text(text), None) => Some(text),
            (Shown::Nothing, _) => Some(""),
            _ => None,
        }
    }
}

/// Whether nothing in it but ends of lines and tabulators controls anything.
fn is_plain(text: &str) -> bool {
    text.chars().all(|one| !one.is_control() || matches!(one, '\n' | '\r' | '\t'))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, line) in bytes.chunks(LINE).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:06x} ", place * LINE);
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

    fn payload(bytes: &[u8]) -> Payload {
        Payload::new(bytes, "text/plain".to_owned(), Lang::Es)
    }

    #[test]
    fn text_is_shown_as_it_came() {
        let text = "{\"a\": \"<script>ñ</script>\"}\r\n\t";
        let shown = payload(text.as_bytes());
        assert_eq!((shown.whole_text(), &shown.cut), (Some(text), &None));
        assert_eq!(payload(b"").shown, Shown::Nothing);
    }

    #[test]
    fn what_is_no_text_is_shown_as_bytes() {
        for bytes in [&b"\x00\x01PDF"[..], b"\xff\xfe", b"a\x1b[31mb"] {
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
    fn what_is_long_is_cut_between_characters_and_cannot_be_changed() {
        let text = "ñ".repeat(MOST_TEXT);
        let shown = payload(text.as_bytes());
        let Shown::Text(part) = &shown.shown else { panic!("{shown:?}") };
        assert_eq!(part.len(), MOST_TEXT);
        assert_eq!(shown.cut.as_deref(), Some("64,0\u{a0}KiB"));
        assert_eq!((shown.size.as_str(), shown.whole_text()), ("128,0\u{a0}KiB", None));
        let many = payload(&vec![0; MOST_BYTES + 1]);
        assert_eq!(many.cut.as_deref(), Some("4096\u{a0}bytes"));
    }
}
