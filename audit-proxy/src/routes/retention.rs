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
    retention::{Rule, Rules},
    store::Store,
};

/// In the place of a kind: all without a rule of their own.
const GENERAL: &str = "*";

/// Longest body, in bytes.
const MAX_BODY: usize = 1024;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(retention, set_retention, remove_retention))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/retencion").route(web::get().to(retention))).service(
        web::resource("/retencion/{tipo}")
            .route(web::put().to(set_retention))
            .route(web::delete().to(remove_retention)),
    );
}

/// Body of `/retencion`.
#[derive(Serialize, ToSchema)]
struct Retencion {
    /// By kind, the general one first. Without any, everything is kept for ever.
    reglas: Vec<Regla>,
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

impl From<Rules> for Retencion {
    fn from(Rules { general, of_kinds }: Rules) -> Self {
        let general = general.map(|rule| Regla::new(None, rule));
        let own = of_kinds.iter().map(|(kind, rule)| Regla::new(Some(kind), *rule));
        Self { reglas: general.into_iter().chain(own).collect() }
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
    let rules = store.retention().await.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(Retencion::from(rules)))
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
