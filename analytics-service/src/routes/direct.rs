//! `POST /evento`: one event, counted while the caller waits, without a queue.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderName},
    web::{Data, Payload},
};
use jiff::Timestamp;
use messages::{ClickEvent, ClientName, EventName, IdempotencyKey, MessageId, Note, names};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, clock, header, problem::ProblemBody, request_id::RequestId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RETRY_AFTER;
use crate::{judge::Event, store::StoreError, writing::Writer};

static CLIENT_HEADER: HeaderName = HeaderName::from_static("x-client-name");
static KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest body, in bytes: four times the longest note.
const MAX_BODY: usize = 64 * 1024;

/// An event as a caller sends it: everything may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message": "mensaje de prueba" }))]
pub(super) struct DirectDraft {
    /// What it was. Default: `click`.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9_.-]+$")]
    evento: Option<EventName>,
    /// When it happened (RFC 3339). Default: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
    /// Free text.
    #[schema(value_type = Option<String>, max_length = 4096)]
    message: Option<Note>,
}

/// The event that was counted.
#[derive(Serialize, ToSchema)]
struct DirectEvent {
    /// Its UUID.
    #[schema(value_type = String)]
    id: Uuid,
    /// Who did it.
    #[schema(value_type = String)]
    cliente: ClientName,
    /// What it was.
    #[schema(value_type = String)]
    evento: EventName,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// What the caller added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<Note>,
}

/// Cuenta un evento directamente, sin cola: la forma antigua, que se conserva para comparar. Lo que
/// se pierde frente a `/send`: quien llama espera a la base de datos, y si este servicio está parado,
/// reiniciándose o sin base de datos recibe un error y el evento desaparece, salvo que él mismo lo
/// reintente. Con la cola, RabbitMQ lo guarda y se cuenta cuando el servicio vuelve.
#[utoipa::path(
    post,
    path = "/evento",
    request_body(content = Option<DirectDraft>, content_type = "application/json"),
    params(
        ("X-Client-Name" = String, Header, description = "El cliente."),
        ("Idempotency-Key" = Option<String>, Header, description = "Con la misma clave, un reintento no se cuenta dos veces (por cliente); vale el primero."),
    ),
    responses(
        (status = 200, description = "Ya estaba contado: es un reintento.", body = DirectEvent),
        (status = 201, description = "Contado y guardado en disco.", body = DirectEvent),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable, o falta el cliente.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "No se pudo guardar: el evento se pierde si no se reintenta.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn count_directly(
    request: HttpRequest,
    payload: Payload,
    writer: Data<Writer>,
) -> Result<HttpResponse, Problem> {
    let client = client(&request)?;
    let key = header::parsed(&request, &KEY_HEADER)?;
    let draft = body::json_object_or_default(&request, payload, MAX_BODY).await?;
    let event = complete(client, key, draft);
    let stored = writer.record(std::slice::from_ref(&event), Timestamp::now()).await;
    let stored = stored.map(|recorded| recorded.count());
    counted(match stored {
        Ok(0) => "duplicate",
        Ok(_) => "counted",
        Err(_) => "failed",
    });
    match stored {
        Ok(0) => Ok(answer(StatusCode::OK, event)),
        Ok(_) => Ok(answer(StatusCode::CREATED, event)),
        Err(error) => Err(not_stored(&request, &error)),
    }
}

fn answer(status: StatusCode, Event { id, click }: Event) -> HttpResponse {
    let (id, ClickEvent { cliente, evento, timestamp, message }) = (id.as_uuid(), click);
    HttpResponse::build(status).json(DirectEvent { id, cliente, evento, timestamp, message })
}

fn counted(result: &'static str) {
    metrics::counter!("analytics_direct_total", "result" => result).increment(1);
}

fn not_stored(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: event not stored: {error}");
    let detail = "El evento no consta como guardado y aquí no hay cola que lo conserve: se pierde si \
                  no lo reintenta. Con Idempotency-Key, un reintento no se cuenta dos veces.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}

fn client(request: &HttpRequest) -> Result<ClientName, Problem> {
    let missing = || {
        Problem::unacceptable(
            "Falta la cabecera X-Client-Name: diga en ella el nombre del cliente, por ejemplo \
             «X-Client-Name: cliente_uno».",
        )
    };
    header::parsed(request, &CLIENT_HEADER)?.ok_or_else(missing)
}

fn complete(cliente: ClientName, key: Option<IdempotencyKey>, draft: DirectDraft) -> Event {
    let id = key.map(|key| MessageId::from_key(&cliente, &key));
    let click = ClickEvent {
        cliente,
        evento: draft.evento.unwrap_or_else(click),
        timestamp: draft.timestamp.unwrap_or_else(clock::now),
        message: draft.message,
    };
    Event { id: id.unwrap_or_else(|| Uuid::now_v7().into()), click }
}

/// The default event.
fn click() -> EventName {
    names::CLICK.parse().expect("a constant of the right form")
}
