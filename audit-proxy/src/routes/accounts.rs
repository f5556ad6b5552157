//! `/cuentas`: who may log in, kept by administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, body, caller, clock, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    access::Administrator,
    sessions::{MAX_BODY, not_checked, unsuitable},
    unavailable,
};
use crate::{
    access::{AccountName, Password, Passwords, Role},
    store::{AccountChange, KeptAccount, Store},
};

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(list, add, change, remove))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(web::resource("/cuentas").route(web::get().to(list)).route(web::post().to(add)))
        .service(
            web::resource("/cuentas/{nombre}")
                .route(web::patch().to(change))
                .route(web::delete().to(remove)),
        );
}

/// Body of `/cuentas`.
#[derive(Serialize, ToSchema)]
struct Cuentas {
    /// Por nombre.
    cuentas: Vec<Cuenta>,
}

/// An account.
#[derive(Serialize, ToSchema)]
struct Cuenta {
    /// Su nombre.
    #[schema(value_type = String)]
    nombre: AccountName,
    /// Lo que puede.
    rol: Role,
    /// Desde cuándo existe.
    #[schema(value_type = String, format = DateTime)]
    creada: Timestamp,
    /// Cuándo entró por última vez.
    #[schema(value_type = Option<String>, format = DateTime)]
    ultima_entrada: Option<Timestamp>,
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CuentaNueva {
    /// Su nombre, que no tenga otra.
    #[schema(value_type = String, max_length = 64, pattern = "^[a-z0-9_.-]+$")]
    nombre: AccountName,
    /// Lo que puede.
    rol: Role,
    /// Su clave, que después cambia su dueño.
    #[schema(value_type = String, min_length = 12, max_length = 128)]
    clave: Password,
}

/// What is to be changed of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CambioDeCuenta {
    /// Lo que puede desde ahora.
    rol: Option<Role>,
    /// Su nueva clave.
    #[schema(value_type = Option<String>, min_length = 12, max_length = 128)]
    clave: Option<Password>,
}

/// Las cuentas que hay.
#[utoipa::path(
    get,
    path = "/cuentas",
    responses((status = 200, description = "Las cuentas.", body = Cuentas))
)]
async fn list(
    _: Administrator,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let accounts = store.accounts().await.map_err(|error| unavailable(&request, &error))?;
    let cuentas = accounts.into_iter().map(Cuenta::from).collect();
    Ok(HttpResponse::Ok().json(Cuentas { cuentas }))
}

