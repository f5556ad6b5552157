//! What a search has found.

use jiff::Timestamp;

use super::{mood, state_words};
use crate::{
    audit::{
        filter::{Filter, encoded},
        wire::{Found, Row},
    },
    lang::Lang,
    wording::{Count, Moment, short_id},
};

/// One page of what was found.
#[derive(Debug, Clone)]
pub struct List {
    /// In the order asked for.
    pub rows: Vec<Line>,
    /// Query of the next page; none after the last.
    pub next: Option<String>,
    /// Query of the first page; none where this is it.
    pub first: Option<String>,
    /// How many messages were looked at, where the page ended before it was full.
    pub looked_at: Option<Count>,
}

/// A message in a line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its UUID; empty where it came without.
    pub id: String,
    /// What it is known by, whatever its id is.
    pub key: String,
    /// Its end.
    pub short_id: String,
    /// When the proxy received it.
    pub received: Moment,
    /// The system that it is from; empty where it did not say.
    pub source: String,
    /// The system that it is for.
    pub destination: String,
    /// What kind of message it is.
    pub kind: String,
    /// What it belongs to.
    pub correlation: String,
    /// Query of all that belongs to the same.
    pub related: String,
    /// Its state now, in words.
    pub state: String,
    /// How that looks.
    pub mood: &'static str,
}

impl List {
    /// What was found by `filter`, at `now`.
    #[must_use]
    pub fn new(found: Found, filter: &Filter, now: Timestamp, lang: Lang) -> Self {
        let is_first = filter.cursor.is_none();
        Self {
            rows: found.messages.into_iter().map(|row| Line::new(row, now, lang)).collect(),
            looked_at: found.looked_at.map(Count),
            next: found.next.map(|cursor| filter.at(Some(cursor)).address()),
            first: (!is_first).then(|| filter.at(None).address()),
        }
    }
}

impl List {
    /// How many there are on this page: how many there are in all nobody has counted.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        let count = self.rows.len();
        match (count, lang) {
            (0, Lang::Es) => "Ningún mensaje en esta página".to_owned(),
            (0, Lang::En) => "No message on this page".to_owned(),
            (1, Lang::Es) => "1 mensaje en esta página".to_owned(),
            (1, Lang::En) => "1 message on this page".to_owned(),
            (_, Lang::Es) => format!("{count} mensajes en esta página"),
            (_, Lang::En) => format!("{count} messages on this page"),
        }
    }
}

impl Line {
    fn new(row: Row, now: Timestamp, lang: Lang) -> Self {
        let id = row.id.unwrap_or_default();
        let correlation = row.correlation.unwrap_or_default();
        Self {
            short_id: if id.is_empty() { String::new() } else { short_id(&id) },
            key: row.key,
            id,
            received: Moment::new(row.received, now, lang),
            source: row.source.unwrap_or_default(),
            destination: row.destination.unwrap_or_default(),
            kind: row.kind.unwrap_or_default(),
            related: encoded(&[("correlacion", &correlation)]),
            correlation,
            mood: mood(&row.state),
            state: state_words(&row.state, lang),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn list(found: &Value, query: &[(&str, &str)]) -> List {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = serde_json::from_value(found.clone()).expect("what was found");
        let now = "2026-11-23T12:00:00Z".parse().expect("a timestamp");
        List::new(found, &Filter::of(&query.collect()), now, Lang::Es)
    }

    #[test]
    fn a_page_leads_to_the_next_and_to_the_first_of_the_same_search() {
        let found = json!({"mensajes": [], "siguiente": "ab", "mirados": 2000});
        let first = list(&found, &[("estado", "error")]);
        assert_eq!(first.next.as_deref(), Some("?estado=error&pagina=ab"));
        assert_eq!((first.first, first.looked_at), (None, Some(Count(2000))));
        let last = json!({"mensajes": [], "siguiente": null, "mirados": null});
        let last = list(&last, &[("estado", "error"), ("pagina", "ab")]);
        assert_eq!((last.next, last.first.as_deref()), (None, Some("?estado=error")));
    }

    #[test]
    fn a_refused_message_may_say_nothing_of_itself() {
        let row = json!({"clave": "1", "id": null, "origen": null, "destino": null, "tipo": null,
            "correlacion": null, "estado": "no_admitido", "recibido": "2026-11-23T11:00:00Z"});
        let found = json!({"mensajes": [row], "siguiente": null, "mirados": null});
        let list = list(&found, &[]);
        let line = &list.rows[0];
        assert_eq!((line.id.as_str(), line.key.as_str()), ("", "1"));
        assert_eq!((line.mood, line.state.as_str()), ("mal", "no admitido"));
        assert_eq!(list.title(Lang::Es), "1 mensaje en esta página");
    }
}
