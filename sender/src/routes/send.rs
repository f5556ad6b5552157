//! `POST /send`: one event, answered once the broker has decided.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ContentType,
    web::{Data, Payload},
};
use service_kit::{Problem, body, problem::ProblemBody, request_id::RequestId};
use uuid::Uuid;

use super::{Sender, answer, defaults, of_request};
use crate::draft::{Draft, Event};

/// Longest body, in bytes: four times the longest note.
const MAX_BODY: usize = 64 * 1024;

/// Publica un evento y responde cuando RabbitMQ lo ha confirmado.
#[utoipa::path(
    post,
    path = "/send",
    request_body(content = Option<Draft>, content_type = "application/json"),
    params(
        ("X-Client-Name" = Option<String>, Header, description = "Cliente, si el cuerpo no lo dice."),
        ("Idempotency-Key" = Option<String>, Header, description = "Con la misma clave, un reintento no se cuenta dos veces (por cliente). Quien la repite con otro cuerpo repite el mismo evento: cuenta el primero que llega a la cola."),
    ),
    responses(
        (status = 202, description = "RabbitMQ confirmó el evento.", body = Event),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable, o ninguna cola lo recibe.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "RabbitMQ no lo confirmó; reintente.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send(
    request: HttpRequest,
    payload: Payload,
    sender: Data<Sender>,
) -> Result<HttpResponse, Problem> {
    let defaults = defaults(&request, &sender)?;
    let draft: Draft = body::json_object_or_default(&request, payload, MAX_BODY).await?;
    let event = defaults.single(draft, Uuid::now_v7());
    let parcel = of_request(&request, &event, &sender.name);
    let accepted = with_id(event.id, &parcel.message.body);
    let outcome = sender.desk.publish(parcel).await;
    match answer::problem(&outcome, event.event.evento.as_str()) {
        None => Ok(HttpResponse::Accepted().content_type(ContentType::json()).body(accepted)),
        Some(problem) => {
            let request_id = RequestId::of(&request);
            log::warn!("request {request_id}: event {} not confirmed: {outcome:?}", event.id);
            Err(problem)
        }
    }
}

/// What an [`Event`] is as JSON: the message's body, a JSON object, with the id
/// before its fields.
fn with_id(id: Uuid, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 45);
    text.extend_from_slice(b"{\"id\":\"");
    text.extend_from_slice(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    text.extend_from_slice(b"\",");
    text.extend_from_slice(body.strip_prefix(b"{").unwrap_or(body));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Defaults;

    #[test]
    fn the_answer_is_the_event_as_json() {
        let defaults = Defaults {
            client: "ana".parse().expect("a name"),
            now: jiff::Timestamp::UNIX_EPOCH,
            key: None,
        };
        for draft in ["{}", r#"{"message":"\"hola\" {"}"#] {
            let draft = Draft::parse(draft.as_bytes()).expect("a draft");
            let event = defaults.single(draft, Uuid::now_v7());
            let json = serde_json::to_string(&event).expect("JSON");
            assert_eq!(with_id(event.id, &event.event.encode()), json.as_bytes());
        }
    }
}
