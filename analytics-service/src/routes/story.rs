//! `GET /mensajes/{id}`: what became of one message here.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use jiff::Timestamp;
use messages::MessageId;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::ToSchema;
use uuid::Uuid;

use super::unavailable;
use crate::{journal::Delivery, progress::Progress, store::Store};

/// Body of `/mensajes/{id}`.
#[derive(Serialize, ToSchema)]
pub(super) struct Historia {
    /// The message's UUID.
    #[schema(value_type = String)]
    id: Uuid,
    /// Its deliveries to this process that are still known, oldest first.
    entregas: Vec<Delivery>,
    /// Whose event was counted, and when; null where the database does not know.
    contado: Option<Contado>,
}

/// A message that was counted.
#[derive(Serialize, ToSchema)]
pub(super) struct Contado {
    /// Whose event; where several clients share the id, the first.
    cliente: String,
    /// When, to the second.
    #[schema(value_type = String, format = DateTime)]
    a_las: Timestamp,
}

/// Qué fue de un mensaje: sus últimas entregas a este proceso (solo en memoria, de las últimas
/// 10 000) y si está contado (en la base de datos, mientras se recuerda).
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "El UUID del mensaje.")),
    responses(
        (status = 200, description = "Lo que se sabe de él.", body = Historia),
        (status = 400, description = "No es un UUID.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No se sabe nada de él.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn story(
    request: HttpRequest,
    id: Path<String>,
    progress: Data<Progress>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = id
        .parse()
        .map_err(|error| Problem::malformed(format!("La dirección no es válida: {error}.")))?;
    // The deliveries first: what is counted by then is in the database.
    let entregas = progress.deliveries(id.as_uuid());
    let contado = match store.counted(id).await {
        Ok(counted) => counted.map(|one| Contado { cliente: one.cliente, a_las: one.contado }),
        // Why a message waits may be just that the database is away: tell it.
        Err(_) if !entregas.is_empty() => None,
        Err(error) => return Err(unavailable(&request, &error)),
    };
    if entregas.is_empty() && contado.is_none() {
        return Err(unknown());
    }
    Ok(HttpResponse::Ok().json(Historia { id: id.as_uuid(), entregas, contado }))
}

fn unknown() -> Problem {
    let detail = "Este servicio no sabe nada de ese mensaje: no le ha llegado, o fue hace tanto que \
                  ya no lo recuerda.";
    Problem::new(StatusCode::NOT_FOUND, "mensaje-desconocido", "Mensaje desconocido", detail)
}
