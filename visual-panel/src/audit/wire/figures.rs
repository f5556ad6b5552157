//! Statistics and retention, as the audit proxy answers them.

use serde::Deserialize;

/// Body of `GET /estadisticas`.
#[derive(Debug, Clone, Deserialize)]
pub struct Statistics {
    /// Messages in all.
    #[serde(rename = "mensajes")]
    pub total: u64,
    /// By day or by month, without those that have none.
    #[serde(rename = "periodos")]
    pub periods: Vec<Period>,
    /// By the state that they are in now.
    #[serde(rename = "estados")]
    pub states: Vec<Named>,
    /// By source, those with the most.
    #[serde(rename = "origenes")]
    pub sources: Vec<Named>,
    /// By destination.
    #[serde(rename = "destinos")]
    pub destinations: Vec<Named>,
    /// By kind.
    #[serde(rename = "tipos")]
    pub kinds: Vec<Named>,
    /// How long each stage took.
    #[serde(rename = "etapas")]
    pub stages: Stages,
}

/// Messages of a day or a month.
#[derive(Debug, Clone, Deserialize)]
pub struct Period {
    /// `2026-11-22` or `2026-11`.
    #[serde(rename = "periodo")]
    pub name: String,
    /// How many.
    #[serde(rename = "mensajes")]
    pub count: u64,
}

/// How many messages have something.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// What; empty where they did not say.
    #[serde(rename = "nombre")]
    pub name: String,
    /// How many.
    #[serde(rename = "mensajes")]
    pub count: u64,
}

/// How long each stage took.
#[derive(Debug, Clone, Deserialize)]
pub struct Stages {
    /// From the creation until the proxy had it.
    #[serde(rename = "llegada")]
    pub arrival: StageFigures,
    /// Until its destination's queue had it.
    pub proxy: StageFigures,
    /// Until the proxy learnt of its final state.
    #[serde(rename = "proceso")]
    pub processing: StageFigures,
}

/// How long a stage took; lengths in milliseconds.
#[derive(Debug, Clone, Deserialize)]
pub struct StageFigures {
    /// Messages that went through it.
    #[serde(rename = "mensajes")]
    pub count: u64,
    /// Messages of which clocks tell the impossible; they are not among the others.
    #[serde(rename = "desfasados")]
    pub skewed: u64,
    /// Half of them took no longer.
    #[serde(rename = "p50_ms")]
    pub p50: Option<f64>,
    /// Nine of ten.
    #[serde(rename = "p90_ms")]
    pub p90: Option<f64>,
    /// 99 of a hundred.
    #[serde(rename = "p99_ms")]
    pub p99: Option<f64>,
}

/// Body of `GET /retencion`.
#[derive(Debug, Clone, Deserialize)]
pub struct Retention {
    /// By kind, the general one first.
    #[serde(rename = "reglas")]
    pub rules: Vec<RetentionRule>,
    /// Bytes that all payloads may take; none without a limit.
    #[serde(rename = "contenido_bytes_max")]
    pub max_payload_bytes: Option<u64>,
    /// Bytes that everything may take; none without a limit.
    #[serde(rename = "bytes_max")]
    pub max_bytes: Option<u64>,
    /// How much there is; none without a limit.
    #[serde(rename = "guardado")]
    pub kept: Option<Kept>,
}

/// How much is kept, as far as it is counted.
#[derive(Debug, Clone, Deserialize)]
pub struct Kept {
    /// Bytes of all payloads.
    #[serde(rename = "contenido_bytes")]
    pub payload_bytes: u64,
    /// Bytes of everything.
    pub bytes: u64,
}

/// How long the messages of a kind are kept.
#[derive(Debug, Clone, Deserialize)]
pub struct RetentionRule {
    /// The kind, or `*` for all without a rule of their own.
    #[serde(rename = "tipo")]
    pub kind: String,
    /// Days until the payload goes; none where it goes with its message.
    #[serde(rename = "contenido_dias")]
    pub payload_days: Option<u64>,
    /// Days until the message goes; none where it never does.
    #[serde(rename = "mensaje_dias")]
    pub message_days: Option<u64>,
}
