//! The texts that a user may send, each with its limits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name of a client or an event, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// Longest free text (`message`), in characters.
pub const MAX_NOTE_LENGTH: usize = 4096;

/// Longest text of an AMQP property, in bytes (AMQP 0-9-1, `shortstr`).
pub const MAX_SHORT_LENGTH: usize = 255;

/// Why a text was refused; `Display` is a Spanish sentence for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidText {
    /// A name is empty, longer than [`MAX_NAME_LENGTH`], or has other characters.
    #[error(
        "un nombre admite de 1 a {MAX_NAME_LENGTH} caracteres: letras sin acento, dígitos, «_», «-» y «.»"
    )]
    Name,
    /// A correlation is empty, longer than [`MAX_SHORT_LENGTH`], or has control
    /// characters.
    #[error("una correlación admite de 1 a {MAX_SHORT_LENGTH} bytes sin caracteres de control")]
    Correlation,
    /// A media type is longer than [`MAX_SHORT_LENGTH`], or is none.
    #[error("un tipo de contenido es como «application/json», de hasta {MAX_SHORT_LENGTH} bytes")]
    MediaType,
    /// A note is longer than [`MAX_NOTE_LENGTH`].
    #[error("«message» admite hasta {MAX_NOTE_LENGTH} caracteres")]
    NoteTooLong,
    /// A note has control characters other than tab and line ends. Databases
    /// and terminals disagree about them: PostgreSQL cannot store a NUL.
    #[error("«message» no admite caracteres de control")]
    NoteWithControls,
}

macro_rules! name_type {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if is_name(&text) { Ok(Self(text)) } else { Err(InvalidText::Name) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// Who an event is about: 1 to 64 ASCII letters, digits, `_`, `-` or `.`.
    ClientName
}

name_type! {
    /// What happened, and the routing key: same form as [`ClientName`].
    EventName
}

name_type! {
    /// A system that exchanges messages, and its queue: same form as [`ClientName`].
    SystemName
}

name_type! {
    /// What kind of message it is: same form as [`ClientName`].
    MessageKind
}

name_type! {
    /// What has become of a message: same form as [`ClientName`].
    StateName
}

/// What a message belongs to: 1 to 255 bytes of text without control characters.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Correlation(String);

/// The media type of a payload, such as `application/json` (RFC 6838): at most 255
/// bytes, parameters included.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MediaType(String);

impl Correlation {
    /// The correlation as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Correlation> for String {
    fn from(correlation: Correlation) -> Self {
        correlation.0
    }
}

impl TryFrom<String> for Correlation {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=MAX_SHORT_LENGTH).contains(&text.len());
        let is_text = !text.chars().any(char::is_control);
        if fits && is_text { Ok(Self(text)) } else { Err(InvalidText::Correlation) }
    }
}

impl MediaType {
    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is JSON, by its name or its suffix (RFC 6839).
    #[must_use]
    pub fn is_json(&self) -> bool {
        let essence = self.0.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.0
    }
}

impl TryFrom<String> for MediaType {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = text.len() <= MAX_SHORT_LENGTH;
        let is_type = text.parse::<mime::Mime>().is_ok();
        if fits && is_type { Ok(Self(text)) } else { Err(InvalidText::MediaType) }
    }
}

/// Free text that travels with an event: at most 4,096 characters, no control
/// characters but tab and line ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Note(String);

impl Note {
    /// The note as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() > MAX_NOTE_LENGTH {
            return Err(InvalidText::NoteTooLong);
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(InvalidText::NoteWithControls);
        }
        Ok(Self(text))
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_LENGTH).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let too_long = "x".repeat(65);
        for name in [
            "",
            " ",
            "a b",
            "<b>x</b>",
            "'; DROP TABLE x;--",
            "a\r\nb",
            "\u{202e}abc",
            "peña",
            "(otros)",
            "a/b",
            &too_long,
        ] {
            assert_eq!(name.parse::<ClientName>(), Err(InvalidText::Name), "{name:?}");
        }
    }

    #[test]
    fn notes_with_control_characters_or_too_long_are_refused() {
        let note = |text: &str| Note::try_from(text.to_owned());
        assert_eq!(note("a\0b"), Err(InvalidText::NoteWithControls));
        assert_eq!(note("a\u{1b}[31m"), Err(InvalidText::NoteWithControls));
        assert_eq!(note(&"ñ".repeat(4097)), Err(InvalidText::NoteTooLong));
        assert!(note(&"ñ".repeat(4096)).is_ok());
        assert!(note("línea\n<script>").is_ok());
    }

    #[test]
    fn a_correlation_is_any_line_of_text_that_fits_into_a_property() {
        for text in ["ticket 4711", "ñ", &"x".repeat(255)] {
            assert_eq!(Correlation::try_from(text.to_owned()).expect(text).as_str(), text);
        }
        for text in ["", "a\nb", "\0", &"ñ".repeat(128)] {
            assert_eq!(Correlation::try_from(text.to_owned()), Err(InvalidText::Correlation));
        }
    }

    #[test]
    fn a_media_type_knows_whether_it_is_json() {
        for (text, is_json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.ticket+json", true),
            ("text/plain", false),
            ("application/jsonx", false),
        ] {
            assert_eq!(MediaType::try_from(text.to_owned()).expect(text).is_json(), is_json);
        }
        for text in ["", "json", "a b/c", "text/\n", &format!("a/{}", "x".repeat(254))] {
            assert_eq!(MediaType::try_from(text.to_owned()), Err(InvalidText::MediaType), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_in_the_alphabet_is_taken_unchanged(name in "[A-Za-z0-9_.-]{1,64}") {
            prop_assert_eq!(name.parse::<EventName>().expect("valid").to_string(), name);
        }
    }
}
