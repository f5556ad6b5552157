//! `GET /eventos`: what applications say of their own work, and what of it was lost.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Query, ServiceConfig},
};
use jiff::Timestamp;
use messages::{LogLevel, SystemName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use service_kit::{Problem, clock::optional_moment, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{access::Reader, unavailable};
use crate::{
    redact::Rules,
    store::{KeptLogEvent, Key, LogPage, LogQuery, LogStore, Store, TellableLoss},
};

/// Events on a page where nothing is asked.
const DEFAULT_LIMIT: i64 = 100;

/// Events on a page at most.
const MAX_LIMIT: i64 = 1000;

/// Longest text that is looked for, in characters.
const MAX_TEXT: usize = 200;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(events))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/eventos").route(web::get().to(events)));
}

/// Parameters of `/eventos`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    sistema: Option<SystemName>,
    nivel: Option<LogLevel>,
    #[serde(default, deserialize_with = "optional_moment")]
    desde: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_moment")]
    hasta: Option<Timestamp>,
    texto: Option<String>,
    limite: Option<i64>,
    pagina: Option<i64>,
}

/// Body of `/eventos`.
#[derive(Serialize, ToSchema)]
struct Pagina {
    /// Newest first.
    eventos: Vec<Evento>,
    /// What was lost in the time that the page covers, the latest first.
    perdidos: Vec<Perdidos>,
    /// `pagina` of the next page; null on the last.
    siguiente: Option<String>,
}

/// What an application said.
#[derive(Serialize, ToSchema)]
struct Evento {
    /// When the proxy got it.
    #[schema(value_type = String, format = DateTime)]
    recibido: Timestamp,
    /// When it happened, by the clock of the system.
    #[schema(value_type = String, format = DateTime)]
    hora: Timestamp,
    /// The system that says so.
    sistema: String,
    /// `traza`, `depuracion`, `info`, `aviso` or `error`.
    #[schema(value_type = String)]
    nivel: LogLevel,
    /// What happened.
    texto: String,
    /// What it added, as it came but for what the rule of all kinds hides.
    #[schema(value_type = Option<Object>)]
    campos: Option<Box<RawValue>>,
}

/// Events that were lost between two moments.
#[derive(Serialize, ToSchema)]
struct Perdidos {
    /// Null where nobody can say.
    #[schema(value_type = Option<String>, format = DateTime)]
    desde: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    hasta: Timestamp,
    /// The system that they were from; null where nobody can say.
    sistema: Option<String>,
    /// `desbordado`, `malformado`, `demasiado_grande`, `no_admitido`; `cola_llena` where
    /// RabbitMQ dropped them: it does not count them.
    motivo: String,
    /// How many; null where nobody can say, and it may have been none.
    eventos: Option<i64>,
}

/// Los eventos de registro de las aplicaciones, del más nuevo al más antiguo, y cuántos
/// se perdieron. Las horas que se piden son las de su llegada.
#[utoipa::path(
    get,
    path = "/eventos",
    params(
        ("sistema" = Option<String>, Query, description = "Solo los de este sistema."),
        ("nivel" = Option<String>, Query, description = "Al menos de este nivel: traza, depuracion, info, aviso o error."),
        ("desde" = Option<String>, Query, description = "Llegados a esta hora o después (RFC 3339)."),
        ("hasta" = Option<String>, Query, description = "Llegados antes de esta hora."),
        ("texto" = Option<String>, Query, description = "Con esto en su texto, sin distinguir mayúsculas ni formas normales de Unicode; hasta 200 caracteres."),
        ("limite" = Option<i64>, Query, description = "Cuántos.", minimum = 1, maximum = 1000),
        ("pagina" = Option<String>, Query, description = "«siguiente» de la página anterior."),
    ),
    responses(
        (status = 200, description = "Una página.", body = Pagina),
        (status = 400, description = "Parámetros no válidos.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Hace falta un token.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Parámetros fuera de rango.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn events(
    _: Reader,
    request: HttpRequest,
    log_store: Data<LogStore>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let query = query(&request)?;
    let away = |error| unavailable(&request, &error);
    let page = log_store.search(&query).await.map_err(away)?;
    let rules = store.rules().await.map_err(away)?;
    Ok(HttpResponse::Ok().json(Pagina::new(page, &rules)))
}

fn query(request: &HttpRequest) -> Result<LogQuery, Problem> {
    let parsed = Query::<Parameters>::from_query(request.query_string());
    let Parameters { sistema, nivel, desde, hasta, texto, limite, pagina } =
        parsed.map(Query::into_inner).map_err(|error| {
            Problem::malformed(format!("Los parámetros de la URL no son válidos: {error}."))
        })?;
    let limit = limite.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("«limite» debe estar entre 1 y {MAX_LIMIT}; se recibió {limit}.");
        return Err(Problem::unacceptable(detail));
    }
    if texto.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT || text.contains('\0')) {
        let detail = format!("«texto» admite hasta {MAX_TEXT} caracteres, y ningún NUL.");
        return Err(Problem::unacceptable(detail));
    }
    Ok(LogQuery {
        system: sistema,
        level: nivel.unwrap_or(LogLevel::Trace),
        since: desde,
        until: hasta,
        text: texto.filter(|text| !text.is_empty()),
        before: pagina.map(Key::from),
        limit,
    })
}

impl Pagina {
    fn new(page: LogPage, rules: &Rules) -> Self {
        Self {
            eventos: page.events.into_iter().map(|event| Evento::new(event, rules)).collect(),
            perdidos: page.losses.into_iter().map(Perdidos::from).collect(),
            siguiente: page.next.map(|key| key.as_i64().to_string()),
        }
    }
}

impl Evento {
    fn new(event: KeptLogEvent, rules: &Rules) -> Self {
        let fields = event.fields.and_then(|fields| rules.shown_of_no_kind(fields).ok());
        Self {
            recibido: event.key.received(),
            hora: event.time,
            sistema: event.system.into(),
            nivel: event.level,
            texto: event.text,
            // It was JSON when it was kept.
            campos: fields.and_then(|fields| RawValue::from_string(fields).ok()),
        }
    }
}

impl From<TellableLoss> for Perdidos {
    fn from(TellableLoss { since, until, system, reason, events }: TellableLoss) -> Self {
        let sistema = system.map(String::from);
        Self { desde: since, hasta: until, sistema, motivo: reason, eventos: events }
    }
}
