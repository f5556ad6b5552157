//! The pages of the audit: everything is asked of the audit proxy, with the token that
//! the reader's own browser keeps.

mod login;
mod search;
mod story;
mod visitor;

use actix_web::web::{self, ServiceConfig};
use utoipa::OpenApi;

use self::visitor::Visitor;

/// What `/openapi.json` shows of these pages.
#[derive(OpenApi)]
#[openapi(paths(
    login::page,
    login::log_in,
    login::log_out,
    search::page,
    search::export,
    story::page,
    story::payload
))]
pub(super) struct Api;

/// Adds the pages of the audit.
pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .service(page("").get(search::page).route(web::head().to(search::page)))
        .service(page("/entrar").get(login::page).route(web::post().to(login::log_in)))
        .service(page("/salir").route(web::post().to(login::log_out)))
        .service(page("/exportar").get(search::export))
        .service(page("/mensajes/{id}").get(story::page))
        .service(page("/contenido").route(web::post().to(story::payload)));
}

fn page(path: &str) -> actix_web::Resource {
    web::resource(format!("/auditoria{path}"))
}
