//! `/tokens`: programs that may ask, kept by administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, clock, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::{access::Administrator, unavailable};
use crate::{
    access::{AccountName, Role, Secret},
    store::{KeptToken, Store},
};

/// Longest body, in bytes.
const MAX_BODY: usize = 4096;

/// Days that a token is worth something at most: whoever wants longer makes another in
/// time, so that one that nobody remembers ends.
const MAX_DAYS: u16 = 366;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(list, make, revoke))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(web::resource("/tokens").route(web::get().to(list)).route(web::post().to(make)))
        .service(web::resource("/tokens/{id}").route(web::delete().to(revoke)));
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "nombre": "informes", "rol": "lector", "dias": 90 }))]
struct TokenNuevo {
    /// Cómo se llama el programa; que no se llame así otro.
    #[schema(value_type = String, max_length = 64, pattern = "^[a-z0-9_.-]+$")]
    nombre: AccountName,
    /// Lo que puede.
    rol: Role,
    /// Cuántos días vale.
    #[schema(minimum = 1, maximum = 366)]
    dias: u16,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct TokenHecho {
    /// Para la cabecera «Authorization: Bearer …»; no se vuelve a mostrar.
    token: String,
    /// Lo demás.
    #[serde(flatten)]
    datos: DatosDeToken,
}

/// Body of `/tokens`.
#[derive(Serialize, ToSchema)]
struct Tokens {
    /// Los que valen, por nombre.
    tokens: Vec<DatosDeToken>,
}

/// What is said of a token.
#[derive(Serialize, ToSchema)]
struct DatosDeToken {
    /// Para revocarlo.
    #[schema(value_type = String)]
    id: Uuid,
    /// Cómo se llama el programa.
    #[schema(value_type = String)]
    nombre: AccountName,
    /// Lo que puede.
    rol: Role,
    /// Quién lo creó.
    creado_por: String,
    /// Cuándo.
    #[schema(value_type = String, format = DateTime)]
    creado: Timestamp,
    /// Hasta cuándo vale.
    #[schema(value_type = String, format = DateTime)]
    caduca: Timestamp,
}

/// Los tokens de programas que valen, sin los tokens mismos.
#[utoipa::path(
    get,
    path = "/tokens",
    responses((status = 200, description = "Los tokens.", body = Tokens))
)]
async fn list(
    _: Administrator,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let tokens = store.tokens(clock::now()).await;
    let tokens = tokens.map_err(|error| unavailable(&request, &error))?;
    Ok(HttpResponse::Ok().json(Tokens { tokens: tokens.into_iter().map(Into::into).collect() }))
}

/// Crea un token para un programa. Es de él, no de quien lo crea: vale hasta que caduque o se revoque.
#[utoipa::path(
    post,
    path = "/tokens",
    request_body(content = TokenNuevo, content_type = "application/json"),
    responses(
        (status = 201, description = "El token, que solo se muestra aquí.", body = TokenHecho),
        (status = 400, description = "Mal formada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Ya hay uno de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn make(
    Administrator(administrator): Administrator,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let TokenNuevo { nombre, rol, dias } = body::json_object(&request, payload, MAX_BODY).await?;
    let created = clock::now();
    let expires = created.saturating_add(lasting(dias)?);
    let token = KeptToken {
        id: Uuid::now_v7(),
        name: nombre,
        role: rol,
        maker: administrator.name,
        created,
        expires: expires.map_err(|error| Problem::internal(&error))?,
    };
    let secret = Secret::random().map_err(|error| Problem::internal(&error))?;
    let added = store.add_token(&token, &secret.digest()).await;
    if !added.map_err(|error| unavailable(&request, &error))? {
        return Err(taken(&token.name));
    }
    log::info!("{} made the token {} of {}, {rol}", token.maker, token.id, token.name);
    let token = TokenHecho { token: secret.reveal().to_owned(), datos: token.into() };
    Ok(HttpResponse::Created().json(token))
}

/// Revoca un token: deja de valer en el acto.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    params(("id" = String, Path, description = "El UUID del token.")),
    responses(
        (status = 204, description = "Revocado."),
        (status = 400, description = "No es un UUID.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No hay tal token.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn revoke(
    Administrator(administrator): Administrator,
    id: Path<String>,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let id: Uuid = id.parse().map_err(|_| {
        Problem::malformed("La dirección no es válida: se revoca por el «id» del token, un UUID.")
    })?;
    let revoked = store.revoke_token(id).await;
    if !revoked.map_err(|error| unavailable(&request, &error))? {
        return Err(unknown(id));
    }
    log::info!("{} revoked the token {id}", administrator.name);
    Ok(HttpResponse::NoContent().finish())
}

impl From<KeptToken> for DatosDeToken {
    fn from(token: KeptToken) -> Self {
        let KeptToken { id, name, role, maker, created, expires } = token;
        Self { id, nombre: name, rol: role, creado_por: maker, creado: created, caduca: expires }
    }
}

fn lasting(days: u16) -> Result<SignedDuration, Problem> {
    if (1..=MAX_DAYS).contains(&days) {
        return Ok(SignedDuration::from_hours(24 * i64::from(days)));
    }
    Err(Problem::unacceptable(format!(
        "«dias» debe estar entre 1 y {MAX_DAYS}; se recibió {days}."
    )))
}

fn taken(name: &AccountName) -> Problem {
    let detail = format!(
        "Ya hay un token que se llama «{name}». Revóquelo antes, o elija otro nombre para que los \
         dos valgan mientras el programa cambia."
    );
    Problem::new(StatusCode::CONFLICT, "token-repetido", "Token repetido", detail)
}

fn unknown(id: Uuid) -> Problem {
    let detail = format!("No hay ningún token {id}: se revocó, o nunca lo hubo.");
    Problem::new(StatusCode::NOT_FOUND, "token-desconocido", "Token desconocido", detail)
}
