//! What an answer says about an event: confirmed, definitely refused, or
//! unknown. Whatever is not one of the first two for certain is unknown.

use serde::Deserialize;
use std::error::Error;
use std::io;

/// What the sender of an event knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Answered with 2xx: it must be counted, once.
    Confirmed,
    /// Told that it did not go anywhere: it must not be counted.
    Refused,
    /// It may have gone out or not: it may be counted, once.
    Unknown,
}

impl Fate {
    /// What is known after a further attempt. A refusal does not undo an
    /// earlier attempt that may have arrived.
    pub(crate) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Confirmed, _) | (_, Self::Confirmed) => Self::Confirmed,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Refused, Self::Refused) => Self::Refused,
        }
    }
}

/// An answer, read: what became of each event, and the error in a few words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// One for each event of the request.
    pub(crate) fates: Vec<Fate>,
    /// Errors by kind, with how many events each concerns.
    pub(crate) errors: Vec<(String, u64)>,
}

/// Kinds of problem that say that an event went nowhere. `rechazado` is none of
/// them: of several queues that are bound, one refused it, and others may have it.
const REFUSALS: [&str; 4] = ["sin-ruta", "saturado", "bloqueado", "sin-conexion"];

const KIND_PREFIX: &str = "urn:relevo:problema:";

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    resultados: Vec<BatchResult<'a>>,
}

#[derive(Deserialize)]
struct BatchResult<'a> {
    estado: &'a str,
}

impl Reading {
    /// The same for all `events` of a request.
    fn of_all(fate: Fate, events: u64, error: Option<String>) -> Self {
        let fates = vec![fate; usize::try_from(events).unwrap_or(usize::MAX)];
        Self { fates, errors: error.map(|kind| (kind, events)).into_iter().collect() }
    }
}

/// Reads the answer to a request of one event.
pub(crate) fn of_single(status: u16, body: &[u8]) -> Reading {
    of_whole(status, body, 1)
}

/// Reads the answer to a batch of `events`: one result each, or one problem
/// for all.
pub(crate) fn of_batch(status: u16, body: &[u8], events: u64) -> Reading {
    let Ok(batch) = serde_json::from_slice::<Batch>(body) else {
        return of_whole(status, body, events);
    };
    if u64::try_from(batch.resultados.len()) != Ok(events) {
        return Reading::of_all(Fate::Unknown, events, Some("respuesta incompleta".to_owned()));
    }
    let mut reading = Reading { fates: Vec::with_capacity(batch.resultados.len()), errors: vec![] };
    for result in &batch.resultados {
        let fate = of_word(result.estado);
        if fate != Fate::Confirmed {
            reading.add_error(&format!("{status} {}", result.estado));
        }
        reading.fates.push(fate);
    }
    reading
}

impl Reading {
    fn add_error(&mut self, kind: &str) {
        match self.errors.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count += 1,
            None => self.errors.push((kind.to_owned(), 1)),
        }
    }
}

/// The words of a batch's answer.
fn of_word(word: &str) -> Fate {
    match word {
        "confirmado" => Fate::Confirmed,
        "sin_ruta" | "no_enviado" => Fate::Refused,
        _ => Fate::Unknown,
    }
}

fn of_whole(status: u16, body: &[u8], events: u64) -> Reading {
    // 207 says of each event what became of it, and is not read here.
    if (200..300).contains(&status) && status != 207 {
        return Reading::of_all(Fate::Confirmed, events, None);
    }
    let problem = serde_json::from_slice::<Problem>(body).ok();
    let kind = problem.as_ref().and_then(|problem| problem.kind.strip_prefix(KIND_PREFIX));
    let refused = (400..500).contains(&status) || kind.is_some_and(|kind| REFUSALS.contains(&kind));
    let fate = if refused { Fate::Refused } else { Fate::Unknown };
    let error = kind.map_or_else(|| status.to_string(), |kind| format!("{status} {kind}"));
    Reading::of_all(fate, events, Some(error))
}

/// Reads the failure of a request that got no answer. Only one that never got
/// a connection has certainly gone nowhere.
pub(crate) fn of_failure(error: &reqwest::Error, events: u64) -> Reading {
    let fate = if error.is_connect() { Fate::Refused } else { Fate::Unknown };
    Reading::of_all(fate, events, Some(in_words(error)))
}

/// A connection that was closed before the answer was complete.
pub(crate) const RESET: &str = "conexión cortada";

/// Nobody listens.
pub(crate) const REFUSED: &str = "conexión rechazada";

fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "sin respuesta a tiempo".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => REFUSED.to_owned(),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => RESET.to_owned(),
        // hyper's words for a connection that ended before its answer.
        _ if text.contains("connection closed") => RESET.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, of_batch, of_single};

    fn problem(kind: &str) -> Vec<u8> {
        format!(r#"{{"type":"urn:relevo:problema:{kind}","status":503}}"#).into_bytes()
    }

    #[test]
    fn only_what_certainly_went_nowhere_is_refused() {
        for (status, body, fate) in [
            (202, vec![], Fate::Confirmed),
            (422, problem("sin-ruta"), Fate::Refused),
            (503, problem("sin-conexion"), Fate::Refused),
            (503, problem("bloqueado"), Fate::Refused),
            (503, problem("desconocido"), Fate::Unknown),
            (503, problem("rechazado"), Fate::Unknown),
            (503, problem("sin-base-de-datos"), Fate::Unknown),
            (502, b"Bad Gateway".to_vec(), Fate::Unknown),
            (500, problem("fallo-interno"), Fate::Unknown),
        ] {
            assert_eq!(of_single(status, &body).fates, [fate], "{status}");
        }
    }

    #[test]
    fn a_batch_tells_of_each_event() {
        let body = br#"{"confirmados":1,"resultados":[{"indice":0,"estado":"confirmado","id":"x"},
            {"indice":1,"estado":"sin_ruta"},{"indice":2,"estado":"desconocido"}]}"#;
        let reading = of_batch(207, body, 3);
        assert_eq!(reading.fates, [Fate::Confirmed, Fate::Refused, Fate::Unknown]);
        assert_eq!(reading.errors, [("207 sin_ruta".into(), 1), ("207 desconocido".into(), 1)]);
        assert_eq!(of_batch(207, body, 4).fates, [Fate::Unknown; 4]);
        assert_eq!(of_batch(207, b"{", 2).fates, [Fate::Unknown; 2]);
        assert_eq!(of_batch(503, &problem("sin-conexion"), 2).fates, [Fate::Refused; 2]);
    }

    #[test]
    fn a_refusal_does_not_undo_an_attempt_that_may_have_arrived() {
        assert_eq!(Fate::Unknown.then(Fate::Refused), Fate::Unknown);
        assert_eq!(Fate::Refused.then(Fate::Unknown), Fate::Unknown);
        assert_eq!(Fate::Unknown.then(Fate::Confirmed), Fate::Confirmed);
        assert_eq!(Fate::Refused.then(Fate::Refused), Fate::Refused);
    }
}
