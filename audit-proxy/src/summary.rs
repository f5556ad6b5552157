//! A message in a list, and as a row of a table. Pure.

use jiff::Timestamp;
use messages::MessageId;
use serde::Serialize;
use service_kit::csv::inert;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::Entry;

/// A message, without its payload and what was told of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Resumen {
    /// What it is known by here, whatever its id is.
    pub clave: String,
    /// Its UUID; none where it came without.
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    /// The system that it is from.
    pub origen: Option<String>,
    /// The system that it is for.
    pub destino: Option<String>,
    /// What kind of message it is.
    pub tipo: Option<String>,
    /// What it belongs to.
    pub correlacion: Option<String>,
    /// When it was made, by the clock of its source.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub creado: Option<Timestamp>,
    /// When the proxy had it.
    #[schema(value_type = String, format = DateTime)]
    pub recibido: Timestamp,
    /// When the destination's queue had it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reenviado: Option<Timestamp>,
    /// When its final state was assigned, by the clock of its destination.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub asignado: Option<Timestamp>,
    /// When the proxy learnt of that.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub notificado: Option<Timestamp>,
    /// Its state now.
    pub estado: String,
    /// Why it was not admitted.
    pub motivo: Option<String>,
    /// Bytes of its payload.
    pub tamano: i64,
    /// The payload's media type.
    pub tipo_contenido: Option<String>,
}

/// The names of the fields of a [`row`](Resumen::row).
pub const COLUMNS: [&str; 15] = [
    "clave",
    "id",
    "origen",
    "destino",
    "tipo",
    "correlacion",
    "creado",
    "recibido",
    "reenviado",
    "asignado",
    "notificado",
    "estado",
    "motivo",
    "tamano",
    "tipo_contenido",
];

impl Resumen {
    /// As a row of a table that people open in a spreadsheet: what it could take for a
    /// formula begins with an apostrophe.
    #[must_use]
    pub fn row(self) -> [String; COLUMNS.len()] {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let text = |text: Option<String>| inert(&text.unwrap_or_default());
        [
            self.clave,
            self.id.map(|id| id.to_string()).unwrap_or_default(),
            text(self.origen),
            text(self.destino),
            text(self.tipo),
            text(self.correlacion),
            time(self.creado),
            self.recibido.to_string(),
            time(self.reenviado),
            time(self.asignado),
            time(self.notificado),
            inert(&self.estado),
            text(self.motivo),
            self.tamano.to_string(),
            text(self.tipo_contenido),
        ]
    }
}

impl From<Entry> for Resumen {
    fn from(entry: Entry) -> Self {
        Self {
            clave: entry.key.to_string(),
            id: entry.id.map(MessageId::as_uuid),
            origen: entry.source,
            destino: entry.destination,
            tipo: entry.kind,
            correlacion: entry.correlation,
            creado: entry.created,
            recibido: entry.key.received(),
            reenviado: entry.forwarded,
            asignado: entry.settled,
            notificado: entry.notified,
            estado: entry.state,
            motivo: entry.reason,
            tamano: entry.size,
            tipo_contenido: entry.content_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Key;

    fn entry() -> Entry {
        Entry {
            key: Key::first_at("2026-11-22T10:00:00Z".parse().expect("a time")),
            id: None,
            source: Some("servicedesk".to_owned()),
            destination: Some("redmine".to_owned()),
            kind: None,
            created: None,
            correlation: Some("=HYPERLINK(\"http://x\")".to_owned()),
            content_type: None,
            size: 7,
            state: "no_admitido".to_owned(),
            forwarded: None,
            settled: None,
            notified: None,
            reason: Some("no lleva type".to_owned()),
            has_payload: true,
        }
    }

    #[test]
    fn a_row_has_the_columns_that_the_json_has() {
        let json = serde_json::to_value(Resumen::from(entry())).expect("JSON");
        let fields: Vec<_> = json.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let mut columns = COLUMNS;
        columns.sort_unstable();
        assert_eq!(fields, columns);
        let row = Resumen::from(entry()).row();
        let column = |name| COLUMNS.iter().position(|column| *column == name).map(|at| &*row[at]);
        assert_eq!(column("origen"), Some("servicedesk"));
        assert_eq!(column("recibido"), Some("2026-11-22T10:00:00Z"));
        assert_eq!(column("correlacion"), Some("'=HYPERLINK(\"http://x\")"));
        assert_eq!((column("tamano"), column("creado")), (Some("7"), Some("")));
    }

    proptest! {
        #[test]
        fn whatever_it_is_comes_out_of_the_table_as_it_went_in(text in ".*", other in ".*") {
            let reason = Some(other.clone());
            let row = Resumen::from(Entry { correlation: Some(text), reason, ..entry() }).row();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&row).expect("written");
            let written = writer.into_inner().expect("written");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&*written);
            let records: Vec<_> = reader.records().map(|record| record.expect("read")).collect();
            prop_assert_eq!(records.len(), 1);
            prop_assert_eq!(records[0].iter().collect::<Vec<_>>(), row);
        }
    }
}
