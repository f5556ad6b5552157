//! `/sistemas`: who may exchange messages, kept by an administrator.

mod list;

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::LOCATION},
    web::{self, Data, Path, Payload, ServiceConfig},
};
use jiff::Timestamp;
use management::Queue;
use messages::{Note, StateName, SystemName, names};
use serde::Deserialize;
use service_kit::{Problem, body, problem::ProblemBody};
use utoipa::{OpenApi, ToSchema};

use super::{
    Administration, RETRY_AFTER,
    access::{Administrator, Reader},
    shown::{Sistema, sistema},
    unavailable,
};
use crate::{
    lifecycle::{FORWARDED, RECEIVED, REFUSED},
    provision::Fault,
    register::{Standing, usable},
    store::{Change, Profile, Registered, StoreError},
};

/// Longest body, in bytes: 4,096 characters and 50 names.
const MAX_BODY: usize = 32 * 1024;

/// Final states that a system may have of its own.
const MAX_STATES: usize = 50;

/// What is documented of it.
#[derive(OpenApi)]
#[openapi(paths(list::list, register, show, change, retire))]
pub(super) struct Api;

pub(super) fn routes(routes: &mut ServiceConfig) {
    let all =
        web::resource("/sistemas").route(web::get().to(list::list)).route(web::post().to(register));
    let one = web::resource("/sistemas/{nombre}")
        .route(web::get().to(show))
        .route(web::patch().to(change))
        .route(web::delete().to(retire));
    routes.service(all).service(one);
}

/// Body of `POST /sistemas`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nuevo {
    /// 1 to 64 ASCII letters, digits, `_`, `-` or `.`; a letter or digit first.
    #[schema(value_type = String)]
    nombre: SystemName,
    /// What people are told of it: at most 4,096 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    descripcion: Option<Note>,
    /// Final states of its own: at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    estados: BTreeSet<StateName>,
}

/// Body of `PATCH /sistemas/{nombre}`: what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cambio {
    /// What people are told of it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    descripcion: Option<Note>,
    /// Final states of its own, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    estados: Option<BTreeSet<StateName>>,
    /// `activo` or `suspendido`.
    #[serde(default)]
    situacion: Option<Standing>,
}

