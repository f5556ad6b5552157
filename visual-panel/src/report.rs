//! What analytics answers, as far as the panel shows it. Field names are those
//! of the wire.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// Clients and events asked for: what one page shows.
pub const SHOWN: usize = 20;

/// What analytics has counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The counts.
    pub report: Report,
    /// The newest events, newest first.
    pub latest: Latest,
}

/// Body of `GET /reporte`.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// Events counted, of all clients.
    pub total: u64,
    /// Counts of this page's clients, most first.
    #[serde(rename = "clientes")]
    pub clients: Tally,
    /// Counts per kind of event.
    #[serde(rename = "eventos")]
    pub kinds: Tally,
    /// Time of the earliest event.
    #[serde(rename = "primero")]
    pub first: Option<Timestamp>,
    /// Time of the latest event.
    #[serde(rename = "ultimo")]
    pub last: Option<Timestamp>,
    /// How many pages of clients there are.
    #[serde(rename = "paginas")]
    pub pages: u64,
}

/// Body of `GET /eventos`.
#[derive(Debug, Clone, Deserialize)]
pub struct Latest {
    /// Newest first.
    #[serde(rename = "eventos")]
    pub events: Vec<Event>,
}

/// One event that analytics has counted.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// The message's id.
    pub id: String,
    /// Who did it.
    #[serde(rename = "cliente")]
    pub client: String,
    /// What was done.
    #[serde(rename = "evento")]
    pub kind: String,
    /// When, by the sender's clock.
    pub timestamp: Timestamp,
    /// When analytics counted it, by its own.
    #[serde(rename = "contado")]
    pub counted: Timestamp,
    /// The caller's own words.
    pub message: Option<String>,
}

/// Names and counts in the order of the wire: the order of a JSON object means
/// something here, and a map would lose it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(pub Vec<(String, u64)>);

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Tally;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tally, A::Error> {
        let mut tally = Vec::new();
        while let Some(entry) = map.next_entry()? {
            tally.push(entry);
        }
        Ok(Tally(tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_the_order_of_the_wire() {
        let text = r#"{"zeta":9,"alfa":7,"(otros)":7,"media":1}"#;
        let tally: Tally = serde_json::from_str(text).expect("an object of counts");
        let names: Vec<_> = tally.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["zeta", "alfa", "(otros)", "media"]);
    }

    #[test]
    fn a_report_of_another_shape_is_an_error() {
        for text in ["[]", "{}", r#"{"total":-1}"#, r#"{"clientes":{"x":"3"}}"#] {
            assert!(serde_json::from_str::<Report>(text).is_err(), "{text}");
        }
    }
}
