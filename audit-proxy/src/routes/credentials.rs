//! `/sistemas/{nombre}/credenciales`: the users of RabbitMQ that a system is. Two at a
//! time, so that its programs move from one to the other while both work.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderName},
    },
    web::{self, Data, Path, ServiceConfig},
};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{Problem, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    Administration, RETRY_AFTER,
    access::Administrator,
    systems::{faulty, parsed, retired},
    unavailable,
};
use crate::{
    provision::Made,
    store::{AT_A_TIME, Issued},
};

/// A password is not for caches.
const NO_STORE: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(issue, withdraw))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    let all = web::resource("/sistemas/{nombre}/credenciales").route(web::post().to(issue));
    let one = web::resource("/sistemas/{nombre}/credenciales/{usuario}")
        .route(web::delete().to(withdraw));
    routes.service(all).service(one);
}

/// A user of RabbitMQ, with what nobody can read again.
#[derive(Serialize, ToSchema)]
struct Emitida {
    /// The user's name, which is also the `user_id` of its messages.
    usuario: String,
    /// Its password.
    clave: String,
    /// Both as the address of RabbitMQ, as the proxy knows it.
    amqp: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    creado: Timestamp,
}

/// Crea un usuario de RabbitMQ para un sistema: publica en `mensajeria_entrada` y en
/// `eventos_log`, lee su buzón, y nada más. La clave se muestra solo aquí.
#[utoipa::path(
    post,
    path = "/sistemas/{nombre}/credenciales",
    params(("nombre" = String, Path, description = "El nombre del sistema.")),
    responses(
        (status = 201, description = "El usuario y su clave.", body = Emitida),
        (status = 404, description = "No hay ni hubo ningún sistema de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Tiene ya dos, o está retirado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos o RabbitMQ no responde: no hay usuario nuevo.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn issue(
    Administrator(account): Administrator,
    request: HttpRequest,
    name: Path<String>,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let system = administration.system(&request, &parsed(&name)?).await?;
    let made = administration.provision.make_user(&system).await.map_err(|fault| {
        faulty(&request, &fault, "No hay usuario nuevo que pueda entrar; reintente entonces.")
    })?;
    let (user, password, created) = match made {
        Made::User { user, password, created } => (user, password, created),
        Made::Not(Issued::Enough) => return Err(enough()),
        Made::Not(_) => return Err(retired(&system.name)),
        Made::Lost => return Err(lost()),
    };
    log::info!("{} gave {} the user {user}", account.name, system.name);
    let read = administration.registry.read().await;
    read.map_err(|error| unavailable(&request, &error))?;
    let amqp = administration.address.of(&user, &password);
    let body = Emitida { usuario: user, clave: password, amqp, creado: created };
    Ok(HttpResponse::Created().insert_header(NO_STORE).json(body))
}

/// Quita un usuario de RabbitMQ a un sistema, y cierra sus conexiones. Lo que publicó
/// antes y aún espera se admite.
#[utoipa::path(
    delete,
    path = "/sistemas/{nombre}/credenciales/{usuario}",
    params(
        ("nombre" = String, Path, description = "El nombre del sistema."),
        ("usuario" = String, Path, description = "El nombre del usuario."),
    ),
    responses(
        (status = 204, description = "Ya no puede entrar."),
        (status = 404, description = "El sistema no tiene ese usuario.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde, y nada cambia; o RabbitMQ no responde, y seguirá lo que ya está guardado.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn withdraw(
    Administrator(account): Administrator,
    request: HttpRequest,
    path: Path<(String, String)>,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let (name, user) = path.into_inner();
    let name = parsed(&name)?;
    let withdrawn = administration.store.withdraw_credential(&name, &user).await;
    if !withdrawn.map_err(|error| unavailable(&request, &error))? {
        return Err(no_such_user());
    }
    log::info!("{} took the user {user:?} from {name}", account.name);
    administration.spread(&request, &name).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn enough() -> Problem {
    let detail = format!(
        "Un sistema tiene como mucho {AT_A_TIME} usuarios a la vez, también uno que se esté creando. \
         Quite el que sus programas ya no usen, y reintente."
    );
    Problem::new(StatusCode::CONFLICT, "demasiadas-credenciales", "Ya tiene bastantes", detail)
}

fn no_such_user() -> Problem {
    let detail = "El sistema no tiene ese usuario. GET /sistemas dice cuáles tiene.";
    Problem::new(StatusCode::NOT_FOUND, "usuario-desconocido", "Usuario desconocido", detail)
}

fn lost() -> Problem {
    let detail =
        "El usuario se retiró mientras se creaba, o sus nombres están ocupados. Reintente.";
    Problem::unavailable("sin-usuario", detail, RETRY_AFTER)
}
