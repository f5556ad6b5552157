//! Where in a JSON text its names and values lie, each as it is written there: nothing is
//! turned into numbers and back, no field of a name that is there twice is passed over, and
//! no depth is too deep. Whether it is JSON at all is `serde_json`'s to say. Pure.

use std::{borrow::Cow, ops::Range};

use serde::de::IgnoredAny;

/// A byte-order mark, which RFC 8259 §8.1 lets a reader skip.
const BOM: char = '\u{feff}';

/// A text that is JSON, after a byte-order mark or without one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Json<'t>(&'t str);

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// `{`
    OpenObject,
    /// `[`
    OpenArray,
    /// `}` or `]`
    Close,
    /// The name of the field whose value comes next, with its quotes.
    Name,
    /// A string, with its quotes.
    Text,
    /// A number, `true`, `false` or `null`.
    Bare,
}

/// A piece of JSON. Between them lie space, commas and colons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it is.
    pub part: Part,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

impl Token {
    /// The bytes between the quotes of a name or a string.
    #[must_use]
    pub fn inside(&self) -> Range<usize> {
        self.range.start + 1..self.range.end - 1
    }
}

impl<'t> Json<'t> {
    /// The text, if it is JSON (RFC 8259). Lone surrogates, numbers that fit into no type
    /// and any depth are.
    #[must_use]
    pub fn read(text: &'t str) -> Option<Self> {
        let plain = text.strip_prefix(BOM).unwrap_or(text);
        serde_json::from_str::<IgnoredAny>(plain).is_ok().then_some(Self(text))
    }

    /// The same of bytes, which have to be UTF-8.
    #[must_use]
    pub fn of(bytes: &'t [u8]) -> Option<Self> {
        Self::read(std::str::from_utf8(bytes).ok()?)
    }

    /// The text, as it is.
    #[must_use]
    pub fn as_str(self) -> &'t str {
        self.0
    }

    /// Its tokens, from first to last.
    #[must_use]
    pub fn tokens(self) -> Tokens<'t> {
        Tokens { text: self.0, at: if self.0.starts_with(BOM) { BOM.len_utf8() } else { 0 } }
    }

    /// What is written at `range`.
    #[must_use]
    pub fn literal(self, range: Range<usize>) -> &'t str {
        &self.0[range]
    }

    /// What a name or a string says.
    #[must_use]
    pub fn said(self, token: &Token) -> Cow<'t, str> {
        said(self.literal(token.inside()))
    }
}

/// Whether a text begins as JSON does that has other values, or a string, in it.
#[must_use]
pub fn begins(mut text: impl Iterator<Item = char>) -> bool {
    let first = text.find(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | &BOM));
    matches!(first, Some('{' | '[' | '"'))
}

/// What the inside of a string says: with a replacement character for each surrogate that
/// stands alone.
#[must_use]
pub fn said(inside: &str) -> Cow<'_, str> {
    if inside.contains('\\') {
        Cow::Owned(characters(inside).map(|(_, character)| character).collect())
    } else {
        Cow::Borrowed(inside)
    }
}

/// The characters that the inside of a string says, each with the byte of it at which it is
/// written.
pub fn characters(inside: &str) -> impl Iterator<Item = (usize, char)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &inside[at..];
        let first = rest.chars().next()?;
        let (character, length) =
            if first == '\\' { escaped(rest) } else { (first, first.len_utf8()) };
        at += length;
        Some((at - length, character))
    })
}

/// What an escape at the beginning of `rest` says, and how many bytes it has.
fn escaped(rest: &str) -> (char, usize) {
    match rest.as_bytes().get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => escaped_unit(rest),
        Some(other) => (char::from(*other), 2),
        None => ('\\', 1),
    }
}

/// A `\u`, or two that are one character (RFC 8259 §7).
fn escaped_unit(rest: &str) -> (char, usize) {
    let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    let first = unit(2).unwrap_or_default();
    if let Some(character) = char::from_u32(first.into()) {
        return (character, 6);
    }
    let second = unit(8).filter(|_| rest[6..].starts_with("\\u"));
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.map_or((char::REPLACEMENT_CHARACTER, 6), |character| (character, 12))
}