/// Crea una cuenta.
#[utoipa::path(
    post,
    path = "/cuentas",
    request_body(content = CuentaNueva, content_type = "application/json"),
    responses(
        (status = 201, description = "La cuenta.", body = Cuenta),
        (status = 400, description = "Mal formada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Ya hay una de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn add(
    Administrator(administrator): Administrator,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, Problem> {
    let CuentaNueva { nombre, rol, clave } = body::json_object(&request, payload, MAX_BODY).await?;
    clave.suits(&nombre).map_err(unsuitable)?;
    let hash = passwords.hash(clave, caller::address(&request)).await.map_err(not_checked)?;
    let creada = clock::now();
    let added = store.add_account(&nombre, rol, &hash, creada).await;
    if !added.map_err(|error| unavailable(&request, &error))? {
        return Err(taken(&nombre));
    }
    log::info!("{} made the account {nombre}, {rol}", administrator.name);
    Ok(HttpResponse::Created().json(Cuenta { nombre, rol, creada, ultima_entrada: None }))
}

/// Cambia el rol o la clave de una cuenta. Sus sesiones terminan en el acto. La clave propia se
/// cambia con PUT /sesiones/actual/clave.
#[utoipa::path(
    patch,
    path = "/cuentas/{nombre}",
    params(("nombre" = String, Path, description = "La cuenta.")),
    request_body(content = CambioDeCuenta, content_type = "application/json"),
    responses(
        (status = 204, description = "Cambiada."),
        (status = 400, description = "Mal formada.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No hay tal cuenta.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Es el último administrador, o la clave propia.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change(
    Administrator(administrator): Administrator,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
    store: Data<Store>,
    passwords: Data<Passwords>,
) -> Result<HttpResponse, Problem> {
    let name = known(&name)?;
    let CambioDeCuenta { rol, clave } = body::json_object(&request, payload, MAX_BODY).await?;
    if clave.is_some() && administrator.name == name.as_str() {
        return Err(own_password());
    }
    let what = changes(rol, clave.is_some())?;
    let hash = match clave {
        Some(password) => {
            password.suits(&name).map_err(unsuitable)?;
            let hash = passwords.hash(password, caller::address(&request)).await;
            Some(hash.map_err(not_checked)?)
        }
        None => None,
    };
    let changed = store.change_account(&name, rol, hash.as_deref()).await;
    done(&name, changed.map_err(|error| unavailable(&request, &error))?)?;
    log::info!("{} changed the account {name}: {what}", administrator.name);
    Ok(HttpResponse::NoContent().finish())
}

/// Borra una cuenta. Sus sesiones terminan en el acto; los tokens de programas que creó siguen.
#[utoipa::path(
    delete,
    path = "/cuentas/{nombre}",
    params(("nombre" = String, Path, description = "La cuenta.")),
    responses(
        (status = 204, description = "Borrada."),
        (status = 404, description = "No hay tal cuenta.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Es el último administrador.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn remove(
    Administrator(administrator): Administrator,
    name: Path<String>,
    request: HttpRequest,
    store: Data<Store>,
) -> Result<HttpResponse, Problem> {
    let name = known(&name)?;
    let removed = store.remove_account(&name).await;
    done(&name, removed.map_err(|error| unavailable(&request, &error))?)?;
    log::info!("{} removed the account {name}", administrator.name);
    Ok(HttpResponse::NoContent().finish())
}

impl From<KeptAccount> for Cuenta {
    fn from(account: KeptAccount) -> Self {
        let KeptAccount { name, role, created, entered } = account;
        Self { nombre: name, rol: role, creada: created, ultima_entrada: entered }
    }
}

/// What is going to change, for the log.
fn changes(role: Option<Role>, password: bool) -> Result<String, Problem> {
    let role = role.map(|role| role.to_string());
    let what: Vec<_> = role.into_iter().chain(password.then(|| "password".to_owned())).collect();
    if what.is_empty() {
        return Err(Problem::unacceptable("Diga «rol», «clave» o ambos."));
    }
    Ok(what.join(", "))
}

/// A name that an account could have: there is none of any other.
fn known(name: &str) -> Result<AccountName, Problem> {
    name.parse().map_err(|_| unknown(name))
}

fn done(name: &AccountName, change: AccountChange) -> Result<(), Problem> {
    match change {
        AccountChange::Done => Ok(()),
        AccountChange::Unknown => Err(unknown(name.as_str())),
        AccountChange::LastAdministrator => Err(last()),
    }
}

fn unknown(name: &str) -> Problem {
    let detail = format!("No hay ninguna cuenta «{name}».");
    Problem::new(StatusCode::NOT_FOUND, "cuenta-desconocida", "Cuenta desconocida", detail)
}

fn taken(name: &AccountName) -> Problem {
    let detail = format!("Ya hay una cuenta «{name}». Elija otro nombre, o cambie la que hay.");
    Problem::new(StatusCode::CONFLICT, "cuenta-repetida", "Cuenta repetida", detail)
}

fn last() -> Problem {
    let detail = "Es el último administrador: sin él nadie podría llevar las cuentas. Nombre antes \
                  a otro.";
    Problem::new(StatusCode::CONFLICT, "ultimo-administrador", "Último administrador", detail)
}

fn own_password() -> Problem {
    let detail = "La clave propia se cambia con PUT /sesiones/actual/clave, que pide la de ahora.";
    Problem::new(StatusCode::CONFLICT, "clave-propia", "Es la clave propia", detail)
}
