//! `GET /mensajes`: the messages that are asked for, page by page.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Query, ServiceConfig},
};
use serde::Serialize;
use service_kit::{
    Problem,
    problem::{FieldError, ProblemBody},
};
use utoipa::{OpenApi, ToSchema};

use super::{access::Reader, searches::SearchGate, unavailable};
use crate::{
    find::{Results, find},
    search::{Fault, Filter, Page, Parameters, page::cursor},
    store::{Purpose, Store, TextSearch},
    summary::Resumen,
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(search))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/mensajes").route(web::get().to(search)));
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
struct Encontrados {
    /// In the order asked for.
    mensajes: Vec<Resumen>,
    /// What to give as `pagina` for the next ones; none where there are no more. The
    /// page may be short, or empty, and not the last.
    siguiente: Option<String>,
    /// Where the page ended before it was full and there may be more: how many messages
    /// were looked at for it.
    mirados: Option<usize>,
}

/// Los mensajes que cumplen todo lo que se pide, también los no admitidos, por páginas. Con un solo
/// campo, el índice da la página llena. Con varios se miran como mucho 1.000 mensajes del más raro de
/// ellos, y con `texto` como mucho 2.000 cargas (u 8 MiB): entonces la página puede quedar corta o
/// vacía sin ser la última; `mirados` dice cuántos fueron y `siguiente` continúa. `texto` busca, sin
/// distinguir mayúsculas ni formas normales de Unicode, en los textos, nombres y números de las cargas
/// JSON que aún se guardan, tal como se muestran: lo que una regla oculta no se mira. Quién buscó qué
/// texto queda escrito (`GET /busquedas`), y cada cuenta puede hacerlo 30 veces seguidas y después una
/// cada 2 s.
#[utoipa::path(
    get,
    path = "/mensajes",
    params(
        ("id" = Option<String>, Query, description = "El UUID."),
        ("correlacion" = Option<String>, Query, description = "A qué pertenece."),
        ("origen" = Option<String>, Query, description = "El sistema de origen."),
        ("destino" = Option<String>, Query, description = "El sistema de destino."),
        ("tipo" = Option<String>, Query, description = "La clase de mensaje."),
        ("estado" = Option<String>, Query, description = "El estado de ahora.", example = "error"),
        ("desde" = Option<String>, Query, description = "Recibidos a esta hora o después (RFC 3339).", format = DateTime),
        ("hasta" = Option<String>, Query, description = "Recibidos antes de esta hora.", format = DateTime),
        ("texto" = Option<String>, Query, description = "Un texto de 2 a 200 caracteres en su carga JSON."),
        ("orden" = Option<String>, Query, description = "`recientes` (por defecto) o `antiguos`, según cuándo se recibieron."),
        ("limite" = Option<usize>, Query, description = "Mensajes por página; por defecto 50.", minimum = 1, maximum = 500),
        ("pagina" = Option<String>, Query, description = "El valor `siguiente` de la página anterior de la misma búsqueda."),
    ),
    responses(
        (status = 200, description = "Una página; es la última si `siguiente` es nulo.", body = Encontrados),
        (status = 400, description = "Parámetros desconocidos o no válidos; `errores` los nombra.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Demasiadas búsquedas de texto; `Retry-After` dice cuándo.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn search(
    Reader(account): Reader,
    request: HttpRequest,
    store: Data<Store>,
    gate: Data<SearchGate>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let filter = Filter::take(&mut parameters);
    let page = Page::take(&mut parameters, &filter);
    parameters.done().map_err(faulty)?;
    if let Some(text) = &filter.text {
        let search = TextSearch { account: &account.name, text, purpose: Purpose::List };
        gate.pass(search, &store, &request).await?;
    }
    let found = find(&store, &filter, &page).await;
    let Results { entries, next, looked_at } =
        found.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(Encontrados {
        mensajes: entries.into_iter().map(Resumen::from).collect(),
        siguiente: next.map(|key| cursor(key, &filter, page.order)),
        mirados: looked_at,
    }))
}

/// The parameters of a URL.
pub(super) fn parameters(request: &HttpRequest) -> Result<Parameters, Problem> {
    let read = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let given =
        read.map_err(|_| Problem::malformed("Los parámetros de la URL no se pueden leer."))?;
    Ok(Parameters::new(given.into_inner()))
}

/// The problem of faulty parameters, each by its name.
pub(super) fn faulty(faults: Vec<Fault>) -> Problem {
    let named: Vec<_> = faults.iter().map(|fault| format!("«{}»", fault.parameter)).collect();
    let detail = format!("Corrija estos parámetros: {}.", named.join(", "));
    let errors = faults
        .into_iter()
        .map(|Fault { parameter, what }| FieldError { donde: parameter, detalle: what });
    Problem::new(StatusCode::BAD_REQUEST, "parametros", "Parámetros no válidos", detail)
        .with_errors(errors.collect())
}
