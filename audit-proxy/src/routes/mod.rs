//! What the audit proxy answers.

mod events;
mod story;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{Data, ServiceConfig},
};
use service_kit::{Problem, request_id::RequestId};
use utoipa::OpenApi;

use crate::store::{LogStore, Store, StoreError};

/// When a caller may try again while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(info(
    title = "Relevo: audit-proxy",
    description = "Guarda una copia de cada mensaje entre sistemas y dice qué fue de él."
))]
struct Api;

/// The document behind `/openapi.json`.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    api.merge(story::Api::openapi());
    api.merge(events::Api::openapi());
    api
}

/// The proxy's routes.
pub(crate) fn routes(
    store: Store,
    log_store: LogStore,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, log_store) = (Data::new(store), Data::new(log_store));
    move |routes| {
        routes.app_data(store.clone()).configure(story::routes);
        routes.app_data(log_store.clone()).configure(events::routes);
    }
}

/// The answer while the database does not give one.
fn unavailable(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: no answer from the database: {error}");
    let detail = "La base de datos no responde. Los mensajes no se pierden; reintente.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}
