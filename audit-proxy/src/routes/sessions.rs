//! `/sesiones`: to log in, to see who one is, to log out, and to change one's password.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Payload, ServiceConfig},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, caller, clock, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::{AnyBearer, Session, unauthorized},
    unavailable,
};
use crate::{
    access::{AccountName, Checked, InvalidPassword, Password, Passwords, Role, Secret, Unchecked},
    store::{Bearer, Store},
};

/// How long a session lasts, whatever is done in it: a working day, after which a token
/// that somebody got hold of is worth nothing. One that lasted while it is used would
/// have to be written at each request, and could last for ever.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// Longest body, in bytes: two passwords of 128 characters, each escaped as JSON allows.
pub(super) const MAX_BODY: usize = 4096;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(open, current, close, change_password))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(web::resource("/sesiones").route(web::post().to(open)))
        .service(
            web::resource("/sesiones/actual")
                .route(web::get().to(current))
                .route(web::delete().to(close)),
        )
        .service(web::resource("/sesiones/actual/clave").route(web::put().to(change_password)));
}

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Entrada {
    /// El nombre de la cuenta.
    #[schema(value_type = String, max_length = 64, pattern = "^[a-z0-9_.-]+$")]
    cuenta: AccountName,
    /// Su clave.
    clave: String,
}

/// A session that was opened.
#[derive(Serialize, ToSchema)]
struct Abierta {
    /// Para la cabecera «Authorization: Bearer …»; no se vuelve a mostrar.
    token: String,
    /// De quién es.
    cuenta: String,
    /// Lo que puede ahora.
    rol: Role,
    /// Hasta cuándo vale.
    #[schema(value_type = String, format = DateTime)]
    caduca: Timestamp,
}

/// Who one is.
#[derive(Serialize, ToSchema)]
struct Actual {
    /// La cuenta; de un programa, `token:` y el nombre de su token.
    cuenta: String,
    /// Lo que puede ahora.
    rol: Role,
    /// Hasta cuándo vale el token.
    #[schema(value_type = String, format = DateTime)]
    caduca: Timestamp,
}

/// A password in place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CambioDeClave {
    /// La de ahora.
    clave: String,
    /// La nueva.
    #[schema(value_type = String, min_length = 12, max_length = 128)]
    nueva: Password,
}

/// Inicia una sesión: da un token para las demás peticiones, que vale doce horas.
#[utoipa::path(
    post,
    path = "/sesiones",
    security(()),
    request_body(content = Entrada, content_type = "application/json"),
    responses(
        (status = 201, description = "La sesión.", body = Abierta),
        (status = 400, description = "Mal formada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "La cuenta o la clave no es correcta.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Demasiados intentos con esta cuenta desde esta dirección.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde, entran muchos a la vez, o aún no hay ninguna cuenta.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn open(
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, Problem> {
    let Entrada { cuenta, clave } = body::json_object(&request, payload, MAX_BODY).await?;
    let hash = checked(&request, &store, &passwords, &cuenta, clave).await?;
    let Some(hash) = hash else { return Err(refused(&request, &store).await) };
    let secret = Secret::random().map_err(|error| Problem::internal(&error))?;
    let now = clock::now();
    let caduca = now.saturating_add(LASTS).map_err(|error| Problem::internal(&error))?;
    let opened = store.open_session(&cuenta, &hash, &secret.digest(), [now, caduca]).await;
    let rol = opened.map_err(|error| unavailable(&request, &error))?.ok_or_else(wrong)?;
    log::info!("{cuenta} logged in as {rol}");
    let token = secret.reveal().to_owned();
    Ok(HttpResponse::Created().json(Abierta { token, cuenta: cuenta.to_string(), rol, caduca }))
}

/// Quién es el portador del token.
#[utoipa::path(
    get,
    path = "/sesiones/actual",
    responses((status = 200, description = "La cuenta, o el programa.", body = Actual))
)]
async fn current(AnyBearer(Bearer { account, expires, .. }): AnyBearer) -> HttpResponse {
    HttpResponse::Ok().json(Actual { cuenta: account.name, rol: account.role, caduca: expires })
}

/// Termina la sesión: su token deja de valer.
#[utoipa::path(
    delete,
    path = "/sesiones/actual",
    responses((status = 204, description = "Terminada."))
)]
async fn close(
    session: Session,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let closed = store.close_session(&session.digest).await;
    closed.map_err(|error| unavailable(&request, &error))?;
    log::info!("{} logged out", session.name);
    Ok(HttpResponse::NoContent().finish())
}

