//! What analytics answers.

mod direct;
mod events;
mod ledger;
mod query;
mod report;
mod stream;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{self, Data, ServiceConfig},
};
use service_kit::{Problem, Shutdown, request_id::RequestId};
use utoipa::OpenApi;

use crate::{
    live::LiveWatch,
    store::{Store, StoreError},
    writing::Writer,
};

/// When a caller may try again while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(
    info(title = "Relevo: analytics", description = "Cuenta los eventos de cada cliente."),
    paths(report::report, stream::stream, events::events, ledger::ledger, direct::count_directly)
)]
struct Api;

/// The document behind `/openapi.json`.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// Analytics' routes.
pub(crate) fn routes(
    store: Store,
    writer: Writer,
    live: LiveWatch,
    shutdown: Shutdown,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, writer) = (Data::new(store), Data::new(writer));
    let live = Data::new(stream::Reports { live, shutdown });
    move |routes| {
        routes
            .app_data(store.clone())
            .app_data(writer.clone())
            .app_data(live.clone())
            .service(web::resource("/reporte").route(web::get().to(report::report)))
            .service(web::resource("/reporte/stream").route(web::get().to(stream::stream)))
            .service(web::resource("/eventos").route(web::get().to(events::events)))
            .service(web::resource("/contados").route(web::get().to(ledger::ledger)))
            .service(web::resource("/evento").route(web::post().to(direct::count_directly)));
    }
}

/// The answer while the database does not give one.
fn unavailable(request: &HttpRequest, error: &StoreError) -> Problem {
    let request_id = RequestId::of(request);
    log::error!("request {request_id}: no answer from the database: {error}");
    let detail = "La base de datos no responde. Lo contado no se pierde; reintente.";
    Problem::unavailable("sin-base-de-datos", detail, RETRY_AFTER)
}
