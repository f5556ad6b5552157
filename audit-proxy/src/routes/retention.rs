//! `/retencion`: how long what is kept.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use messages::MessageKind;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::{Administrator, Reader},
    unavailable,
};
use crate::{
    keep::Bell,
    retention::{Kept, Rule, Rules, SizeLimits},
    store::Store,
};

/// In the place of a kind: all without a rule of their own.
const GENERAL: &str = "*";

/// Longest body, in bytes.
const MAX_BODY: usize = 1024;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(retention, set_sizes, set_retention, remove_retention))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    let all =
        web::resource("/retencion").route(web::get().to(retention)).route(web::put().to(set_sizes));
    let of_kind = web::resource("/retencion/{tipo}")
        .route(web::put().to(set_retention))
        .route(web::delete().to(remove_retention));
    routes.service(all).service(of_kind);
}

/// Body of `/retencion`.
#[derive(Serialize, ToSchema)]
struct Retencion {
    /// By kind, the general one first. Without any, everything is kept for ever.
    reglas: Vec<Regla>,
    /// Bytes that all payloads may take; null without a limit.
    contenido_bytes_max: Option<i64>,
    /// Bytes that everything may take; null without a limit.
    bytes_max: Option<i64>,
    /// How much there is, where there is a limit; null without one.
    guardado: Option<Guardado>,
}

/// How much is kept, as far as it is counted: the last minute is not.
#[derive(Serialize, ToSchema)]
struct Guardado {
    /// Messages.
    mensajes: i64,
    /// Bytes of all payloads.
    contenido_bytes: i64,
    /// Bytes of everything: a message counts as its payload and 1024 bytes.
    bytes: i64,
}

/// Body of `PUT /retencion`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Topes {
    /// Bytes that all payloads may take; over it the oldest go.
    #[schema(minimum = 1)]
    contenido_bytes_max: Option<i64>,
    /// Bytes that everything may take; over it the oldest payloads go, then the oldest
    /// messages.
    #[schema(minimum = 1)]
    bytes_max: Option<i64>,
}

/// How long the messages of a kind are kept, by when the proxy received them.
#[derive(Serialize, ToSchema)]
struct Regla {
    /// The kind, or `*` for all kinds without a rule of their own.
    tipo: String,
    /// Days until the payload goes; null where it goes with its message.
    contenido_dias: Option<i64>,
    /// Days until the message goes, with its notifications; null where it never does.
    mensaje_dias: Option<i64>,
}

/// Body of `PUT /retencion/{tipo}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Plazos {
    /// Days until the payload goes, no more than `mensaje_dias`.
    #[schema(minimum = 1, maximum = 36500)]
    contenido_dias: Option<i64>,
    /// Days until the message goes.
    #[schema(minimum = 1, maximum = 36500)]
    mensaje_dias: Option<i64>,
}

impl Regla {
    fn new(kind: Option<&MessageKind>, rule: Rule) -> Self {
        Self {
            tipo: kind.map_or(GENERAL, MessageKind::as_str).to_owned(),
            contenido_dias: rule.payload_days(),
            mensaje_dias: rule.message_days(),
        }
    }
}

impl Retencion {
    fn new(Rules { general, of_kinds }: Rules, sizes: Option<(SizeLimits, Kept)>) -> Self {
        let general = general.map(|rule| Regla::new(None, rule));
        let own = of_kinds.iter().map(|(kind, rule)| Regla::new(Some(kind), *rule));
        let (limits, kept) = sizes.unzip();
        let limits = limits.unwrap_or_default();
        Self {
            reglas: general.into_iter().chain(own).collect(),
            contenido_bytes_max: limits.payload_bytes,
            bytes_max: limits.bytes,
            guardado: kept.map(|kept| Guardado {
                mensajes: kept.messages,
                contenido_bytes: kept.payload_bytes,
                bytes: kept.bytes(),
            }),
        }
    }
}