/// Cambia la clave propia. Las demás sesiones de la cuenta terminan.
#[utoipa::path(
    put,
    path = "/sesiones/actual/clave",
    request_body(content = CambioDeClave, content_type = "application/json"),
    responses(
        (status = 204, description = "Cambiada."),
        (status = 400, description = "Mal formada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable, o la clave de ahora no es esa.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Demasiados intentos con esta cuenta desde esta dirección.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change_password(
    session: Session,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, Problem> {
    let Session { name, digest } = session;
    let CambioDeClave { clave, nueva } = body::json_object(&request, payload, MAX_BODY).await?;
    let is_old = nueva.as_bytes() == clave.as_bytes();
    let old = checked(&request, &store, &passwords, &name, clave).await?;
    let old = old.ok_or_else(wrong_old)?;
    if is_old {
        return Err(Problem::unacceptable("La clave nueva es la de ahora: elija otra."));
    }
    nueva.suits(&name).map_err(unsuitable)?;
    let new = passwords.hash(nueva, caller::address(&request)).await.map_err(not_checked)?;
    let changed = store.change_own_password(&name, [&old, &new], &digest).await;
    if !changed.map_err(|error| unavailable(&request, &error))? {
        return Err(wrong_old());
    }
    log::info!("{name} changed its own password");
    Ok(HttpResponse::NoContent().finish())
}

/// What is stored of the password, where `given` is the right one.
async fn checked(
    request: &HttpRequest,
    store: &Store,
    passwords: &Passwords,
    name: &AccountName,
    given: String,
) -> Result<Option<String>, Problem> {
    let stored = store.password(name).await.map_err(|error| unavailable(request, &error))?;
    // What there is no account for may be a password in the wrong place.
    let known = stored.as_ref().map_or("(an account that there is not)", |_| name.as_str());
    caller::acts(request, known);
    let from = caller::address(request);
    let checked = passwords.check(name, from, given, stored.clone()).await.map_err(not_checked)?;
    Ok(stored.filter(|_| checked == Checked::Right))
}

/// The problem of whoever was not let in.
async fn refused(request: &HttpRequest, store: &Store) -> Problem {
    match store.has_accounts().await {
        Ok(true) => wrong(),
        Ok(false) => {
            let detail = "Aún no hay ninguna cuenta, y nadie entra: elija la clave de la primera, \
                          «admin», con AUDIT_ADMIN_PASSWORD en .env, y ponga este servicio en \
                          marcha otra vez.";
            Problem::unavailable("sin-cuentas", detail, Duration::from_mins(1))
        }
        Err(error) => unavailable(request, &error),
    }
}

/// The problem of a password that was not looked at.
pub(super) fn not_checked(reason: Unchecked) -> Problem {
    match reason {
        Unchecked::TooOften(wait) => too_often(wait),
        Unchecked::Busy(wait) => {
            let detail = "Entran muchos a la vez. Reintente en unos segundos.";
            Problem::unavailable("muchas-claves", detail, wait)
        }
        Unchecked::Failed(error) => Problem::internal(&format!("{error:#}")),
    }
}

/// The problem of a password that this account cannot have.
pub(super) fn unsuitable(reason: InvalidPassword) -> Problem {
    Problem::unacceptable(format!("«clave»: {reason}."))
}

fn too_often(wait: Duration) -> Problem {
    let detail = "Demasiadas claves equivocadas con esta cuenta desde su dirección. Espere lo que \
                  dice la cabecera Retry-After; las sesiones abiertas siguen.";
    Problem::too_many("demasiados-intentos", detail, wait)
}

/// The same whether it is the name or the password.
fn wrong() -> Problem {
    unauthorized("entrada-incorrecta", "La cuenta o la clave no es correcta.")
}

fn wrong_old() -> Problem {
    Problem::unacceptable("«clave» no es la clave de ahora. Nada ha cambiado.")
}
