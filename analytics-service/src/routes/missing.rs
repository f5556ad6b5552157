//! `POST /contados/faltan`: which of many messages were not counted.

use std::collections::HashSet;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use messages::ClientName;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::ToSchema;
use uuid::Uuid;

use super::unavailable;
use crate::{progress::Progress, store::Store};

/// Most messages that may be asked for at once: what a sender remembers.
const MAX_MESSAGES: usize = 10_000;

/// Longest body, in bytes: so many ids, each with the longest client's name.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Messages to look for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "mensajes": [["0196303b-3c5e-7cc2-98c4-dc0c0c07398f", "cliente_x"]] }))]
pub(super) struct Busqueda {
    /// Id and client of each.
    #[schema(value_type = Vec<Vec<String>>, max_items = 10_000)]
    mensajes: Vec<(Uuid, ClientName)>,
}

/// Those that were not counted.
#[derive(Serialize, ToSchema)]
pub(super) struct Faltan {
    faltan: Vec<Falta>,
}

/// A message that was not counted.
#[derive(Serialize, ToSchema)]
pub(super) struct Falta {
    /// The message's UUID.
    #[schema(value_type = String)]
    id: Uuid,
    /// Whose.
    cliente: String,
    /// Whether it is known to be in the dead-letter queue.
    rechazado: bool,
}

/// De estos mensajes, los que no están contados: para comparar por id lo confirmado con lo contado.
/// No cambia nada; es un POST porque pregunta por muchos.
#[utoipa::path(
    post,
    path = "/contados/faltan",
    request_body(content = Busqueda, content_type = "application/json"),
    responses(
        (status = 200, description = "Los que faltan, en el orden en que se preguntó.", body = Faltan),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn missing(
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    progress: Data<Progress>,
) -> Result<HttpResponse, Problem> {
    let Busqueda { mensajes } = body::json_object(&request, payload, MAX_BODY).await?;
    if mensajes.len() > MAX_MESSAGES {
        let detail = format!("Se puede preguntar por {MAX_MESSAGES} mensajes como mucho.");
        return Err(Problem::unacceptable(detail));
    }
    let missing = store.missing(&mensajes).await.map_err(|error| unavailable(&request, &error))?;
    let rejected = if missing.is_empty() { HashSet::new() } else { progress.rejected() };
    let faltan = missing.into_iter();
    let faltan =
        faltan.map(|(id, cliente)| Falta { id, cliente, rechazado: rejected.contains(&id) });
    Ok(HttpResponse::Ok().json(Faltan { faltan: faltan.collect() }))
}
