//! The texts that a user may send, each with its limits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name of a client or an event, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// Longest free text (`message`), in characters.
pub const MAX_NOTE_LENGTH: usize = 4096;

/// Why a text was refused; `Display` is a Spanish sentence for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidText {
    /// A name is empty, longer than [`MAX_NAME_LENGTH`], or has other characters.
    #[error(
        "un nombre admite de 1 a {MAX_NAME_LENGTH} caracteres: letras sin acento, dígitos, «_», «-» y «.»"
    )]
    Name,
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

    proptest! {
        #[test]
        fn every_name_in_the_alphabet_is_taken_unchanged(name in "[A-Za-z0-9_.-]{1,64}") {
            prop_assert_eq!(name.parse::<EventName>().expect("valid").to_string(), name);
        }
    }
}
