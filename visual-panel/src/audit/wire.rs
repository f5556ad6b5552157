//! What the audit proxy answers, as far as the panel shows it. Field names are those
//! of the wire.

mod figures;
mod keeping;
mod payload;
mod resend;

use jiff::Timestamp;
use serde::Deserialize;

use crate::lang::Lang;

pub use figures::*;
pub use keeping::*;
pub use payload::PayloadPart;
pub use resend::{Count, Reason, Sent};

/// Body of `POST /sesiones`.
#[derive(Debug, Clone, Deserialize)]
pub struct NewSession {
    /// Who shows it may do what the account may.
    pub token: String,
}

/// What an account may do; each may also do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Search and look.
    Lector,
    /// Resend.
    Operador,
    /// Keep the register, the accounts, and the rules.
    Administrador,
}

impl Role {
    /// In words.
    #[must_use]
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Lector => lang.say("lector", "reader"),
            Self::Operador => lang.say("operador", "operator"),
            Self::Administrador => lang.say("administrador", "administrator"),
        }
    }
}

/// Body of `GET /sesiones/actual`.
#[derive(Debug, Clone, Deserialize)]
pub struct Who {
    /// The account's name.
    #[serde(rename = "cuenta")]
    pub account: String,
    /// What it may do.
    #[serde(rename = "rol")]
    pub role: Role,
}

impl Who {
    /// Whether it may send messages once more.
    #[must_use]
    pub fn may_resend(&self) -> bool {
        self.role >= Role::Operador
    }

    /// Whether it keeps the register, the accounts, and the rules.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.role >= Role::Administrador
    }
}

/// Body of `GET /mensajes`: one page of what was found.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    /// In the order asked for.
    #[serde(rename = "mensajes")]
    pub messages: Vec<Row>,
    /// Where the next page begins; none after the last.
    #[serde(rename = "siguiente")]
    pub next: Option<String>,
    /// How many messages were looked at, where the page ended before it was full.
    #[serde(rename = "mirados")]
    pub looked_at: Option<u64>,
}

/// A message that was found.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    /// What it is known by to the proxy.
    #[serde(rename = "clave")]
    pub key: String,
    /// Its UUID; none where it came without.
    pub id: Option<String>,
    /// The system that it is from.
    #[serde(rename = "origen")]
    pub source: Option<String>,
    /// The system that it is for.
    #[serde(rename = "destino")]
    pub destination: Option<String>,
    /// What kind of message it is.
    #[serde(rename = "tipo")]
    pub kind: Option<String>,
    /// What it belongs to.
    #[serde(rename = "correlacion")]
    pub correlation: Option<String>,
    /// Its state now.
    #[serde(rename = "estado")]
    pub state: String,
    /// When the proxy received it.
    #[serde(rename = "recibido")]
    pub received: Timestamp,
}

/// Body of `GET /mensajes/{id}`, of an id or a key.
#[derive(Debug, Clone, Deserialize)]
pub struct Stories {
    /// The id asked for, or that of the message of the key; none where it came without.
    pub id: Option<String>,
    /// The messages of this id, in the order in which they came.
    #[serde(rename = "mensajes")]
    pub messages: Vec<Story>,
    /// What was told of this id before there was such a message.
    #[serde(rename = "sin_mensaje")]
    pub strays: Vec<Step>,
    /// Whether there is more that is older.
    #[serde(rename = "hay_anteriores", default)]
    pub has_older: bool,
}

