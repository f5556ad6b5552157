//! `GET /estado`: what this process is doing now, and what waits for it.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use broker::ConsumerFaults;
use jiff::Timestamp;
use serde::Serialize;
use service_kit::clock;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    live::LiveWatch,
    monitor::{BrokerState, BrokerWatch},
    partitions::Links,
    progress::{Counts, Progress},
    writing::Writing,
};

/// Everything that the answer is made of.
pub(crate) struct Observed {
    /// This process: another one at each start.
    pub(crate) process: Uuid,
    /// How long a message is remembered, at least.
    pub(crate) window: Duration,
    /// The connections that are consumed on.
    pub(crate) links: Links,
    /// What is wrong with consuming on purpose.
    pub(crate) faults: ConsumerFaults,
    /// How writing goes.
    pub(crate) writing: Writing,
    /// What has been done.
    pub(crate) progress: Progress,
    /// The counts in the database.
    pub(crate) live: LiveWatch,
    /// The queues.
    pub(crate) broker: BrokerWatch,
}

/// Body of `/estado`.
#[derive(Serialize, ToSchema)]
pub(super) struct Estado {
    /// This process: another UUID at each start.
    #[schema(value_type = String)]
    proceso: Uuid,
    /// Whether it takes messages from the queue.
    #[schema(value_type = String, example = "activo")]
    consumo: Consuming,
    /// Why it takes none.
    motivo: Option<String>,
    /// Why it cannot store now; then it acknowledges nothing.
    guarda: Option<String>,
    /// Messages that the broker hands over before it wants acknowledgements.
    prefetch: u16,
    #[serde(flatten)]
    counts: Counts,
    /// Events counted in all, by everybody and ever, as in `/reporte`; it follows
    /// within a second.
    total: i64,
    /// What was counted before this moment may be forgotten, and be missing in
    /// `/contados`; it stays in `total`. What was counted since is remembered, and a
    /// day longer for clocks that differ.
    #[schema(value_type = String, format = DateTime)]
    recuerda_desde: Timestamp,
    /// The queues, as RabbitMQ's management API shows them.
    broker: BrokerState,
}

/// Whether messages are taken from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Consuming {
    #[serde(rename = "activo")]
    Active,
    #[serde(rename = "en-pausa")]
    Paused,
    #[serde(rename = "sin-conexion")]
    Disconnected,
}

impl Observed {
    fn consuming(&self) -> (Consuming, Option<String>) {
        match self.links.check() {
            Err(reason) => (Consuming::Disconnected, Some(reason.to_string())),
            Ok(()) if self.faults.get().paused => {
                (Consuming::Paused, Some("es un interruptor del laboratorio".to_owned()))
            }
            Ok(()) => (Consuming::Active, None),
        }
    }
}

/// Qué hace este proceso ahora, qué ha hecho desde que empezó y qué espera en la cola. Los números
/// de `broker` se preguntan a RabbitMQ una vez por segundo, por muchos que lean esto; si no responde,
/// quedan los últimos con su hora.
#[utoipa::path(
    get,
    path = "/estado",
    responses((status = 200, description = "El estado de este momento.", body = Estado))
)]
pub(super) async fn state(observed: Data<Observed>) -> HttpResponse {
    let (consumo, motivo) = observed.consuming();
    HttpResponse::Ok().json(Estado {
        proceso: observed.process,
        consumo,
        motivo,
        guarda: observed.writing.check().err(),
        prefetch: broker::PREFETCH,
        counts: observed.progress.counts(),
        total: observed.live.total(),
        recuerda_desde: clock::ago(observed.window),
        broker: observed.broker.state(),
    })
}