/// The tokens of a text, from a byte of it on.
#[derive(Clone, Debug)]
pub struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.after(self.at, |byte| b" \t\n\r,:".contains(&byte));
        let (part, end) = match self.text.as_bytes().get(start)? {
            b'{' => (Part::OpenObject, start + 1),
            b'[' => (Part::OpenArray, start + 1),
            b'}' | b']' => (Part::Close, start + 1),
            b'"' => self.quoted(start),
            _ => (Part::Bare, self.after(start, |byte| !b" \t\n\r,:]}".contains(&byte))),
        };
        self.at = end;
        Some(Token { part, range: start..end })
    }
}

impl Tokens<'_> {
    /// A string is a name where a colon comes next.
    fn quoted(&self, start: usize) -> (Part, usize) {
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|byte| *byte != b'"') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let next = self.after(end + 1, |byte| b" \t\n\r".contains(&byte));
        (if bytes.get(next) == Some(&b':') { Part::Name } else { Part::Text }, end + 1)
    }

    /// The first byte from `at` on of which something is not true.
    fn after(&self, at: usize, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| is(**byte)).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn tokens(text: &str) -> Vec<(Part, &str)> {
        let json = Json::read(text).unwrap_or_else(|| panic!("no JSON: {text}"));
        json.tokens().map(|token| (token.part, json.literal(token.range))).collect()
    }

    #[test]
    fn each_token_is_as_it_is_written() {
        let text = "\u{feff} {\"a\\\"\" :1.10, \"a\":[true ,\"b:\"],\"\":{}}\n";
        assert_eq!(
            tokens(text),
            [
                (Part::OpenObject, "{"),
                (Part::Name, "\"a\\\"\""),
                (Part::Bare, "1.10"),
                (Part::Name, "\"a\""),
                (Part::OpenArray, "["),
                (Part::Bare, "true"),
                (Part::Text, "\"b:\""),
                (Part::Close, "]"),
                (Part::Name, "\"\""),
                (Part::OpenObject, "{"),
                (Part::Close, "}"),
                (Part::Close, "}"),
            ]
        );
    }

    #[test]
    fn what_is_json_is_read_whatever_a_parser_can_hold() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for text in ["1e400", "\"\\ud800\"", "-0.0", " null ", &deep] {
            assert!(Json::read(text).is_some(), "{}", &text[..7.min(text.len())]);
        }
        for text in ["", "{\"a\"", "[1,]", "{} {}", "\"\t\"", "01", "{1:2}", "NaN"] {
            assert_eq!(Json::read(text), None, "{text}");
        }
        assert_eq!(Json::of(b"\"\xf1\""), None);
    }

    #[test]
    fn a_lone_surrogate_is_told_as_what_it_is() {
        assert_eq!(said("\\ud83d\\ude00a\\ud800\\u0041\\udc00"), "😀a\u{fffd}A\u{fffd}");
        assert_eq!(said("\\\\\\/\\b\\f\\n\\r\\t\\\""), "\\/\u{8}\u{c}\n\r\t\"");
    }

    proptest! {
        #[test]
        fn a_string_says_what_serde_json_says(text in any::<String>(), ascii in any::<bool>()) {
            let literal = if ascii {
                let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                format!("\"{}\"", units.collect::<String>())
            } else {
                Value::from(text.clone()).to_string()
            };
            let inside = &literal[1..literal.len() - 1];
            prop_assert_eq!(said(inside), text);
            for (at, _) in characters(inside) {
                prop_assert!(inside.is_char_boundary(at));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]{}\",:\\\\ua1 \n\u{feff}ñ-]{0,12}") {
            if let Some(json) = Json::read(&text) {
                prop_assert!(json.tokens().all(|token| !json.literal(token.range).is_empty()));
            }
        }
    }
}
