//! `POST /send/batch`: many events in one request, published as single
//! messages. One bad event refuses the whole batch before anything is sent.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web::{Data, Payload},
};
use broker::Outcome;
use messages::InvalidJson;
use serde::Serialize;
use serde_json::value::RawValue;
use service_kit::{
    Problem, body,
    problem::{FieldError, ProblemBody},
    request_id::RequestId,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Sender, answer, defaults, of_request};
use crate::draft::{Draft, Event};

/// Events in one batch at most.
const MAX_EVENTS: usize = 10_000;

/// Longest body, in bytes: some 800 for each event.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Errors listed at most, so that a bad batch is not answered with a longer one.
const MAX_ERRORS: usize = 20;

/// Outcomes of a batch, in the order of its events.
#[derive(Serialize, ToSchema)]
struct BatchAnswer {
    /// How many RabbitMQ confirmed.
    confirmados: usize,
    /// One outcome for each event.
    resultados: Vec<EventAnswer>,
}

/// What became of one event.
#[derive(Serialize, ToSchema)]
struct EventAnswer {
    /// Its place in the batch, from 0.
    indice: usize,
    /// `confirmado`, `sin_ruta`, `rechazado`, `no_enviado` or `desconocido`.
    estado: &'static str,
    /// The event, with its id.
    #[serde(flatten)]
    evento: Event,
    /// What to do, where it is not confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detalle: Option<String>,
}

/// Publica hasta 10.000 eventos; la respuesta dice qué fue de cada uno.
#[utoipa::path(
    post,
    path = "/send/batch",
    request_body(
        content(([Draft] = "application/json"), (String = "application/x-ndjson")),
        description = "Un array JSON, o un evento JSON por línea."
    ),
    params(
        ("X-Client-Name" = Option<String>, Header, description = "Cliente, donde un evento no lo dice."),
        ("Idempotency-Key" = Option<String>, Header, description = "Con la misma clave, un reintento del lote no se cuenta dos veces: cada lugar del lote es el mismo evento, aunque su cuerpo sea otro."),
    ),
    responses(
        (status = 202, description = "Todos confirmados.", body = BatchAnswer),
        (status = 207, description = "Unos confirmados y otros no.", body = BatchAnswer),
        (status = 400, description = "Mal formado: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Otro tipo: no se envió nada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Algún evento no es aceptable y no se envió nada (problema), o ninguno tiene cola (resultados).", content((ProblemBody = "application/problem+json"), (BatchAnswer = "application/json"))),
        (status = 503, description = "Ninguno confirmado.", body = BatchAnswer),
    )
)]
pub(super) async fn send_batch(
    request: HttpRequest,
    payload: Payload,
    sender: Data<Sender>,
) -> Result<HttpResponse, Problem> {
    let defaults = defaults(&request, &sender)?;
    let events: Vec<_> = read(&request, payload)
        .await?
        .into_iter()
        .enumerate()
        .map(|(index, draft)| defaults.of_batch(draft, index, Uuid::now_v7()))
        .collect();
    let parcels = events.iter().map(|event| of_request(&request, event, &sender.name)).collect();
    let outcomes = sender.desk.publish_all(parcels).await;
    let confirmed = outcomes.iter().filter(|outcome| **outcome == Outcome::Confirmed).count();
    if confirmed < outcomes.len() {
        let (request_id, lost) = (RequestId::of(&request), outcomes.len() - confirmed);
        log::warn!("request {request_id}: {lost} events of {} not confirmed", outcomes.len());
    }
    Ok(respond(events, &outcomes, confirmed))
}

fn respond(events: Vec<Event>, outcomes: &[Outcome], confirmed: usize) -> HttpResponse {
    let status = status(outcomes, confirmed);
    let results =
        events.into_iter().zip(outcomes).enumerate().map(|(indice, (evento, outcome))| {
            let detalle = (*outcome != Outcome::Confirmed)
                .then(|| answer::sentence(outcome, evento.event.evento.as_str()));
            EventAnswer { indice, estado: answer::word(outcome), evento, detalle }
        });
    let mut response = HttpResponse::build(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, answer::RETRY_AFTER.as_secs()));
    }
    response.json(BatchAnswer { confirmados: confirmed, resultados: results.collect() })
}

fn status(outcomes: &[Outcome], confirmed: usize) -> StatusCode {
    if confirmed == outcomes.len() {
        StatusCode::ACCEPTED
    } else if confirmed > 0 {
        StatusCode::MULTI_STATUS
    } else if outcomes.iter().all(|outcome| *outcome == Outcome::Unroutable) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Vec<Draft>, Problem> {
    let media_type = body::media_type(request);
    let body = body::read(payload, MAX_BODY).await?;
    let drafts = match media_type.as_deref() {
        Some("application/json") => of_array(&body)?,
        Some("application/x-ndjson" | "application/jsonl") => of_lines(&body)?,
        _ => return Err(Problem::unsupported_type("application/json» o «application/x-ndjson")),
    };
    Ok(drafts)
}

fn of_array(body: &[u8]) -> Result<Vec<Draft>, Problem> {
    let events: Vec<&RawValue> = body::json(body)?;
    let texts: Vec<_> = events.into_iter().map(RawValue::get).collect();
    drafts(&texts)
}

fn of_lines(body: &[u8]) -> Result<Vec<Draft>, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Problem::malformed("El cuerpo no es texto en UTF-8."))?;
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    drafts(&lines)
}

/// All events, or what is wrong with each that is not one.
fn drafts(texts: &[&str]) -> Result<Vec<Draft>, Problem> {
    if !(1..=MAX_EVENTS).contains(&texts.len()) {
        let sent = texts.len();
        return Err(Problem::unacceptable(format!(
            "Un lote lleva de 1 a {MAX_EVENTS} eventos y este lleva {sent}. No se envió nada."
        )));
    }
    let parsed: Vec<_> = texts.iter().map(|text| Draft::parse(text.as_bytes())).collect();
    let errors: Vec<_> = parsed
        .iter()
        .enumerate()
        .filter_map(|(index, draft)| draft.as_ref().err().map(|error| (index, error)))
        .take(MAX_ERRORS)
        .collect();
    if errors.is_empty() {
        return Ok(parsed.into_iter().filter_map(Result::ok).collect());
    }
    Err(refusal(&errors))
}

fn refusal(errors: &[(usize, &InvalidJson)]) -> Problem {
    let detail =
        "Hay eventos que no son aceptables: no se envió ninguno. Corrija los de «errores».";
    let problem = if errors.iter().all(|(_, error)| error.is_json()) {
        Problem::unacceptable(detail)
    } else {
        Problem::malformed(detail)
    };
    let list = errors
        .iter()
        .map(|(index, error)| FieldError { donde: index.to_string(), detalle: error.to_string() });
    problem.with_errors(list.collect())
}
