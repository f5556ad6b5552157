//! `GET /mensajes/{id}`: the story of one message.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, ServiceConfig},
};
use messages::MessageId;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{access::Reader, unavailable};
use crate::{
    store::{Store, StoreError},
    story::{Historia, Paso, tell, told},
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(story))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/mensajes/{id}").route(web::get().to(story)));
}

/// Body of `/mensajes/{id}`.
#[derive(Serialize, ToSchema)]
struct Historias {
    /// The UUID asked for.
    #[schema(value_type = String)]
    id: Uuid,
    /// The messages of this id, in the order in which they came: each system may have
    /// one, and what was not admitted is here as well.
    mensajes: Vec<Historia>,
    /// What was told of this id before there was such a message.
    sin_mensaje: Vec<Paso>,
}

/// La historia de un mensaje: cada paso con su hora, y cuánto duró cada etapa.
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "El UUID del mensaje.")),
    responses(
        (status = 200, description = "Lo que se sabe de él.", body = Historias),
        (status = 400, description = "No es un UUID.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No se sabe nada de él.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn story(
    _: Reader,
    request: HttpRequest,
    id: Path<String>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = id
        .parse()
        .map_err(|error| Problem::malformed(format!("La dirección no es válida: {error}.")))?;
    let stories = stories(id, &store).await.map_err(|error| unavailable(&request, &error))?;
    if stories.mensajes.is_empty() && stories.sin_mensaje.is_empty() {
        return Err(unknown());
    }
    Ok(HttpResponse::Ok().json(stories))
}

async fn stories(id: MessageId, store: &Store) -> Result<Historias, StoreError> {
    let mut notices = store.notices(id).await?;
    let mut mensajes = Vec::new();
    for message in store.messages(id).await? {
        let (own, others) = notices.into_iter().partition(|notice| notice.key == Some(message.key));
        notices = others;
        mensajes.push(tell(message, own));
    }
    let sin_mensaje = notices.into_iter().map(told).collect();
    Ok(Historias { id: id.as_uuid(), mensajes, sin_mensaje })
}

fn unknown() -> Problem {
    let detail = "Aquí no se sabe nada de ese mensaje: no ha llegado al proxy. Si acaba de \
                  publicarse, puede estar en la cola «cola_auditoria».";
    Problem::new(StatusCode::NOT_FOUND, "mensaje-desconocido", "Mensaje desconocido", detail)
}
