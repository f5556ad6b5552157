//! `GET /consultas`: who was shown which payload, for administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use jiff::Timestamp;
use messages::MessageId;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{
    access::Administrator,
    recorded::{RecordedPage, key},
    search::{faulty, parameters},
    unavailable,
};
use crate::store::{Seen, Store};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(lookups))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/consultas").route(web::get().to(lookups)));
}

/// A page of lookups.
#[derive(Serialize, ToSchema)]
struct Consultas {
    /// The latest first.
    consultas: Vec<Consulta>,
    /// What to give as `pagina` for the next ones; none where there are no more.
    siguiente: Option<String>,
}

/// Somebody who was shown a payload.
#[derive(Serialize, ToSchema)]
struct Consulta {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    a_las: Timestamp,
    /// Who.
    cuenta: String,
    /// The message's UUID.
    #[schema(value_type = Option<String>)]
    mensaje: Option<Uuid>,
    /// What it is known by here.
    clave: String,
    /// The system that it is from.
    origen: Option<String>,
    /// What kind of message it is.
    tipo: Option<String>,
    /// The first byte that was shown, from 0.
    desde: i64,
    /// How many were.
    bytes: i64,
}

impl From<Seen> for Consulta {
    fn from(seen: Seen) -> Self {
        Self {
            a_las: seen.key.received(),
            cuenta: seen.account,
            mensaje: seen.message.map(MessageId::as_uuid),
            clave: seen.message_key.to_string(),
            origen: seen.source,
            tipo: seen.kind,
            desde: seen.first_byte,
            bytes: seen.bytes,
        }
    }
}

/// Quién miró qué carga y cuándo, lo último primero.
#[utoipa::path(
    get,
    path = "/consultas",
    params(
        ("cuenta" = Option<String>, Query, description = "Solo las de esta cuenta."),
        ("clave" = Option<String>, Query, description = "Solo las del mensaje con esta `clave`."),
        ("limite" = Option<usize>, Query, description = "Por página; por defecto 50.", minimum = 1, maximum = 500),
        ("pagina" = Option<String>, Query, description = "El valor `siguiente` de la página anterior."),
    ),
    responses(
        (status = 200, description = "Una página; es la última si `siguiente` es nulo.", body = Consultas),
        (status = 400, description = "Parámetros desconocidos o no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn lookups(
    _: Administrator,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let asked = RecordedPage::take(&mut parameters);
    let message = parameters.take("clave", key);
    parameters.done().map_err(faulty)?;

    let seen = store.seen(asked.account.as_deref(), message, asked.before, asked.one_more()).await;
    let seen = seen.map_err(|error| unavailable(&request, &error))?;
    let (seen, siguiente) = asked.page(seen, |seen| seen.key);
    let consultas = seen.into_iter().map(Consulta::from).collect();
    Ok(HttpResponse::Ok().json(Consultas { consultas, siguiente }))
}
