//! Which message is meant: by its key, which is its own, or by an id, of which each source may
//! have one, and what was not admitted may have any, or none.

use actix_web::{HttpRequest, http::StatusCode};
use messages::MessageId;
use service_kit::{Problem, problem::FieldError};

use super::unavailable;
use crate::store::{Entry, Key, Store};

/// How an address names a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Name {
    Key(Key),
    Id(MessageId),
}

/// A message, by its name and as much more as it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Choice {
    pub(super) name: Name,
    pub(super) source: Option<String>,
    /// The text of its key.
    pub(super) key: Option<String>,
}

impl Choice {
    /// The message that is meant.
    pub(super) async fn entry(
        &self,
        store: &Store,
        request: &HttpRequest,
    ) -> Result<Entry, Problem> {
        let found = match self.name {
            Name::Key(key) => store.message(key).await.map(Vec::from_iter),
            Name::Id(id) => store.messages(id).await,
        };
        self.among(found.map_err(|error| unavailable(request, &error))?)
    }

    /// Of several that fit, the only one that was admitted is meant.
    fn among(&self, mut found: Vec<Entry>) -> Result<Entry, Problem> {
        found.retain(|entry| self.fits(entry));
        if found.len() > 1 && self.key.is_none() {
            let admitted = found.iter().filter(|entry| entry.reason.is_none()).count();
            if admitted == 1 {
                found.retain(|entry| entry.reason.is_none());
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(entry), true) => Ok(entry),
            (Some(last), false) => Err(several(found.into_iter().chain([last]))),
            (None, _) => Err(unknown()),
        }
    }

    fn fits(&self, entry: &Entry) -> bool {
        self.source.as_ref().is_none_or(|source| entry.source.as_ref() == Some(source))
            && self.key.as_ref().is_none_or(|key| entry.key.to_string() == *key)
    }
}

/// Reads the name in an address: no UUID is as short as a key.
pub(super) fn name(text: &str) -> Result<Name, Problem> {
    if let Some(key) = key(text) {
        return Ok(Name::Key(key));
    }
    let id = text.parse().map_err(|_| {
        let detail = "La dirección no es válida: un mensaje se nombra con su UUID o su «clave».";
        Problem::malformed(detail)
    })?;
    Ok(Name::Id(id))
}

/// A key, as it is told.
pub(super) fn key(text: &str) -> Option<Key> {
    text.parse().ok().map(|key: i64| Key::from(key)).filter(|key| key.to_string() == text)
}

pub(super) fn unknown() -> Problem {
    let detail = "Aquí no hay ese mensaje: búsquelo con GET /mensajes.";
    Problem::new(StatusCode::NOT_FOUND, "mensaje-desconocido", "Mensaje desconocido", detail)
}

fn several(entries: impl Iterator<Item = Entry>) -> Problem {
    let detail = "Hay varios mensajes con ese identificador: añada «origen», o la «clave» de uno.";
    let errors = entries.map(|entry| FieldError {
        donde: entry.key.to_string(),
        detalle: format!("de «{}», {}", entry.source.unwrap_or_default(), entry.state),
    });
    Problem::new(StatusCode::CONFLICT, "varios-mensajes", "Hay varios mensajes", detail)
        .with_errors(errors.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;

    fn entry(key: i64, source: &str, reason: Option<&str>) -> Entry {
        Entry {
            key: Key::from(key),
            id: None,
            source: Some(source.to_owned()),
            destination: None,
            kind: None,
            created: None,
            correlation: None,
            content_type: None,
            size: 0,
            state: "recibido".to_owned(),
            forwarded: None,
            settled: None,
            notified: None,
            reason: reason.map(str::to_owned),
            has_payload: true,
        }
    }

    #[test]
    fn the_only_one_that_fits_is_meant_or_the_only_one_that_was_admitted() {
        let found =
            || vec![entry(1, "a", None), entry(2, "a", Some("x")), entry(3, "b", Some("y"))];
        let chosen = |source: Option<&str>, key: Option<&str>| {
            let name = Name::Id(MessageId::from(uuid::Uuid::nil()));
            let (source, key) = (source.map(str::to_owned), key.map(str::to_owned));
            let chosen = Choice { name, source, key }.among(found());
            chosen.map(|entry| entry.key.as_i64()).map_err(|problem| problem.to_string())
        };
        assert_eq!(chosen(None, None), Ok(1));
        assert_eq!(chosen(Some("a"), None), Ok(1));
        assert_eq!(chosen(Some("b"), None), Ok(3));
        assert_eq!(chosen(None, Some("2")), Ok(2));
        assert!(chosen(Some("c"), None).expect_err("none").contains("desconocido"));
        assert!(chosen(Some("b"), Some("2")).expect_err("none").contains("desconocido"));
    }

    #[test]
    fn a_message_is_named_by_its_key_or_by_its_id() {
        let id = "0195e2a0-1234-7000-8000-000000000000";
        assert_eq!(name(id).ok(), id.parse().ok().map(Name::Id));
        for key in [i64::MIN, -1, 0, 7, i64::MAX] {
            assert_eq!(name(&key.to_string()).ok(), Some(Name::Key(Key::from(key))));
        }
        for text in ["", "+7", "07", "4711x", "9223372036854775808"] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
