//! `GET /eventos`: the events counted last.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::ToSchema;

use super::{query::event_limit, unavailable};
use crate::store::{LatestEvent, Store};

/// Body of `/eventos`.
#[derive(Serialize, ToSchema)]
struct LatestEvents {
    /// Newest first.
    eventos: Vec<LatestEvent>,
}

/// Los últimos eventos contados, del más nuevo al más antiguo.
#[utoipa::path(
    get,
    path = "/eventos",
    params(("limite" = Option<i64>, Query, description = "Cuántos.", minimum = 1, maximum = 50)),
    responses(
        (status = 200, description = "Los últimos eventos.", body = LatestEvents),
        (status = 400, description = "Parámetros no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Parámetros fuera de rango.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let limit = event_limit(&request)?;
    let eventos = store.latest(limit).await.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(web::Json(LatestEvents { eventos })))
}