/// A message with all that happened to it.
#[derive(Debug, Clone, Deserialize)]
pub struct Story {
    /// What it is known by to the proxy.
    #[serde(rename = "clave")]
    pub key: String,
    /// The system that it is from.
    #[serde(rename = "origen")]
    pub source: Option<String>,
    /// The system that it is for.
    #[serde(rename = "destino")]
    pub destination: Option<String>,
    /// What kind of message it is.
    #[serde(rename = "tipo")]
    pub kind: Option<String>,
    /// What it belongs to.
    #[serde(rename = "correlacion")]
    pub correlation: Option<String>,
    /// The payload's media type.
    #[serde(rename = "tipo_de_contenido")]
    pub content_type: Option<String>,
    /// The payload's size.
    pub bytes: u64,
    /// Its state now.
    #[serde(rename = "estado")]
    pub state: String,
    /// Why it was not admitted.
    #[serde(rename = "motivo")]
    pub reason: Option<String>,
    /// Why it has not been processed; none where it has.
    #[serde(rename = "por_que")]
    pub why: Option<Why>,
    /// What happened, in the order in which the proxy learnt of it.
    #[serde(rename = "pasos")]
    pub steps: Vec<Step>,
    /// How long each stage took.
    #[serde(rename = "duraciones")]
    pub durations: Durations,
    /// Messages that it was made of, or that were made of it.
    #[serde(rename = "enlaces", default)]
    pub links: Vec<Link>,
    /// All that it said of itself beside its payload; none where that is not kept.
    #[serde(rename = "propiedades", default)]
    pub properties: Option<Vec<Property>>,
}

/// A property or a header of a message.
#[derive(Debug, Clone, Deserialize)]
pub struct Property {
    /// Its name.
    #[serde(rename = "nombre")]
    pub name: String,
    /// Its value, or as much of it as there is room for.
    #[serde(rename = "valor")]
    pub value: String,
}

/// A message that another one was made of, or that was made of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Link {
    /// `hecho_de` or `dio_lugar_a`.
    #[serde(rename = "relacion")]
    pub relation: String,
    /// The other message's UUID.
    pub id: Option<String>,
    /// What the other one is known by.
    #[serde(rename = "clave")]
    pub key: String,
    /// Who made it.
    #[serde(rename = "quien")]
    pub by: String,
}

/// Why a message has not been processed.
#[derive(Debug, Clone, Deserialize)]
pub struct Why {
    /// One word for it.
    #[serde(rename = "causa")]
    pub cause: String,
    /// A sentence that says what is known, and how well.
    #[serde(rename = "explicacion")]
    pub words: String,
    /// Since when it is where it is.
    #[serde(rename = "desde")]
    pub since: Option<Timestamp>,
}

/// Something that happened to a message.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// `creado`, `recibido`, `reenviado`, `no_admitido`, `notificado`, `reenvio_pedido`, or
    /// another that the panel does not know.
    #[serde(rename = "paso")]
    pub what: String,
    /// When, by the clock of `who`.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
    /// The system that says so, or `audit-proxy`.
    #[serde(rename = "quien")]
    pub who: String,
    /// What a notification told.
    #[serde(rename = "notificacion")]
    pub notice: Option<Notice>,
    /// Which attempt to forward it, where it is not the first.
    #[serde(rename = "intento")]
    pub attempt: Option<u64>,
}

/// What a notification told, and what came of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Notice {
    /// The state that it told.
    #[serde(rename = "estado")]
    pub state: String,
    /// What it added.
    #[serde(rename = "detalles")]
    pub details: Option<String>,
    /// What the proxy made of it.
    #[serde(rename = "efecto")]
    pub effect: String,
    /// When the proxy got it.
    #[serde(rename = "recibida")]
    pub arrived: Timestamp,
}

/// How long each stage took, in milliseconds; none where its end is not known.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Durations {
    /// From its creation until the proxy had it, by two clocks.
    #[serde(rename = "hasta_recibido_ms")]
    pub queueing: Option<f64>,
    /// From then until the destination's queue had it.
    #[serde(rename = "proxy_ms")]
    pub proxy: Option<f64>,
    /// From then until the proxy learnt of its final state.
    #[serde(rename = "proceso_ms")]
    pub processing: Option<f64>,
    /// Whether the order of times shows that clocks differ.
    #[serde(rename = "relojes_desfasados")]
    pub skewed: bool,
}
