//! `GET /contados`: which messages were counted, page by page.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use service_kit::{Problem, problem::ProblemBody};

use super::{query::ledger_query, unavailable};
use crate::store::{Ledger, Store};

/// Los identificadores de los mensajes contados, del más antiguo al más nuevo, para comparar uno a
/// uno lo confirmado con lo contado. Solo los que aún se recuerdan: los de la ventana de
/// deduplicación. Quien los quiera todos debe leer mientras no se cuenta nada: un mensaje nuevo del
/// segundo en curso puede quedar antes de un cursor ya entregado.
#[utoipa::path(
    get,
    path = "/contados",
    params(
        ("desde" = Option<String>, Query, description = "Contados en este segundo o después (RFC 3339, con `Z`; los decimales no cuentan). Por defecto, todos los que se recuerdan.", format = DateTime, example = "2025-04-13T12:00:00Z"),
        ("limite" = Option<i64>, Query, description = "Mensajes por página.", minimum = 1, maximum = 10_000, example = 1000),
        ("tras" = Option<String>, Query, description = "El valor `siguiente` de la página anterior."),
    ),
    responses(
        (status = 200, description = "Una página; `siguiente` es nulo si no está llena.", body = Ledger),
        (status = 400, description = "Parámetros no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Parámetros fuera de rango.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ledger(
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let query = ledger_query(&request)?;
    let ledger = store.ledger(&query).await.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(ledger))
}
