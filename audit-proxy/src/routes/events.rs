//! `GET /eventos`: what applications say of their own work, and what of it was lost.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use jiff::Timestamp;
use messages::LogLevel;
use serde::{
    Deserialize, Serialize,
    de::{
        IntoDeserializer,
        value::{self, StrDeserializer},
    },
};
use serde_json::value::RawValue;
use service_kit::{Problem, clock::moment, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::Reader,
    search::{faulty, parameters},
    unavailable,
};
use crate::{
    redact::Rules,
    search::parameters::whole,
    store::{KeptLogEvent, Key, LogPage, LogQuery, LogStore, Store, TellableLoss},
};

/// Events on a page where nothing is asked.
const DEFAULT_LIMIT: usize = 100;

/// Events on a page at most.
const MAX_LIMIT: usize = 1000;

/// Longest text that is looked for, in characters.
const MAX_TEXT: usize = 200;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(events))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/eventos").route(web::get().to(events)));
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
        ("limite" = Option<i64>, Query, description = "Cuántos como mucho; la página acaba antes si son muy largos, y `siguiente` continúa.", minimum = 1, maximum = 1000),
        ("pagina" = Option<String>, Query, description = "«siguiente» de la página anterior."),
    ),
    responses(
        (status = 200, description = "Una página.", body = Pagina),
        (status = 400, description = "Parámetros desconocidos o no válidos; `errores` los nombra.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "Hace falta un token.", body = ProblemBody, content_type = "application/problem+json"),
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
    let mut parameters = parameters(request)?;
    let key = |text: &str| text.parse().map_err(|_| "no es el «siguiente» de otra página");
    let limit = parameters.take("limite", |text| whole(text, 1, MAX_LIMIT));
    let query = LogQuery {
        system: parameters.take("sistema", str::parse),
        level: parameters.take("nivel", level).unwrap_or(LogLevel::Trace),
        since: parameters.take("desde", moment),
        until: parameters.take("hasta", moment),
        text: parameters.take("texto", said),
        before: parameters.take("pagina", key).map(|key: i64| Key::from(key)),
        limit: limit.unwrap_or(DEFAULT_LIMIT).try_into().unwrap_or(i64::MAX),
    };
    parameters.done().map_err(faulty)?;
    Ok(query)
}

fn level(text: &str) -> Result<LogLevel, &'static str> {
    let word: StrDeserializer<'_, value::Error> = text.into_deserializer();
    LogLevel::deserialize(word).map_err(|_| "debe ser traza, depuracion, info, aviso o error")
}

fn said(text: &str) -> Result<String, String> {
    let fits = text.chars().count() <= MAX_TEXT && !text.contains('\0');
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("admite hasta {MAX_TEXT} caracteres, y ningún NUL"))
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(text: &str) -> Result<LogQuery, String> {
        let request = TestRequest::with_uri(&format!("/eventos?{text}")).to_http_request();
        query(&request).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_is_asked_is_read_or_named() {
        let all = asked("").expect("all");
        assert_eq!((all.level, all.limit), (LogLevel::Trace, 100));
        let some = asked("nivel=aviso&sistema=redmine&pagina=7&limite=1000").expect("some");
        assert_eq!((some.level, some.limit), (LogLevel::Warning, 1000));
        assert_eq!((some.before, some.text), (Some(Key::from(7)), None));
        for (text, name) in [
            ("nivel=grave", "«nivel»"),
            ("sistema=%3Cb%3E", "«sistema»"),
            ("limite=1001", "«limite»"),
            ("texto=a%00b", "«texto»"),
            ("pagina=x", "«pagina»"),
            ("desde=ayer", "«desde»"),
            ("otro=1", "«otro»"),
        ] {
            let refused = asked(text).expect_err(text);
            assert!(refused.contains(name), "{refused}");
        }
    }
}
