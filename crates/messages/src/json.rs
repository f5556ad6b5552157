//! Reading JSON of others, and saying in Spanish why it cannot be read: where, and what was
//! expected. Nothing of it is repeated but the beginning of a field's name.

use std::fmt;

use serde::{Deserialize, de::IgnoredAny};

use crate::excerpt::{MAX_QUOTED, excerpt};

/// A byte-order mark in UTF-8, which a reader may pass over (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a sentence of a type of ours begins with, where a value is not one; libraries begin
/// theirs in English.
const OURS: [&str; 7] = ["un ", "una ", "el ", "la ", "«", "debe ", "en una "];

/// Why JSON was not read. `Display` is the rest of a Spanish sentence whose subject is the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidJson {
    what: What,
    /// Line and column, from 1; of an end that came too early, that end.
    place: (usize, usize),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    NotUtf8,
    NotJson,
    /// JSON that `serde_json` refuses by what is in it, and not by its grammar.
    NotTaken,
    NoObject,
    /// Holds what is wrong.
    OtherForm(String),
}

/// Reads JSON, a byte-order mark before it or not.
///
/// # Errors
/// It is not JSON, or not of the form of `T`.
pub fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, InvalidJson> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| invalid(text, &error))
}

/// Reads a JSON object: serde takes an array's elements for the fields as well.
///
/// # Errors
/// As [`read`], or it is JSON and no object.
pub fn read_object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, InvalidJson> {
    let value = read(text)?;
    let plain = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if plain.trim_ascii_start().starts_with(b"{") {
        return Ok(value);
    }
    Err(InvalidJson { what: What::NoObject, place: (1, 1) })
}

impl InvalidJson {
    /// Whether it is JSON all the same, if not of the form or within the limits of what is
    /// read.
    #[must_use]
    pub fn is_json(&self) -> bool {
        !matches!(self.what, What::NotUtf8 | What::NotJson)
    }
}

fn invalid(text: &[u8], error: &serde_json::Error) -> InvalidJson {
    let is_json = || serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let what = if std::str::from_utf8(text).is_err() {
        What::NotUtf8
    } else if error.is_data() {
        What::OtherForm(in_spanish(&error.to_string()))
    } else if is_json() {
        What::NotTaken
    } else {
        What::NotJson
    };
    InvalidJson { what, place: (error.line(), error.column()) }
}

/// What serde says of another form, of JSON or a URL's parameters, in Spanish: its own few
/// sentences are known, and what is none of them says no more than that a value is not as
/// expected.
#[must_use]
pub fn in_spanish(error: &str) -> String {
    let (said, _place) = error.rsplit_once(" at line ").unwrap_or((error, ""));
    let said = said.strip_prefix("Query deserialize error: ").unwrap_or(said);
    if let Some(name) = said.strip_prefix("missing field ") {
        return format!("falta {}", quoted(name));
    }
    if let Some(name) = said.strip_prefix("duplicate field ") {
        return format!("{} está dos veces", quoted(name));
    }
    if let Some((name, known)) = unknown(said, "unknown field `") {
        return format!("«{}» no es un campo suyo{known}", excerpt(name, MAX_QUOTED));
    }
    if let Some((_, known)) = unknown(said, "unknown variant `") {
        return format!("un valor no es de los que admite{known}");
    }
    if OURS.iter().any(|beginning| said.starts_with(beginning)) {
        return said.to_owned();
    }
    "un valor no es del tipo o del formato que se espera".to_owned()
}

/// A name of others, and those that there are.
fn unknown<'a>(said: &'a str, beginning: &str) -> Option<(&'a str, String)> {
    let rest = said.strip_prefix(beginning)?;
    let expected = rest.rsplit_once("`, expected ");
    let (name, known) = expected.or_else(|| rest.rsplit_once("`, there are "))?;
    let known = quoted(known);
    Some((name, if known.is_empty() { known } else { format!(": {known}") }))
}

/// The names between backticks, as we quote.
fn quoted(text: &str) -> String {
    let names: Vec<_> =
        text.split('`').skip(1).step_by(2).map(|name| format!("«{name}»")).collect();
    names.join(", ")
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place;
        match &self.what {
            What::NotUtf8 => return f.write_str("no es texto en UTF-8"),
            What::NoObject => return f.write_str("no es un objeto JSON"),
            What::NotJson => f.write_str("no es JSON")?,
            What::NotTaken => f.write_str(
                "es JSON con algo que aquí no se admite: un número mayor que 1,7e308, un «\\ud800» \
                 sin su pareja o más de 127 niveles",
            )?,
            What::OtherForm(words) => write!(f, "no tiene la forma esperada: {words}")?,
        }
        write!(f, " (línea {line}, columna {column})")
    }
}

