//! Looking for a text in payloads: within bounds, and written down first. `GET /busquedas`
//! tells administrators who looked for what.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::Administrator,
    recorded::RecordedPage,
    search::{faulty, parameters},
    unavailable,
};
use crate::{
    search::allowance::{AT_ONCE, Allowances, EVERY},
    store::{Searched, Store, TextSearch},
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(searches))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/busquedas").route(web::get().to(searches)));
}

/// Lets text be looked for so often, and writes it down.
#[derive(Default)]
pub(super) struct SearchGate(Mutex<Allowances>);

impl SearchGate {
    /// Lets a search pass, or says why not.
    pub(super) async fn pass(
        &self,
        search: TextSearch<'_>,
        store: &Store,
        request: &HttpRequest,
    ) -> Result<(), Problem> {
        self.take(search.account)?;
        let recorded = store.record_search(search, Timestamp::now()).await;
        recorded.map_err(|error| unavailable(request, &error))
    }

    fn take(&self, account: &str) -> Result<(), Problem> {
        let mut allowances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        allowances.take(account, Instant::now()).map_err(|wait| {
            let detail = format!(
                "Ya van {AT_ONCE} búsquedas de texto seguidas de «{account}», y después una cada {} s. \
                 Espere, o busque por los demás campos, que no tienen límite.",
                EVERY.as_secs()
            );
            Problem::too_many("demasiadas-busquedas", detail, wait)
        })
    }
}

/// A page of searches.
#[derive(Serialize, ToSchema)]
struct Busquedas {
    /// The latest first.
    busquedas: Vec<Busqueda>,
    /// What to give as `pagina` for the next ones; none where there are no more.
    siguiente: Option<String>,
}

/// Somebody who looked for a text.
#[derive(Serialize, ToSchema)]
struct Busqueda {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    a_las: Timestamp,
    /// Who.
    cuenta: String,
    /// What for.
    texto: String,
    /// Why: `lista`, `fichero` or `reenvio`.
    para: String,
}

impl From<Searched> for Busqueda {
    fn from(searched: Searched) -> Self {
        Self {
            a_las: searched.key.received(),
            cuenta: searched.account,
            texto: searched.text,
            para: searched.purpose.as_str().to_owned(),
        }
    }
}

/// Quién buscó qué texto en las cargas y cuándo, lo último primero. Cada página de una búsqueda es una.
#[utoipa::path(
    get,
    path = "/busquedas",
    params(
        ("cuenta" = Option<String>, Query, description = "Solo las de esta cuenta."),
        ("limite" = Option<usize>, Query, description = "Por página; por defecto 50.", minimum = 1, maximum = 500),
        ("pagina" = Option<String>, Query, description = "El valor `siguiente` de la página anterior."),
    ),
    responses(
        (status = 200, description = "Una página; es la última si `siguiente` es nulo.", body = Busquedas),
        (status = 400, description = "Parámetros desconocidos o no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn searches(
    _: Administrator,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let asked = RecordedPage::take(&mut parameters);
    parameters.done().map_err(faulty)?;
    let found = store.searches(asked.account.as_deref(), asked.before, asked.one_more()).await;
    let found = found.map_err(|error| unavailable(&request, &error))?;
    let (found, siguiente) = asked.page(found, |searched| searched.key);
    let busquedas = found.into_iter().map(Busqueda::from).collect();
    Ok(HttpResponse::Ok().json(Busquedas { busquedas, siguiente }))
}
