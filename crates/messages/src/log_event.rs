//! What an application says of its own work: a line of a log, with a level.
//!
//! On the wire it is the body of a message whose `app_id` is the system, and whose
//! `user_id` the broker sees to:
//! `{"nivel":"error","texto":"sin disco","hora":"2025-04-13T12:00:00Z","campos":{"libre":0}}`,
//! the last two only where there is something to say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{InvalidJson, json};

/// Longest text, in characters.
pub const MAX_LOG_TEXT: usize = 8192;

/// How much an event matters, from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum LogLevel {
    /// What only who looks for a fault in the program wants to see.
    #[serde(rename = "traza")]
    Trace,
    /// What helps to find one.
    #[serde(rename = "depuracion")]
    Debug,
    /// What happens when all is well.
    #[serde(rename = "info")]
    Info,
    /// What may become an error.
    #[serde(rename = "aviso")]
    Warning,
    /// What went wrong.
    #[serde(rename = "error")]
    Error,
}

impl LogLevel {
    /// From least to most.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warning, Self::Error];
}

/// Body of a message to [`crate::names::LOG_EXCHANGE`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEvent {
    /// How much it matters.
    pub nivel: LogLevel,
    /// What happened: 1 to [`MAX_LOG_TEXT`] characters.
    pub texto: String,
    /// When, by the clock of whoever says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hora: Option<Timestamp>,
    /// What there is to add, for programs: a JSON object, as it is written. Nobody turns
    /// its numbers into others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub campos: Option<Box<RawValue>>,
}

impl LogEvent {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not JSON, or not of exactly this form.
    pub fn decode(body: &[u8]) -> Result<Self, InvalidLogEvent> {
        let event: Self = json::read_object(body)?;
        if event.campos.as_ref().is_some_and(|fields| !fields.get().starts_with('{')) {
            return Err(InvalidLogEvent::Fields);
        }
        let fits = (1..=MAX_LOG_TEXT).contains(&event.texto.chars().count());
        fits.then_some(event).ok_or(InvalidLogEvent::Text)
    }
}

/// A body that is no log event, and never will be.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLogEvent {
    /// It is not JSON, or of another form.
    #[error("el cuerpo no es un evento de registro: {0}")]
    Json(#[from] InvalidJson),
    /// Its text is empty, or longer than [`MAX_LOG_TEXT`].
    #[error("«texto» admite de 1 a {MAX_LOG_TEXT} caracteres")]
    Text,
    /// Its fields are no JSON object.
    #[error("«campos» debe ser un objeto")]
    Fields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_at_least_its_level_and_a_text() {
        let event = LogEvent::decode(br#"{"nivel":"aviso","texto":"queda poco disco"}"#);
        let event = event.expect("an event");
        assert_eq!((event.nivel, event.texto.as_str()), (LogLevel::Warning, "queda poco disco"));
        assert!(event.hora.is_none() && event.campos.is_none());
        let whole = r#"{"nivel":"error","texto":"ñ","hora":"2025-04-13T12:00:00Z","campos":{"b": 12345678901234567890123,"a":[1.10,"\ud800"],"a":1e400}}"#;
        let event = LogEvent::decode(whole.as_bytes()).expect("an event");
        assert_eq!(serde_json::to_string(&event).expect("JSON"), whole);
        assert!(LogLevel::ALL.is_sorted());
    }

    #[test]
    fn what_is_of_another_form_is_no_event() {
        let long = format!(r#"{{"nivel":"info","texto":"{}"}}"#, "x".repeat(MAX_LOG_TEXT + 1));
        for body in [
            "",
            "hola",
            "[\"info\",\"a\",null,null]",
            r#"{"nivel":"info"}"#,
            r#"{"nivel":"grave","texto":"a"}"#,
            r#"{"nivel":"info","texto":""}"#,
            r#"{"nivel":"info","texto":"a","hora":"ayer"}"#,
            r#"{"nivel":"info","texto":"a","campos":[]}"#,
            r#"{"nivel":"info","texto":"a","otro":1}"#,
            &long,
        ] {
            assert!(LogEvent::decode(body.as_bytes()).is_err(), "{body}");
        }
    }
}
