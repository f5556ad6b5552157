//! `GET /estadisticas`: how many messages there were, and how long they took.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, clock::moment, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::Reader,
    search::{faulty, parameters},
    unavailable,
};
use crate::{
    search::{Parameters, filter::short},
    statistics::{Day, Etapa, Periodo, Stage, periods},
    store::{Census, Counts, Store},
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(statistics))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/estadisticas").route(web::get().to(statistics)));
}

/// Body of `/estadisticas`.
#[derive(Serialize, ToSchema)]
struct Estadisticas {
    /// Where what was counted begins, where that was asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    desde: Option<Timestamp>,
    /// Where it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    hasta: Option<Timestamp>,
    /// Messages in all.
    mensajes: i64,
    /// By day, or by month where there are more than 62 days.
    periodos: Vec<Periodo>,
    /// By the state that they are in now.
    estados: Vec<Cuenta>,
    /// By source, the hundred with the most.
    origenes: Vec<Cuenta>,
    /// By destination, the same.
    destinos: Vec<Cuenta>,
    /// By kind, the same.
    tipos: Vec<Cuenta>,
    /// How long each stage took.
    etapas: Etapas,
}

/// How many messages have something.
#[derive(Serialize, ToSchema)]
struct Cuenta {
    /// What; empty where they did not say.
    nombre: String,
    /// How many.
    mensajes: i64,
}

/// How long each stage took.
#[derive(Serialize, ToSchema)]
struct Etapas {
    /// From its creation, by the clock of its source, until the proxy had it.
    llegada: Etapa,
    /// From then until its destination's queue had it.
    proxy: Etapa,
    /// From then until the proxy learnt of its first final state.
    proceso: Etapa,
}

/// Cuántos mensajes hubo y cuánto tardaron, en días enteros (UTC) según cuándo se recibieron. Se
/// cuentan a medida que llegan y cambian de estado: no se leen los mensajes, y los que la retención
/// borró siguen contados. Los percentiles tienen un error de hasta el 7 %, y en las tandas
/// de más de 50 mensajes salen de una muestra; no entran en ellos los
/// mensajes cuyos relojes se contradicen (`desfasados`).
#[utoipa::path(
    get,
    path = "/estadisticas",
    params(
        ("desde" = Option<String>, Query, description = "Desde el día de esta hora.", format = DateTime),
        ("hasta" = Option<String>, Query, description = "Hasta el día de esta hora, entero si no empieza en ella.", format = DateTime),
        ("origen" = Option<String>, Query, description = "Solo los de este sistema."),
        ("destino" = Option<String>, Query, description = "Solo los que van a este."),
    ),
    responses(
        (status = 200, description = "Las cuentas.", body = Estadisticas),
        (status = 400, description = "Parámetros desconocidos o no válidos; `errores` los nombra.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn statistics(
    _: Reader,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = parameters(&request)?;
    let census = census(&mut parameters);
    parameters.done().map_err(faulty)?;
    let counts = store.counts(&census).await.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(told(&census, counts)))
}

fn census(parameters: &mut Parameters) -> Census {
    let since = parameters.take("desde", moment).map(Day::of);
    let until = parameters.take("hasta", moment).map(Day::from_then_on);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        parameters.fault("hasta", "debe ser posterior a «desde»");
    }
    let (source, destination) =
        (parameters.take("origen", short), parameters.take("destino", short));
    Census { since, until, source, destination }
}

fn told(census: &Census, counts: Counts) -> Estadisticas {
    let Counts { days, states, sources, destinations, kinds, stages } = counts;
    let named = |counts: Vec<(String, i64)>| {
        counts.into_iter().map(|(nombre, mensajes)| Cuenta { nombre, mensajes }).collect()
    };
    let stage = |stage| stages.get(&stage).map_or_else(Etapa::default, |sizes| Etapa::of(sizes));
    Estadisticas {
        desde: census.since.map(Day::begin),
        hasta: census.until.map(Day::begin),
        mensajes: days.iter().map(|(_, count)| count).sum(),
        periodos: periods(&days),
        estados: named(states),
        origenes: named(sources),
        destinos: named(destinations),
        tipos: named(kinds),
        etapas: Etapas {
            llegada: stage(Stage::Arrival),
            proxy: stage(Stage::Proxy),
            proceso: stage(Stage::Processing),
        },
    }
}
