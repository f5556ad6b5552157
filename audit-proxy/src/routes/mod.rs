//! What the audit proxy answers.

mod access;
mod accounts;
mod events;
mod retention;
mod sessions;
mod story;
mod tokens;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig},
};
use service_kit::{Problem, request_id::RequestId};
use utoipa::{
    OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

use crate::{
    access::Passwords,
    keep::Bell,
    store::{LogStore, Store, StoreError},
};

/// When a caller may try again while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(info(
    title = "Relevo: audit-proxy",
    description = "Guarda una copia de cada mensaje entre sistemas y dice qué fue de él. Salvo \
                   para entrar (POST /sesiones) hace falta un token: 401 si falta o no vale, 403 si \
                   su rol no alcanza."
), security(("token" = [])))]
struct Api;

/// The document behind `/openapi.json`.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    api.merge(sessions::Api::openapi());
    api.merge(accounts::Api::openapi());
    api.merge(tokens::Api::openapi());
    api.merge(story::Api::openapi());
    api.merge(events::Api::openapi());
    api.merge(retention::Api::openapi());
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("token", bearer);
    api
}

/// The proxy's routes.
pub(crate) fn routes(
    store: Store,
    log_store: LogStore,
    passwords: Passwords,
    bell: Bell,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, passwords) = (Data::new(store), Data::new(passwords));
    let (log_store, bell) = (Data::new(log_store), Data::new(bell));
    move |routes| {
        routes
            .app_data(store.clone())
            .app_data(log_store.clone())
            .app_data(passwords.clone())
            .app_data(bell.clone())
            .configure(sessions::routes)
            .configure(accounts::routes)
            .configure(events::routes)
            .configure(retention::routes)
            .configure(tokens::routes)
            .configure(story::routes);
    }
}

/// The answer while the database does not give one.
fn unavailable(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: no answer from the database: {error}");
    let detail = "La base de datos no responde. Los mensajes no se pierden; reintente.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}
