//! What the audit proxy answers to whoever keeps it: systems, accounts, tokens, rules,
//! lookups and log events.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Role;

/// Body of `GET /sistemas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Systems {
    /// By name.
    #[serde(rename = "sistemas")]
    pub systems: Vec<System>,
    /// Where the next page begins.
    #[serde(rename = "siguiente", default)]
    pub next: Option<String>,
}

/// A system.
#[derive(Debug, Clone, Deserialize)]
pub struct System {
    /// Its name.
    #[serde(rename = "nombre")]
    pub name: String,
    /// `activo`, `suspendido` or `retirado`.
    #[serde(rename = "situacion")]
    pub standing: String,
    /// What people are told of it.
    #[serde(rename = "descripcion")]
    pub description: String,
    /// Final states of its own.
    #[serde(rename = "estados")]
    pub states: Vec<String>,
    /// Its users of RabbitMQ.
    #[serde(rename = "credenciales")]
    pub credentials: Vec<Credential>,
    /// The queue that it reads.
    #[serde(rename = "buzon")]
    pub mailbox: Mailbox,
}

/// A user of RabbitMQ.
#[derive(Debug, Clone, Deserialize)]
pub struct Credential {
    /// Its name.
    #[serde(rename = "usuario")]
    pub user: String,
    /// Since when.
    #[serde(rename = "creado")]
    pub created: Timestamp,
}

/// The queue that a system reads.
#[derive(Debug, Clone, Deserialize)]
pub struct Mailbox {
    /// Its name.
    #[serde(rename = "cola")]
    pub queue: String,
    /// `existe`, `falta` or `desconocido`.
    #[serde(rename = "estado")]
    pub state: String,
    /// Messages that wait in it; none where that is not known.
    #[serde(rename = "listos")]
    pub ready: Option<u64>,
    /// Messages that were delivered and are not acknowledged.
    #[serde(rename = "sin_confirmar")]
    pub unacknowledged: Option<u64>,
    /// Who reads it.
    #[serde(rename = "consumidores")]
    pub consumers: Option<u64>,
}

/// A new user of RabbitMQ, with what nobody can read again.
#[derive(Clone, Deserialize)]
pub struct Issued {
    /// Its name.
    #[serde(rename = "usuario")]
    pub user: String,
    /// Its password.
    #[serde(rename = "clave")]
    pub password: String,
    /// Both as the address of RabbitMQ.
    pub amqp: String,
}

/// Body of `GET /cuentas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Accounts {
    /// By name.
    #[serde(rename = "cuentas")]
    pub accounts: Vec<Account>,
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Its name.
    #[serde(rename = "nombre")]
    pub name: String,
    /// What it may do.
    #[serde(rename = "rol")]
    pub role: Role,
    /// When somebody last logged in with it.
    #[serde(rename = "ultima_entrada")]
    pub entered: Option<Timestamp>,
}

/// Body of `GET /tokens`.
#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    /// Those that are worth something, by name.
    pub tokens: Vec<Token>,
}

/// A program's token.
#[derive(Debug, Clone, Deserialize)]
pub struct Token {
    /// To revoke it.
    pub id: String,
    /// The program's name.
    #[serde(rename = "nombre")]
    pub name: String,
    /// What it may do.
    #[serde(rename = "rol")]
    pub role: Role,
    /// Who made it.
    #[serde(rename = "creado_por")]
    pub made_by: String,
    /// Until when it is worth something.
    #[serde(rename = "caduca")]
    pub expires: Timestamp,
}

/// A new token, which nobody can read again.
#[derive(Clone, Deserialize)]
pub struct NewToken {
    /// It.
    pub token: String,
}

/// Body of `GET /reglas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Rules {
    /// By kind.
    #[serde(rename = "reglas")]
    pub rules: Vec<Rule>,
}

/// What is hidden in payloads of one kind, or of all.
#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    /// The kind of message; `*` is all.
    #[serde(rename = "tipo")]
    pub kind: String,
    /// Where.
    #[serde(rename = "ocultos")]
    pub hidden: Vec<String>,
    /// Since when.
    #[serde(rename = "cambiada")]
    pub changed: Timestamp,
    /// Who said so.
    #[serde(rename = "por")]
    pub by: String,
}

/// Body of `GET /consultas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Lookups {
    /// The latest first.
    #[serde(rename = "consultas")]
    pub lookups: Vec<Lookup>,
    /// Where the next page begins.
    #[serde(rename = "siguiente")]
    pub next: Option<String>,
}

/// Somebody who was shown a payload.
#[derive(Debug, Clone, Deserialize)]
pub struct Lookup {
    /// When.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
    /// Who.
    #[serde(rename = "cuenta")]
    pub account: String,
    /// The message's UUID.
    #[serde(rename = "mensaje")]
    pub message: Option<String>,
    /// What the message is known by.
    #[serde(rename = "clave")]
    pub key: String,
    /// The system that it is from.
    #[serde(rename = "origen")]
    pub source: Option<String>,
    /// What kind of message it is.
    #[serde(rename = "tipo")]
    pub kind: Option<String>,
    /// How many bytes were shown.
    pub bytes: u64,
}

/// Body of `GET /busquedas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Searches {
    /// The latest first.
    #[serde(rename = "busquedas")]
    pub searches: Vec<Search>,
    /// Where the next page begins.
    #[serde(rename = "siguiente")]
    pub next: Option<String>,
}

/// Somebody who looked for a text in payloads.
#[derive(Debug, Clone, Deserialize)]
pub struct Search {
    /// When.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
    /// Who.
    #[serde(rename = "cuenta")]
    pub account: String,
    /// What for.
    #[serde(rename = "texto")]
    pub text: String,
    /// Why: `lista`, `fichero` or `reenvio`.
    #[serde(rename = "para")]
    pub purpose: String,
}

/// Body of `GET /eventos`.
#[derive(Debug, Clone, Deserialize)]
pub struct LogEvents {
    /// Newest first.
    #[serde(rename = "eventos")]
    pub events: Vec<LogEvent>,
    /// What was lost in the time that the page covers.
    #[serde(rename = "perdidos")]
    pub losses: Vec<Loss>,
    /// Where the next page begins.
    #[serde(rename = "siguiente")]
    pub next: Option<String>,
}

/// What an application said.
#[derive(Debug, Clone, Deserialize)]
pub struct LogEvent {
    /// When it happened, by the clock of the system.
    #[serde(rename = "hora")]
    pub time: Timestamp,
    /// The system that says so.
    #[serde(rename = "sistema")]
    pub system: String,
    /// `traza`, `depuracion`, `info`, `aviso` or `error`.
    #[serde(rename = "nivel")]
    pub level: String,
    /// What happened.
    #[serde(rename = "texto")]
    pub text: String,
    /// What it added: JSON, as it came.
    #[serde(rename = "campos")]
    pub fields: Option<Box<RawValue>>,
}

/// Events that were lost between two moments.
#[derive(Debug, Clone, Deserialize)]
pub struct Loss {
    /// Since when; none where nobody can say.
    #[serde(rename = "desde")]
    pub since: Option<Timestamp>,
    /// Until when.
    #[serde(rename = "hasta")]
    pub until: Timestamp,
    /// The system that they were from; none where nobody can say.
    #[serde(rename = "sistema")]
    pub system: Option<String>,
    /// Why.
    #[serde(rename = "motivo")]
    pub reason: String,
    /// How many; none where nobody can say.
    #[serde(rename = "eventos")]
    pub events: Option<u64>,
}