/// Da de alta un sistema, y crea su buzón.
#[utoipa::path(
    post,
    path = "/sistemas",
    request_body(content = Nuevo, content_type = "application/json"),
    responses(
        (status = 201, description = "Está en el registro, y tiene buzón.", body = Sistema),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Ya hay, o hubo, uno de ese nombre; o RabbitMQ tiene otra cosa de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos o RabbitMQ no responde: no está en el registro.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn register(
    Administrator(account): Administrator,
    request: HttpRequest,
    payload: Payload,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let Nuevo { nombre, descripcion, estados } =
        body::json_object(&request, payload, MAX_BODY).await?;
    usable(&nombre).map_err(|why| {
        Problem::unacceptable(format!("«{nombre}» no puede ser el nombre de un sistema: {why}."))
    })?;
    let description = descripcion.as_ref().map(Note::as_str).unwrap_or_default().to_owned();
    let states = own_states(estados)?;
    let profile = Profile { standing: Standing::Active, description, states };
    administration.register(&request, &nombre, &profile).await?;
    log::info!("{} registered {nombre}", account.name);
    let sistema = administration.show(&request, &nombre).await?;
    let location = (LOCATION, format!("/sistemas/{nombre}"));
    Ok(HttpResponse::Created().insert_header(location).json(sistema))
}

/// Un sistema.
#[utoipa::path(
    get,
    path = "/sistemas/{nombre}",
    params(("nombre" = String, Path, description = "El nombre del sistema.")),
    responses(
        (status = 200, description = "El sistema.", body = Sistema),
        (status = 404, description = "No hay ni hubo ninguno de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn show(
    _: Reader,
    request: HttpRequest,
    name: Path<String>,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let sistema = administration.show(&request, &parsed(&name)?).await?;
    Ok(HttpResponse::Ok().json(sistema))
}

/// Cambia un sistema: lo describe, lo suspende o lo activa. También rehace en RabbitMQ lo
/// que le falte: con `{}` no cambia nada más.
#[utoipa::path(
    patch,
    path = "/sistemas/{nombre}",
    params(("nombre" = String, Path, description = "El nombre del sistema.")),
    request_body(content = Cambio, content_type = "application/json"),
    responses(
        (status = 200, description = "El sistema, como queda.", body = Sistema),
        (status = 400, description = "Mal formado.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No hay ni hubo ninguno de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Está retirado, para siempre; o RabbitMQ tiene otra cosa de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Demasiado grande.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "No es JSON.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No aceptable.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde, y nada cambia; o RabbitMQ no responde, y seguirá lo que ya está guardado.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn change(
    Administrator(account): Administrator,
    request: HttpRequest,
    name: Path<String>,
    payload: Payload,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let name = parsed(&name)?;
    let Cambio { descripcion, estados, situacion } =
        body::json_object(&request, payload, MAX_BODY).await?;
    if situacion == Some(Standing::Retired) {
        return Err(Problem::unacceptable("Un sistema se retira con DELETE, y es para siempre."));
    }
    let description = descripcion.map(|note| note.as_str().to_owned());
    let states = estados.map(own_states).transpose()?;
    let change = Change { standing: situacion, description, states };
    log::info!("{} changes {name}: {change:?}", account.name);
    administration.change(&request, &name, &change).await?;
    let sistema = administration.show(&request, &name).await?;
    Ok(HttpResponse::Ok().json(sistema))
}

/// Retira un sistema para siempre: sus usuarios de RabbitMQ dejan de existir. Lo que
/// intercambió se sigue sabiendo, y lo que quede en su buzón sigue en él.
#[utoipa::path(
    delete,
    path = "/sistemas/{nombre}",
    params(("nombre" = String, Path, description = "El nombre del sistema.")),
    responses(
        (status = 200, description = "El sistema, como queda.", body = Sistema),
        (status = 404, description = "No hay ni hubo ninguno de ese nombre.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "La base de datos no responde, y nada cambia; o RabbitMQ no responde, y seguirá lo que ya está guardado.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn retire(
    Administrator(account): Administrator,
    request: HttpRequest,
    name: Path<String>,
    administration: Data<Administration>,
) -> Result<HttpResponse, Problem> {
    let name = parsed(&name)?;
    let retired = administration.store.retire_system(&name).await;
    if !retired.map_err(|error| unavailable(&request, &error))? {
        return Err(unknown(&name));
    }
    log::info!("{} retired {name}", account.name);
    administration.spread(&request, &name).await?;
    let sistema = administration.show(&request, &name).await?;
    Ok(HttpResponse::Ok().json(sistema))
}

impl Administration {
    /// The mailbox comes first: whoever is registered has one.
    async fn register(
        &self,
        request: &HttpRequest,
        name: &SystemName,
        profile: &Profile,
    ) -> Result<(), Problem> {
        let lost = |error: StoreError| unavailable(request, &error);
        if let Some(system) = self.store.system(name).await.map_err(lost)? {
            return Err(taken(&system));
        }
        self.provision.make_mailbox(name).await.map_err(|error| {
            faulty(request, &error.into(), "El sistema no se ha registrado; reintente entonces.")
        })?;
        if !self.store.add_system(name, profile, Timestamp::now()).await.map_err(lost)? {
            return Err(exists(name));
        }
        self.registry.read().await.map_err(lost)
    }

    async fn change(
        &self,
        request: &HttpRequest,
        name: &SystemName,
        change: &Change,
    ) -> Result<(), Problem> {
        let lost = |error: StoreError| unavailable(request, &error);
        if !self.store.change_system(name, change).await.map_err(lost)? {
            let system = self.store.system(name).await.map_err(lost)?;
            return Err(system.map_or_else(|| unknown(name), |_| retired(name)));
        }
        self.provision.make_mailbox(name).await.map_err(|error| later(request, &error.into()))?;
        self.spread(request, name).await
    }

    /// Lets this process and the broker know of a change.
    pub(super) async fn spread(
        &self,
        request: &HttpRequest,
        name: &SystemName,
    ) -> Result<(), Problem> {
        self.registry.read().await.map_err(|error| unavailable(request, &error))?;
        self.provision.follow(name).await.map_err(|fault| later(request, &fault))
    }

    async fn show(&self, request: &HttpRequest, name: &SystemName) -> Result<Sistema, Problem> {
        let system = self.system(request, name).await?;
        Ok(sistema(system, self.mailboxes().await.as_ref()))
    }

    pub(super) async fn system(
        &self,
        request: &HttpRequest,
        name: &SystemName,
    ) -> Result<Registered, Problem> {
        let system = self.store.system(name).await.map_err(|error| unavailable(request, &error))?;
        system.ok_or_else(|| unknown(name))
    }

    /// What RabbitMQ says of the mailboxes; none where it does not answer.
    async fn mailboxes(&self) -> Option<BTreeMap<String, Queue>> {
        let told = self.management.queues(names::MAILBOX_PREFIX).await;
        told.inspect_err(|error| log::warn!("the mailboxes are not known: {error}")).ok()
    }
}

pub(super) fn parsed(name: &str) -> Result<SystemName, Problem> {
    name.parse().map_err(|error| Problem::malformed(format!("La dirección no es válida: {error}.")))
}

fn own_states(states: BTreeSet<StateName>) -> Result<Vec<StateName>, Problem> {
    if states.len() > MAX_STATES {
        return Err(Problem::unacceptable(format!("Son más de {MAX_STATES} estados propios.")));
    }
    let reserved = |state: &&StateName| [RECEIVED, FORWARDED, REFUSED].contains(&state.as_str());
    if let Some(state) = states.iter().find(reserved) {
        let detail = format!("«{state}» es un estado del proxy, que ningún sistema asigna.");
        return Err(Problem::unacceptable(detail));
    }
    Ok(states.into_iter().collect())
}

fn unknown(name: &SystemName) -> Problem {
    let detail = format!("No hay ni hubo ningún sistema «{name}». GET /sistemas dice cuáles hay.");
    Problem::new(StatusCode::NOT_FOUND, "sistema-desconocido", "Sistema desconocido", detail)
}

fn taken(system: &Registered) -> Problem {
    match system.profile.standing {
        Standing::Retired => retired(&system.name),
        Standing::Active | Standing::Suspended => exists(&system.name),
    }
}

fn exists(name: &SystemName) -> Problem {
    let detail = format!("Ya hay un sistema «{name}». PATCH /sistemas/{name} lo cambia.");
    Problem::new(StatusCode::CONFLICT, "sistema-existente", "El sistema ya existe", detail)
}

pub(super) fn retired(name: &SystemName) -> Problem {
    let detail = format!(
        "«{name}» está retirado para siempre, y su nombre no se da otra vez: lo que intercambió se \
         sigue sabiendo. Elija otro nombre."
    );
    Problem::new(StatusCode::CONFLICT, "sistema-retirado", "Sistema retirado", detail)
}

/// Of a change that is in the database, and not on the broker yet.
pub(super) fn later(request: &HttpRequest, fault: &Fault) -> Problem {
    let then = "El cambio está guardado, y RabbitMQ lo seguirá en cuanto pueda, en un minuto o \
                antes si reintenta.";
    faulty(request, fault, then)
}

/// Of what the broker or the database did not do; `then` says what holds now.
pub(super) fn faulty(request: &HttpRequest, fault: &Fault, then: &str) -> Problem {
    let error = match fault {
        Fault::Store(error) => return unavailable(request, error),
        Fault::Broker(error) => error,
    };
    log::error!("the broker does not do what the register says: {error}");
    if error.is_other_arguments() {
        let detail = format!(
            "RabbitMQ tiene ya una cola o un exchange de ese nombre con otros argumentos: {}. \
             Bórrelo si no hace falta lo que contiene. {then}",
            error.reason
        );
        return Problem::new(StatusCode::CONFLICT, "otros-argumentos", "Otros argumentos", detail);
    }
    let detail = format!("RabbitMQ no responde, o no lo permite. {then}");
    Problem::unavailable("sin-rabbitmq", detail, RETRY_AFTER)
}
