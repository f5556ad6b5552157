//! What analytics answers.

mod direct;
mod events;
mod faults;
mod ledger;
mod missing;
mod query;
mod report;
mod state;
mod story;
mod stream;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    web::{self, Data, ServiceConfig},
};
use broker::ConsumerFaults;
use service_kit::{Problem, Shutdown, request_id::RequestId};
use utoipa::OpenApi;

use crate::{
    store::{Store, StoreError},
    writing::Writer,
};

pub(crate) use state::Observed;

/// When a caller may try again while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(2);

#[derive(OpenApi)]
#[openapi(
    info(title = "Relevo: analytics", description = "Cuenta los eventos de cada cliente."),
    paths(
        report::report,
        stream::stream,
        events::events,
        ledger::ledger,
        missing::missing,
        direct::count_directly,
        state::state,
        story::story
    )
)]
struct Api;

#[derive(OpenApi)]
#[openapi(paths(faults::faults, faults::set_faults))]
struct FaultsApi;

/// The document behind `/openapi.json`.
pub(crate) fn openapi(with_faults: bool) -> utoipa::openapi::OpenApi {
    let mut openapi = Api::openapi();
    if with_faults {
        openapi.merge(FaultsApi::openapi());
    }
    openapi
}

/// Analytics' routes; those of `faults` where there are such switches.
pub(crate) fn routes(
    store: Store,
    writer: Writer,
    observed: Observed,
    faults: Option<ConsumerFaults>,
    shutdown: Shutdown,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (store, writer) = (Data::new(store), Data::new(writer));
    let progress = Data::new(observed.progress.clone());
    let live = Data::new(stream::Reports { live: observed.live.clone(), shutdown });
    let (observed, faults) = (Data::new(observed), faults.map(Data::new));
    move |routes| {
        if let Some(faults) = &faults {
            let resource = web::resource("/fallos")
                .route(web::get().to(faults::faults))
                .route(web::put().to(faults::set_faults));
            routes.app_data(faults.clone()).service(resource);
        }
        routes
            .app_data(store.clone())
            .app_data(writer.clone())
            .app_data(live.clone())
            .app_data(progress.clone())
            .app_data(observed.clone())
            .service(web::resource("/reporte").route(web::get().to(report::report)))
            .service(web::resource("/reporte/stream").route(web::get().to(stream::stream)))
            .service(web::resource("/eventos").route(web::get().to(events::events)))
            .service(web::resource("/contados").route(web::get().to(ledger::ledger)))
            .service(web::resource("/contados/faltan").route(web::post().to(missing::missing)))
            .service(web::resource("/estado").route(web::get().to(state::state)))
            .service(web::resource("/mensajes/{id}").route(web::get().to(story::story)))
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
