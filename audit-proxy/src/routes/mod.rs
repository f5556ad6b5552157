//! What the audit proxy answers.

mod access;
mod accounts;
mod chosen;
mod credentials;
mod events;
mod export;
mod faults;
mod lookups;
mod payload;
mod recorded;
mod resend;
mod retention;
mod rules;
mod search;
mod searches;
mod sessions;
mod shown;
mod statistics;
mod story;
mod systems;
mod tokens;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig},
};
use management::Management;
use service_kit::{Problem, caller::TrustedProxies, request_id::RequestId};
use utoipa::{
    OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

pub(crate) use faults::Switches;
use searches::SearchGate;

use crate::{
    access::Passwords,
    again::Resender,
    config::BrokerUrl,
    inquiry::Inquiry,
    keep::Bell,
    provision::Provision,
    registry::Registry,
    store::{LogStore, Store, StoreError},
};

/// When a caller may try again while the database or the broker is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(info(
    title = "Relevo: audit-proxy",
    description = "Guarda una copia de cada mensaje entre sistemas y dice qué fue de él. Salvo \
                   para entrar (POST /sesiones) hace falta un token: 401 si falta o no vale, 403 si \
                   su rol no alcanza."
), security(("token" = [])))]
struct Api;

/// What administering the register takes.
pub(crate) struct Administration {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) provision: Provision,
    pub(crate) management: Management,
    pub(crate) address: BrokerUrl,
}

/// The document behind `/openapi.json`.
pub(crate) fn openapi(with_faults: bool) -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    api.merge(sessions::Api::openapi());
    api.merge(accounts::Api::openapi());
    api.merge(tokens::Api::openapi());
    api.merge(story::Api::openapi());
    api.merge(search::Api::openapi());
    api.merge(export::Api::openapi());
    api.merge(payload::Api::openapi());
    api.merge(resend::Api::openapi());
    api.merge(rules::Api::openapi());
    api.merge(lookups::Api::openapi());
    api.merge(searches::Api::openapi());
    api.merge(statistics::Api::openapi());
    api.merge(systems::Api::openapi());
    api.merge(credentials::Api::openapi());
    api.merge(events::Api::openapi());
    api.merge(retention::Api::openapi());
    if with_faults {
        api.merge(faults::Api::openapi());
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("token", bearer);
    api
}

/// What the routes ask, and whom they tell.
pub(crate) struct Asked {
    pub(crate) store: Store,
    pub(crate) log_store: LogStore,
    pub(crate) passwords: Passwords,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) inquiry: Inquiry,
    pub(crate) resender: Resender,
    pub(crate) administration: Administration,
    pub(crate) bell: Bell,
    /// Where the proxy may be broken on purpose.
    pub(crate) faults: Option<Switches>,
}

/// The proxy's routes; those of `faults` where there are such switches.
pub(crate) fn routes(asked: Asked) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, log_store) = (Data::new(asked.store), Data::new(asked.log_store));
    let (passwords, inquiry) = (Data::new(asked.passwords), Data::new(asked.inquiry));
    let (resender, bell) = (Data::new(asked.resender), Data::new(asked.bell));
    let administration = Data::new(asked.administration);
    let trusted_proxies = Data::new(asked.trusted_proxies);
    let gate = Data::new(SearchGate::default());
    move |routes| {
        routes
            .app_data(store.clone())
            .app_data(log_store.clone())
            .app_data(passwords.clone())
            .app_data(trusted_proxies.clone())
            .app_data(inquiry.clone())
            .app_data(resender.clone())
            .app_data(administration.clone())
            .app_data(bell.clone())
            .app_data(gate.clone())
            .configure(sessions::routes)
            .configure(accounts::routes)
            .configure(tokens::routes)
            .configure(search::routes)
            .configure(export::routes)
            .configure(payload::routes)
            .configure(resend::routes)
            .configure(rules::routes)
            .configure(lookups::routes)
            .configure(searches::routes)
            .configure(statistics::routes)
            .configure(story::routes)
            .configure(systems::routes)
            .configure(credentials::routes)
            .configure(events::routes)
            .configure(retention::routes);
        if let Some(switches) = &asked.faults {
            faults::routes(routes, switches);
        }
    }
}

/// The answer while the database does not give one.
fn unavailable(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: no answer from the database: {error}");
    let detail = "La base de datos no responde. Los mensajes no se pierden; reintente.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}
