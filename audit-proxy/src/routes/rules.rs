//! `/reglas`: what of payloads nobody is shown, kept by administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use jiff::Timestamp;
use messages::MessageKind;
use serde::{Deserialize, Serialize};
use service_kit::{
    Problem, body,
    problem::{FieldError, ProblemBody},
};
use utoipa::{OpenApi, ToSchema};

use super::{access::Administrator, unavailable};
use crate::{
    redact::{ALL, MAX_PLACE_LENGTH, Place},
    store::{RuleSet, Store},
};

/// Places that a rule has at most.
const MAX_PLACES: usize = 100;

/// Bytes of the body of a rule.
const MAX_BODY: usize = MAX_PLACES * (MAX_PLACE_LENGTH * 6 + 10);

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(list, read, change, remove))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes.service(web::resource("/reglas").route(web::get().to(list))).service(
        web::resource("/reglas/{tipo}")
            .route(web::get().to(read))
            .route(web::put().to(change))
            .route(web::delete().to(remove)),
    );
}

/// Body of `/reglas`.
#[derive(Serialize, ToSchema)]
struct Reglas {
    /// By kind, that of all kinds first.
    reglas: Vec<Regla>,
}

/// What is hidden in payloads of one kind, or of all.
#[derive(Serialize, ToSchema)]
struct Regla {
    /// The kind of message, or `*` for all, whatever is hidden in some of them.
    tipo: String,
    /// JSON Pointers (`/tarjeta/numero`), and names of fields, hidden wherever they are;
    /// whatever the case and the Unicode normal form of their names.
    ocultos: Vec<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    cambiada: Timestamp,
    /// Who said so.
    por: String,
}

/// Body of a change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NuevaRegla {
    /// From 1 to 100 places: JSON Pointers, which begin with `/`, or names of fields.
    ocultos: Vec<String>,
}

impl From<RuleSet> for Regla {
    fn from(rule: RuleSet) -> Self {
        Self {
            tipo: rule.kind.map_or_else(|| ALL.to_owned(), String::from),
            ocultos: rule.places.iter().map(|place| place.as_str().to_owned()).collect(),
            cambiada: rule.changed,
            por: rule.changed_by,
        }
    }
}

/// Lo que se oculta de las cargas: de todas («*»), y además de las de cada tipo. El tipo se compara sin
/// distinguir mayúsculas ni espacios; a un mensaje que no dice ninguno que pueda serlo se le aplican
/// todas las reglas. También se oculta en el JSON que va dentro de un texto JSON. Lo que no se oculta se
/// ve tal como vino.
#[utoipa::path(
    get,
    path = "/reglas",
    responses(
        (status = 200, description = "Todas las reglas.", body = Reglas),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list(
    _: Administrator,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let sets = store.rule_sets().await.map_err(|error| unavailable(&request, &error))?;
    let reglas = sets.into_iter().map(Regla::from).collect();
    Ok(HttpResponse::Ok().json(Reglas { reglas }))
}

/// Lo que se oculta de las cargas de un tipo, o de todas («*»).
#[utoipa::path(
    get,
    path = "/reglas/{tipo}",
    params(("tipo" = String, Path, description = "El tipo de mensaje, o «*».")),
    responses(
        (status = 200, description = "La regla.", body = Regla),
        (status = 404, description = "No hay regla para este tipo.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn read(
    _: Administrator,
    request: HttpRequest,
    kind: Path<String>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let kind = self::kind(kind)?;
    let sets = store.rule_sets().await.map_err(|error| unavailable(&request, &error))?;
    let rule =
        sets.into_iter().find(|rule| rule.kind == kind).ok_or_else(|| no_rule(kind.as_ref()))?;
    Ok(HttpResponse::Ok().json(Regla::from(rule)))
}

/// Cambia lo que se oculta de las cargas de un tipo, o de todas («*»), también de las que ya se guardan.
#[utoipa::path(
    put,
    path = "/reglas/{tipo}",
    params(("tipo" = String, Path, description = "El tipo de mensaje, o «*».")),
    request_body = NuevaRegla,
    responses(
        (status = 200, description = "La regla que vale desde ahora.", body = Regla),
        (status = 422, description = "No es una regla; `errores` nombra cada lugar por su posición.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change(
    Administrator(account): Administrator,
    request: HttpRequest,
    kind: Path<String>,
    payload: Payload,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let kind = self::kind(kind)?;
    let NuevaRegla { ocultos } = body::json_object(&request, payload, MAX_BODY).await?;
    let mut places = places(&ocultos)?;
    places.sort();
    places.dedup();
    let rule = RuleSet { kind, places, changed: Timestamp::now(), changed_by: account.name };
    store.set_rule(&rule).await.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(Regla::from(rule)))
}

/// Quita la regla de un tipo, o la de todos («*»).
#[utoipa::path(
    delete,
    path = "/reglas/{tipo}",
    params(("tipo" = String, Path, description = "El tipo de mensaje, o «*».")),
    responses(
        (status = 204, description = "Ya no hay regla."),
        (status = 404, description = "No la había.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn remove(
    _: Administrator,
    request: HttpRequest,
    kind: Path<String>,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let kind = self::kind(kind)?;
    let removed =
        store.remove_rule(kind.as_ref()).await.map_err(|error| unavailable(&request, &error))?;
    if removed { Ok(HttpResponse::NoContent().finish()) } else { Err(no_rule(kind.as_ref())) }
}

fn kind(text: Path<String>) -> Result<Option<MessageKind>, Problem> {
    let text = text.into_inner();
    let kind = (text != ALL).then(|| text.try_into()).transpose();
    kind.map_err(|error| {
        Problem::malformed(format!("El tipo no es válido: {error}; «*» son todos."))
    })
}

fn places(texts: &[String]) -> Result<Vec<Place>, Problem> {
    if !(1..=MAX_PLACES).contains(&texts.len()) {
        let detail = format!("«ocultos» admite de 1 a {MAX_PLACES} lugares.");
        return Err(Problem::unacceptable(detail));
    }
    let (mut places, mut errors) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        match Place::read(text) {
            Ok(place) => places.push(place),
            Err(detalle) => errors.push(FieldError { donde: format!("ocultos[{index}]"), detalle }),
        }
    }
    if errors.is_empty() {
        return Ok(places);
    }
    Err(Problem::unacceptable("Corrija los lugares que nombra «errores».").with_errors(errors))
}

fn no_rule(kind: Option<&MessageKind>) -> Problem {
    let kind = kind.map_or(ALL, MessageKind::as_str);
    let detail = format!("No hay regla para «{kind}».");
    Problem::new(StatusCode::NOT_FOUND, "sin-regla", "No hay regla", detail)
}
