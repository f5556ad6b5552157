//! The pages of the audit: everything is asked of the audit proxy, with the token that
//! the reader's own browser keeps.

mod accounts;
mod figures;
mod login;
mod records;
mod resend;
mod search;
mod story;
mod systems;
mod visitor;

use actix_web::web::{self, FormConfig, ServiceConfig};
use utoipa::OpenApi;

use self::visitor::Visitor;

/// Longest form with an edited payload, in bytes: 64 KiB are seen at once, of which each
/// byte takes three at most.
const MAX_FORM: usize = 256 * 1024;

/// What `/openapi.json` shows of these pages.
#[derive(OpenApi)]
#[openapi(paths(
    login::page,
    login::log_in,
    login::log_out,
    search::page,
    search::export,
    story::page,
    story::payload,
    resend::act,
    systems::page,
    systems::act,
    accounts::page,
    accounts::act,
    accounts::password,
    accounts::change_password,
    records::lookups,
    records::rules,
    records::rule,
    records::events,
    figures::statistics,
    figures::retention,
    figures::keep
))]
pub(super) struct Api;

/// Adds the pages of the audit.
pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(page("").get(search::page))
        .service(page("/entrar").get(login::page).route(web::post().to(login::log_in)))
        .service(page("/salir").route(web::post().to(login::log_out)))
        .service(page("/exportar").get(search::export))
        .service(page("/mensajes/{id}").get(story::page))
        .service(page("/contenido").route(web::post().to(story::payload)))
        .service(
            page("/reenviar")
                .app_data(FormConfig::default().limit(MAX_FORM))
                .route(web::post().to(resend::act)),
        )
        .service(page("/sistemas").get(systems::page).route(web::post().to(systems::act)))
        .service(page("/cuentas").get(accounts::page).route(web::post().to(accounts::act)))
        .service(
            page("/clave").get(accounts::password).route(web::post().to(accounts::change_password)),
        )
        .service(page("/consultas").get(records::lookups))
        .service(page("/reglas").get(records::rules).route(web::post().to(records::rule)))
        .service(page("/eventos").get(records::events))
        .service(page("/estadisticas").get(figures::statistics))
        .service(
            page("/conservacion").get(figures::retention).route(web::post().to(figures::keep)),
        );
}

fn page(path: &str) -> actix_web::Resource {
    web::resource(format!("/auditoria{path}"))
}
