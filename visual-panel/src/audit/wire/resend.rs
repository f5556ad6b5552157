//! What the audit proxy answers to whoever sends messages once more.

use serde::Deserialize;

/// What became of one message.
#[derive(Debug, Clone, Deserialize)]
pub struct Sent {
    /// What was sent, by its key: a new one where its payload was changed.
    #[serde(rename = "clave")]
    pub key: String,
    /// Whether the destination's queue has it; else it waits, and goes by itself.
    #[serde(rename = "reenviado")]
    pub forwarded: bool,
}

/// What became of many.
#[derive(Debug, Clone, Deserialize)]
pub struct Count {
    /// Whether nothing was sent.
    #[serde(rename = "simulado")]
    pub rehearsed: bool,
    /// Messages that were meant.
    #[serde(rename = "encontrados")]
    pub found: u64,
    /// Those that were sent, or would be.
    #[serde(rename = "reenviables")]
    pub sendable: u64,
    /// Of these, those that the destination's queue has by now.
    #[serde(rename = "reenviados")]
    pub forwarded: u64,
    /// Those that wait for their destination, and go by themselves.
    #[serde(rename = "en_espera")]
    pub waiting: u64,
    /// Those that were not sent.
    #[serde(rename = "rechazados")]
    pub refused: u64,
    /// Why, of the first of them.
    #[serde(rename = "motivos")]
    pub reasons: Vec<Reason>,
    /// Where the rest of the search begins, where there is more than is sent at once.
    #[serde(rename = "siguiente")]
    pub next: Option<String>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, Deserialize)]
pub struct Reason {
    /// Its UUID.
    pub id: Option<String>,
    /// What it is known by.
    #[serde(rename = "clave")]
    pub key: String,
    /// Why.
    #[serde(rename = "motivo")]
    pub words: String,
}
