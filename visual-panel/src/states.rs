//! What senders and analytics tell of themselves, as far as the panel shows it.
//! Field names are those of the wire.

use jiff::Timestamp;
use serde::Deserialize;

/// Body of a sender's `GET /estado`.
#[derive(Debug, Clone, Deserialize)]
pub struct SenderState {
    /// Its name.
    #[serde(rename = "emisor")]
    pub name: String,
    /// Id of this run of the process: another one means that it was restarted,
    /// and counts from zero.
    #[serde(rename = "proceso")]
    pub process: String,
    /// Its connection to the broker.
    #[serde(rename = "enlace")]
    pub link: SenderLink,
    /// Why it cannot publish, if so.
    #[serde(rename = "motivo")]
    pub reason: Option<String>,
    /// What became of what it published.
    #[serde(rename = "publicaciones")]
    pub published: Published,
    /// The newest attempts, newest first.
    #[serde(rename = "ultimas")]
    pub latest: Vec<Attempt>,
}

/// A sender's connection to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderLink {
    /// It can publish.
    Conectado,
    /// The broker takes nothing (`connection.blocked`).
    Bloqueado,
    /// There is none.
    SinConexion,
}

/// Counts by outcome, since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Published {
    /// The broker has them.
    #[serde(rename = "confirmadas")]
    pub confirmed: u64,
    /// No queue was bound for them: returned.
    #[serde(rename = "sin_ruta")]
    pub unroutable: u64,
    /// The broker refused them (nack).
    #[serde(rename = "rechazadas")]
    pub refused: u64,
    /// They never left the sender.
    #[serde(rename = "no_enviadas")]
    pub not_sent: u64,
    /// They left, and no answer came in time.
    #[serde(rename = "desconocidas")]
    pub unknown: u64,
}

impl Published {
    /// All attempts.
    #[must_use]
    pub fn all(&self) -> u64 {
        let all = [self.confirmed, self.unroutable, self.refused, self.not_sent, self.unknown];
        all.into_iter().fold(0, u64::saturating_add)
    }
}

/// One attempt to publish.
#[derive(Debug, Clone, Deserialize)]
pub struct Attempt {
    /// The message's id; absent where the whole story is of one id.
    pub id: Option<String>,
    /// Whose event.
    #[serde(rename = "cliente")]
    pub client: String,
    /// Routing key.
    #[serde(rename = "clave")]
    pub routing_key: String,
    /// What became of it.
    #[serde(rename = "resultado")]
    pub outcome: AttemptOutcome,
    /// When that was known.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
}

/// What became of an attempt to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// The broker has it.
    Confirmado,
    /// No queue is bound for it: returned.
    SinRuta,
    /// The broker refused it (nack).
    Rechazado,
    /// It never left the sender.
    NoEnviado,
    /// It left, and no answer came in time.
    Desconocido,
}

/// Body of a sender's `GET /mensajes/{id}`.
#[derive(Debug, Clone, Deserialize)]
pub struct SenderStory {
    /// Its name.
    #[serde(rename = "emisor")]
    pub name: String,
    /// The present, by the clock that the attempts are told by.
    #[serde(rename = "ahora")]
    pub now: Timestamp,
    /// Oldest first.
    #[serde(rename = "intentos")]
    pub attempts: Vec<Attempt>,
}

/// Body of analytics' `GET /estado`.
#[derive(Debug, Clone, Deserialize)]
pub struct AnalyticsState {
    /// Id of this run of the process.
    #[serde(rename = "proceso")]
    pub process: String,
    /// Whether it consumes.
    #[serde(rename = "consumo")]
    pub consuming: Consuming,
    /// Why not, if so.
    #[serde(rename = "motivo")]
    pub reason: Option<String>,
    /// Why it cannot store now, if so.
    #[serde(rename = "guarda")]
    pub cannot_store: Option<String>,
    /// Messages that the broker hands over before it wants acknowledgements.
    pub prefetch: u64,
    /// The last batch that was stored.
    #[serde(rename = "lote")]
    pub batch: Option<BatchState>,
    /// Counted since the process started.
    #[serde(rename = "contados")]
    pub counted: u64,
    /// Recognised as counted before, since then.
    #[serde(rename = "repetidos")]
    pub duplicates: u64,
    /// Rejected into the dead-letter queue, since then.
    #[serde(rename = "rechazados")]
    pub rejected: u64,
    /// Delivered again by the broker, since then.
    #[serde(rename = "reentregados")]
    pub redelivered: u64,
    /// All ever counted.
    pub total: u64,
    /// What was counted before may be forgotten.
    #[serde(rename = "recuerda_desde")]
    pub remembers_since: Timestamp,
    /// What the broker says.
    pub broker: BrokerState,
}