/// Cuánto se guarda cada tipo de mensaje. Sin reglas se guarda todo, para siempre.
#[utoipa::path(
    get,
    path = "/retencion",
    responses(
        (status = 200, description = "Las reglas.", body = Retencion),
        (status = 401, description = "Hace falta un token.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn retention(
    _: Reader,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    answer(&request, &store).await
}

/// All rules and limits, as they are now.
async fn answer(request: &HttpRequest, store: &Store) -> Result<HttpResponse, Problem> {
    let rules = store.retention().await.map_err(|error| unavailable(request, &error))?;
    let sizes = store.size_limits().await.map_err(|error| unavailable(request, &error))?;
    Ok(HttpResponse::Ok().json(Retencion::new(rules, sizes)))
}

/// Fija cuánto puede ocuparse; lo que no se indica queda sin tope. Por encima se retiran los
/// contenidos más antiguos y, si el tope de todo lo pide, los mensajes más antiguos.
#[utoipa::path(
    put,
    path = "/retencion",
    request_body = Topes,
    responses(
        (status = 200, description = "Las reglas y los topes.", body = Retencion),
        (status = 400, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Hace falta ser administrador.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No pueden ser los topes.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn set_sizes(
    Administrator(account): Administrator,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    bell: Data<Bell>,
) -> Result<HttpResponse, Problem> {
    let Topes { contenido_bytes_max, bytes_max } =
        body::json_object(&request, payload, MAX_BODY).await?;
    if contenido_bytes_max.into_iter().chain(bytes_max).any(|bytes| bytes < 1) {
        return Err(Problem::unacceptable("Un tope es de 1 byte como mínimo."));
    }
    let limits = SizeLimits { payload_bytes: contenido_bytes_max, bytes: bytes_max };
    let set = store.set_size_limits(limits).await;
    set.map_err(|error| unavailable(&request, &error))?;
    log::info!("{} set the limits of size: {limits:?}", account.name);
    bell.ring();
    answer(&request, &store).await
}

/// Fija cuánto se guardan los mensajes de un tipo («*»: los tipos sin regla propia). Con el
/// mensaje se olvida su identificador: si después llegara otra vez, sería un mensaje nuevo.
/// Lo que espera a ser reenviado no se retira.
#[utoipa::path(
    put,
    path = "/retencion/{tipo}",
    params(("tipo" = String, Path, description = "El tipo, o «*».")),
    request_body = Plazos,
    responses(
        (status = 200, description = "La regla.", body = Regla),
        (status = 400, description = "No es JSON, o no puede ser un tipo.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Hace falta ser administrador.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No puede ser una regla.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn set_retention(
    Administrator(account): Administrator,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
    store: Data<Store>,
    bell: Data<Bell>,
) -> Result<HttpResponse, Problem> {
    let kind = parsed(&kind)?;
    let Plazos { contenido_dias, mensaje_dias } =
        body::json_object(&request, payload, MAX_BODY).await?;
    let rule = Rule::new(contenido_dias, mensaje_dias)
        .map_err(|error| Problem::unacceptable(format!("No puede ser una regla: {error}.")))?;
    let set = store.set_retention(kind.as_ref(), rule).await;
    set.map_err(|error| unavailable(&request, &error))?;
    let regla = Regla::new(kind.as_ref(), rule);
    log::info!("{} set the retention of {}: {rule:?}", account.name, regla.tipo);
    bell.ring();
    Ok(HttpResponse::Ok().json(regla))
}

/// Quita la regla de un tipo: desde entonces rige la de «*», si la hay.
#[utoipa::path(
    delete,
    path = "/retencion/{tipo}",
    params(("tipo" = String, Path, description = "El tipo, o «*».")),
    responses(
        (status = 204, description = "Ya no hay regla."),
        (status = 403, description = "Hace falta ser administrador.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No la había.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn remove_retention(
    Administrator(account): Administrator,
    request: HttpRequest,
    kind: Path<String>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let wanted = parsed(&kind)?;
    let removed = store.remove_retention(wanted.as_ref()).await;
    if removed.map_err(|error| unavailable(&request, &error))? {
        log::info!("{} removed the retention of {kind}", account.name);
        return Ok(HttpResponse::NoContent().finish());
    }
    let detail = format!("No hay regla para «{kind}».");
    Err(Problem::new(StatusCode::NOT_FOUND, "regla-desconocida", "Regla desconocida", detail))
}

fn parsed(kind: &str) -> Result<Option<MessageKind>, Problem> {
    if kind == GENERAL {
        return Ok(None);
    }
    let kind = kind.parse().map_err(|error| {
        Problem::malformed(format!("La dirección no es válida: {error}; «*» son todos."))
    })?;
    Ok(Some(kind))
}