impl std::error::Error for InvalidJson {}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ClientName;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Form {
        cliente: ClientName,
        cuenta: Option<u8>,
        hora: Option<Timestamp>,
        id: Option<Uuid>,
    }

    fn refused(text: &[u8]) -> String {
        read_object::<Form>(text).expect_err("refused").to_string()
    }

    #[test]
    fn what_is_wrong_is_told_in_spanish_with_its_place() {
        let long = format!(r#"{{"cliente":"a","{}":1}}"#, "x".repeat(200_000));
        for (text, told) in [
            ("", "no es JSON (línea 1, columna 0)"),
            ("{", "no es JSON (línea 1, columna 1)"),
            ("{}\n]", "no tiene la forma esperada: falta «cliente» (línea 1, columna 2)"),
            (
                r#"{"cliente":"a","cliente":"b"}"#,
                "no tiene la forma esperada: «cliente» está dos veces (línea 1, columna 24)",
            ),
            (
                r#"{"otro":1}"#,
                "no tiene la forma esperada: «otro» no es un campo suyo: «cliente», «cuenta», \
                 «hora», «id» (línea 1, columna 7)",
            ),
            (&long, "x… (cortado, de 200000 caracteres)» no es un campo suyo: «cliente», «cu"),
            (r#"{"cliente":"<b>"}"#, "no tiene la forma esperada: un nombre admite de 1 a 64 car"),
            (r#"{"cliente":7}"#, "esperada: un valor no es del tipo o del formato que se espera ("),
            (r#"{"cliente":"a","cuenta":256}"#, "esperada: un valor no es del tipo o del formato"),
            (r#"{"cliente":"a","hora":"ayer"}"#, "esperada: un valor no es del tipo o del formato"),
            (r#"{"cliente":"a","id":"x"}"#, "esperada: un valor no es del tipo o del formato"),
            (r#"["a",1,null,null]"#, "no es un objeto JSON"),
        ] {
            assert!(
                refused(text.as_bytes()).contains(told),
                "{text:.60}: {}",
                refused(text.as_bytes())
            );
        }
    }

    #[test]
    fn json_that_is_not_taken_is_not_called_no_json() {
        let deep = format!(r#"{{"cuenta":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [r#"{"cliente":"\ud800"}"#, r#"{"cuenta":1e400}"#, &deep] {
            let refused = read::<serde_json::Value>(text.as_bytes()).expect_err("refused");
            assert!(refused.is_json(), "{text:.40}");
            assert!(refused.to_string().starts_with("es JSON con algo que"), "{refused}");
        }
        let bad = read::<serde_json::Value>(b"\"\xff\"").expect_err("refused");
        assert_eq!((bad.is_json(), &*bad.to_string()), (false, "no es texto en UTF-8"));
    }

    #[test]
    fn a_parameter_is_named_as_a_field_is() {
        let named = in_spanish("Query deserialize error: unknown field `x`, expected `limite`");
        assert_eq!(named, "«x» no es un campo suyo: «limite»");
        let value = in_spanish("Query deserialize error: invalid digit found in string");
        assert_eq!(value, "un valor no es del tipo o del formato que se espera");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let form: Form = read_object("\u{feff} {\"cliente\":\"ana\"}".as_bytes()).expect("read");
        assert_eq!(form.cliente.as_str(), "ana");
        assert_eq!(refused("\u{feff}x".as_bytes()), "no es JSON (línea 1, columna 1)");
    }

    proptest! {
        /// Whatever a caller sends: no word of the parser's, and not more than a few of its own.
        #[test]
        fn no_refusal_is_long_or_english(text in ".*", name in ".*") {
            let object = serde_json::json!({ name: text.clone() }).to_string();
            for text in [text, object] {
                let Err(refused) = read_object::<Form>(text.as_bytes()) else { continue };
                let refused = refused.to_string();
                prop_assert!(refused.chars().count() < 400, "{}", refused);
                prop_assert!(!refused.contains("expected") && !refused.contains("at line"));
            }
        }
    }
}