/// Whether analytics consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consuming {
    /// It takes what comes.
    Activo,
    /// Its consumer is cancelled by a switch of the laboratory.
    EnPausa,
    /// It has no connection to the broker.
    SinConexion,
}

/// A batch that was stored.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct BatchState {
    /// How many messages.
    #[serde(rename = "mensajes")]
    pub messages: u64,
    /// When.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
}

/// What the broker's management API says.
#[derive(Debug, Clone, Deserialize)]
pub struct BrokerState {
    /// Whether it answered the last time.
    #[serde(rename = "responde")]
    pub answers: bool,
    /// How long ago it was asked what it answered last, in milliseconds.
    #[serde(rename = "hace_ms")]
    pub age_ms: Option<u64>,
    /// Why it does not answer.
    #[serde(rename = "motivo")]
    pub reason: Option<String>,
    /// The queue.
    #[serde(rename = "cola")]
    pub queue: Option<QueueState>,
    /// The dead-letter queue.
    #[serde(rename = "muertas")]
    pub dead: Option<DeadState>,
    /// Routing keys bound to the queue.
    #[serde(rename = "enlaces")]
    pub bindings: Vec<String>,
}

/// The queue, as the broker sees it; of several, the sums.
#[derive(Debug, Clone, Deserialize)]
pub struct QueueState {
    /// Waiting to be delivered.
    #[serde(rename = "listos")]
    pub ready: u64,
    /// Delivered, not acknowledged.
    #[serde(rename = "sin_acuse")]
    pub unacked: u64,
    /// Who reads it.
    #[serde(rename = "consumidores")]
    pub consumers: Option<u64>,
    /// Messages it holds at most; none where it was declared without a limit.
    #[serde(rename = "limite")]
    pub limit: Option<u64>,
    /// The queues one by one; none where analytics is of a version that had but one.
    #[serde(rename = "particiones", default)]
    pub partitions: Vec<PartitionState>,
}

/// One queue of several.
#[derive(Debug, Clone, Deserialize)]
pub struct PartitionState {
    /// Waiting to be delivered.
    #[serde(rename = "listos")]
    pub ready: u64,
}

impl QueueState {
    /// All messages in it.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.ready.saturating_add(self.unacked)
    }

    /// How many queues they are.
    #[must_use]
    pub fn queues(&self) -> u64 {
        u64::try_from(self.partitions.len()).unwrap_or(u64::MAX).max(1)
    }
}

/// The dead-letter queue, as the broker sees it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct DeadState {
    /// Messages in it.
    #[serde(rename = "mensajes")]
    pub messages: u64,
}

/// Body of analytics' `GET /mensajes/{id}`.
#[derive(Debug, Clone, Deserialize)]
pub struct AnalyticsStory {
    /// Oldest first.
    #[serde(rename = "entregas")]
    pub deliveries: Vec<Delivery>,
    /// Whose, and when it was counted.
    #[serde(rename = "contado")]
    pub counted: Option<CountedOnce>,
}

/// One delivery of a message.
#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    /// When it was dealt with.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
    /// Whether the broker had delivered it before.
    #[serde(rename = "reentregado")]
    pub redelivered: bool,
    /// What became of it.
    #[serde(rename = "resultado")]
    pub outcome: DeliveryOutcome,
    /// Whose event, where it was one.
    #[serde(rename = "cliente")]
    pub client: Option<String>,
    /// Why it was rejected or not stored.
    #[serde(rename = "motivo")]
    pub reason: Option<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryOutcome {
    /// Counted.
    Contado,
    /// Counted before, acknowledged only.
    Repetido,
    /// Rejected into the dead-letter queue.
    Rechazado,
    /// Could not be stored; it comes again.
    NoGuardado,
}

/// When a message was counted.
#[derive(Debug, Clone, Deserialize)]
pub struct CountedOnce {
    /// Whose.
    #[serde(rename = "cliente")]
    pub client: String,
    /// To the second.
    #[serde(rename = "a_las")]
    pub at: Timestamp,
}
