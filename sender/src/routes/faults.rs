//! `/fallos`: switches that break publishing on purpose, for a class. They are
//! there only where `LAB_FAULTS` says so, and end with the process.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use broker::{JSON, Outcome, Outgoing, Publisher};
use messages::{MessageId, names};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, clock, problem::ProblemBody};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Sender, answer, trace};
use crate::desk::Parcel;

/// Longest body, in bytes: the switches take twenty.
const MAX_BODY: usize = 4096;

/// Poisoned messages in one request at most.
const MAX_POISON: u32 = 100;

/// JSON, as the message says of itself, but no event.
const POISON: &[u8] = br#"{"veneno":true}"#;

/// The switches; all of them are set at once.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fallos {
    /// Publishes nothing, as if RabbitMQ had sent `connection.blocked`.
    bloqueado: bool,
}

impl Fallos {
    fn of(publisher: &Publisher) -> Self {
        Self { bloqueado: publisher.is_blocked_on_purpose() }
    }
}

/// How much poison.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "veces": 1 }))]
pub(super) struct Veneno {
    /// Messages to publish.
    #[schema(minimum = 1, maximum = 100)]
    veces: u32,
}

/// The poison that RabbitMQ confirmed.
#[derive(Serialize, ToSchema)]
struct Envenenados {
    /// The messages' UUIDs.
    #[schema(value_type = Vec<String>)]
    ids: Vec<Uuid>,
}

/// Los fallos provocados que hay ahora. Solo existe con `LAB_FAULTS=1`.
#[utoipa::path(
    get,
    path = "/fallos",
    responses((status = 200, description = "Los interruptores.", body = Fallos))
)]
pub(super) async fn faults(sender: Data<Sender>) -> HttpResponse {
    HttpResponse::Ok().json(Fallos::of(sender.desk.publisher()))
}

/// Provoca fallos, o los quita. Solo existe con `LAB_FAULTS=1`, y un reinicio los olvida. Con
/// `bloqueado`, el emisor hace como si RabbitMQ hubiera bloqueado la conexión (`connection.blocked`):
/// no publica y responde 503.
#[utoipa::path(
    put,
    path = "/fallos",
    request_body(content = Fallos, content_type = "application/json"),
    responses(
        (status = 200, description = "Los interruptores, como quedan.", body = Fallos),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn set_faults(
    request: HttpRequest,
    payload: Payload,
    sender: Data<Sender>,
) -> Result<HttpResponse, Problem> {
    let switches: Fallos = body::json_object(&request, payload, MAX_BODY).await?;
    let publisher = sender.desk.publisher();
    publisher.block(switches.bloqueado);
    Ok(HttpResponse::Ok().json(Fallos::of(publisher)))
}

/// Publica mensajes que nadie podrá contar nunca, porque su cuerpo no es un evento: analytics los
/// rechaza, y acaban en la cola de mensajes muertos. Solo existe con `LAB_FAULTS=1`.
#[utoipa::path(
    post,
    path = "/fallos/veneno",
    request_body(content = Veneno, content_type = "application/json"),
    responses(
        (status = 200, description = "RabbitMQ confirmó todos.", body = Envenenados),
        (status = 400, description = "Mal formado: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable y no se envió nada, o ninguna cola los recibe.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "RabbitMQ no los confirmó todos.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn poison(
    request: HttpRequest,
    payload: Payload,
    sender: Data<Sender>,
) -> Result<HttpResponse, Problem> {
    let Veneno { veces } = body::json_object(&request, payload, MAX_BODY).await?;
    if !(1..=MAX_POISON).contains(&veces) {
        return Err(Problem::unacceptable(format!(
            "«veces» va de 1 a {MAX_POISON} y aquí es {veces}. No se envió nada."
        )));
    }
    let ids: Vec<_> = (0..veces).map(|_| Uuid::now_v7()).collect();
    let parcels = ids.iter().map(|id| poisoned(*id, &sender, &request)).collect();
    let outcomes = sender.desk.publish_all(parcels).await;
    match outcomes.iter().find_map(problem) {
        Some(problem) => Err(problem),
        None => Ok(HttpResponse::Ok().json(Envenenados { ids })),
    }
}

fn problem(outcome: &Outcome) -> Option<Problem> {
    answer::problem(outcome, names::CLICK)
}

/// A message that says to be an event of the sender's, and is none.
fn poisoned(id: Uuid, sender: &Sender, request: &HttpRequest) -> Parcel {
    let mut message = Outgoing {
        id: MessageId::from(id),
        producer: sender.name.to_string(),
        user: None,
        kind: names::CLICK_EVENT_TYPE.into(),
        routing_key: names::CLICK.to_owned(),
        timestamp: clock::now().as_second().try_into().unwrap_or_default(),
        correlation_id: None,
        content_type: JSON.into(),
        headers: vec![(names::CLIENT_HEADER, sender.name.to_string())],
        body: POISON.to_vec(),
    };
    trace(&mut message, request);
    Parcel { client: sender.name.clone(), is_event: false, message }
}
