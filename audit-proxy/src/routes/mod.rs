//! What the audit proxy answers.

mod credentials;
mod story;
mod systems;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig},
};
use management::Management;
use service_kit::{Problem, request_id::RequestId};
use utoipa::OpenApi;

use crate::{
    config::BrokerUrl,
    inquiry::Inquiry,
    provision::Provision,
    registry::Registry,
    store::{Store, StoreError},
};

/// When a caller may try again while the database or the broker is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(info(
    title = "Relevo: audit-proxy",
    description = "Guarda una copia de cada mensaje entre sistemas y dice qué fue de él."
))]
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
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    api.merge(story::Api::openapi());
    api.merge(systems::Api::openapi());
    api.merge(credentials::Api::openapi());
    api
}

/// The proxy's routes.
pub(crate) fn routes(
    store: Store,
    inquiry: Inquiry,
    administration: Administration,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, inquiry) = (Data::new(store), Data::new(inquiry));
    let administration = Data::new(administration);
    move |routes| {
        routes
            .app_data(store.clone())
            .app_data(inquiry.clone())
            .app_data(administration.clone())
            .configure(story::routes)
            .configure(systems::routes)
            .configure(credentials::routes);
    }
}

/// The answer while the database does not give one.
fn unavailable(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: no answer from the database: {error}");
    let detail = "La base de datos no responde. Los mensajes no se pierden; reintente.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}
