//! `GET /estado`, `GET /mensajes/{id}` and `GET /confirmados`: what became of what
//! was published.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use broker::NotUsable;
use jiff::Timestamp;
use messages::{ClientName, MessageId};
use serde::Serialize;
use service_kit::{Problem, clock, problem::ProblemBody};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Sender;
use crate::journal::{Attempt, Counts};

/// Attempts that the state shows at most.
const LATEST: usize = 20;

/// Body of `/estado`.
#[derive(Serialize, ToSchema)]
pub(super) struct Estado {
    /// The sender's name.
    #[schema(value_type = String, example = "cliente_x")]
    emisor: ClientName,
    /// This process: another UUID at each start.
    #[schema(value_type = String)]
    proceso: Uuid,
    /// Whether RabbitMQ can be published to now.
    #[schema(value_type = String, example = "conectado")]
    enlace: Link,
    /// Why it cannot.
    motivo: Option<String>,
    /// Attempts under way.
    en_vuelo: u64,
    /// Attempts since this process started.
    publicaciones: Counts,
    /// The last attempts, newest first.
    ultimas: Vec<Ultima>,
}

/// One of the last attempts.
#[derive(Serialize, ToSchema)]
struct Ultima {
    /// The message's UUID.
    #[schema(value_type = String)]
    id: Uuid,
    #[serde(flatten)]
    attempt: Attempt,
}

/// Body of `/mensajes/{id}`.
#[derive(Serialize, ToSchema)]
pub(super) struct Historia {
    /// The sender's name.
    #[schema(value_type = String, example = "cliente_x")]
    emisor: ClientName,
    /// This process: another UUID at each start.
    #[schema(value_type = String)]
    proceso: Uuid,
    /// The message's UUID.
    #[schema(value_type = String)]
    id: Uuid,
    /// The present, by the clock that the attempts are told by.
    #[schema(value_type = String, format = DateTime)]
    ahora: Timestamp,
    /// The attempts that are still known, oldest first.
    intentos: Vec<Attempt>,
}

/// Body of `/confirmados`.
#[derive(Serialize, ToSchema)]
pub(super) struct Confirmados {
    /// This process: another UUID at each start.
    #[schema(value_type = String)]
    proceso: Uuid,
    /// Id, client, routing key and time of the last confirm of each, in no order.
    #[schema(
        value_type = Vec<Vec<String>>,
        example = json!([[
            "0196303b-3c5e-7cc2-98c4-dc0c0c07398f",
            "cliente_x",
            "click",
            "2025-04-13T12:00:00.123Z"
        ]])
    )]
    confirmados: Vec<Confirmado>,
}

/// Id, client, routing key, time of the confirm: short, for there may be 10,000.
type Confirmado = (Uuid, ClientName, String, Timestamp);

impl Confirmados {
    fn of(proceso: Uuid, confirmed: Vec<(Uuid, Attempt)>) -> Self {
        let row =
            |(id, attempt): (Uuid, Attempt)| (id, attempt.cliente, attempt.clave, attempt.a_las);
        Self { proceso, confirmados: confirmed.into_iter().map(row).collect() }
    }
}

/// Whether the broker's connection can be used.
#[derive(Serialize)]
enum Link {
    #[serde(rename = "conectado")]
    Connected,
    #[serde(rename = "bloqueado")]
    Blocked,
    #[serde(rename = "sin-conexion")]
    Disconnected,
}

/// Si este emisor puede publicar ahora, y qué fue de lo que ha publicado desde que empezó.
#[utoipa::path(
    get,
    path = "/estado",
    responses((status = 200, description = "El estado de este momento.", body = Estado))
)]
pub(super) async fn state(sender: Data<Sender>) -> HttpResponse {
    let reason = sender.desk.publisher().status().check().err();
    let enlace = match &reason {
        None => Link::Connected,
        Some(NotUsable::Blocked(_)) => Link::Blocked,
        Some(NotUsable::Disconnected(_)) => Link::Disconnected,
    };
    let now = sender.desk.journal().snapshot(LATEST);
    HttpResponse::Ok().json(Estado {
        emisor: sender.name.clone(),
        proceso: sender.process,
        enlace,
        motivo: reason.map(|reason| reason.to_string()),
        en_vuelo: now.in_flight,
        publicaciones: now.counts,
        ultimas: now.latest.into_iter().map(|(id, attempt)| Ultima { id, attempt }).collect(),
    })
}

/// Qué fue de un mensaje en este emisor: los intentos de publicarlo, de los últimos 10 000 (solo en
/// memoria). Que siga en la cola o esté contado lo dice analytics.
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "El UUID del mensaje.")),
    responses(
        (status = 200, description = "Sus intentos, el más antiguo primero.", body = Historia),
        (status = 400, description = "No es un UUID.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Aquí no se sabe nada de él.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn story(id: Path<String>, sender: Data<Sender>) -> Result<HttpResponse, Problem> {
    let id: MessageId = id.parse().map_err(|_| not_an_id())?;
    let id = id.as_uuid();
    let intentos = sender.desk.journal().of_message(id);
    if intentos.is_empty() {
        return Err(unknown());
    }
    let (emisor, proceso) = (sender.name.clone(), sender.process);
    Ok(HttpResponse::Ok().json(Historia { emisor, proceso, id, ahora: clock::now(), intentos }))
}

/// Los eventos que RabbitMQ le ha confirmado a este emisor, de los últimos 10 000 intentos, cada
/// uno una vez: para comparar por id lo confirmado con lo contado. De cada uno, su id, su cliente, la
/// clave con que se publicó y cuándo se supo confirmado; si fue más de una vez, las de la última.
#[utoipa::path(
    get,
    path = "/confirmados",
    responses((status = 200, description = "Id, cliente, clave y hora de cada uno.", body = Confirmados))
)]
pub(super) async fn confirmed(sender: Data<Sender>) -> HttpResponse {
    let confirmed = sender.desk.journal().confirmed();
    HttpResponse::Ok().json(Confirmados::of(sender.process, confirmed))
}

fn not_an_id() -> Problem {
    Problem::malformed("El identificador no es un UUID. Copie el «id» de la respuesta de /send.")
}

fn unknown() -> Problem {
    let detail = "Este emisor no recuerda ese mensaje: lo publicó otro, lo publicó antes de \
                  reiniciarse, o ya hubo 10 000 después. Pregunte a los demás emisores y a analytics.";
    Problem::new(StatusCode::NOT_FOUND, "no-encontrado", "No encontrado", detail)
}

#[cfg(test)]
mod tests {
    use messages::text::MAX_NAME_LENGTH;

    use super::*;
    use crate::journal::{Fate, REMEMBERED};

    /// The panel takes no longer answer.
    const MOST: usize = 2 * 1024 * 1024;

    #[test]
    fn as_many_as_are_remembered_with_the_longest_names_stay_under_two_mebibytes() {
        let longest = "x".repeat(MAX_NAME_LENGTH);
        let attempt = Attempt {
            cliente: longest.parse().expect("a name"),
            clave: longest,
            is_event: true,
            resultado: Fate::Confirmed,
            a_las: Timestamp::from_millisecond(1_999_999_999_999).expect("in range"),
        };
        let all = Confirmados::of(Uuid::nil(), vec![(Uuid::nil(), attempt); REMEMBERED]);
        let length = serde_json::to_vec(&all).expect("JSON").len();
        assert!((2_000_000..MOST).contains(&length), "{length}");
    }
}
