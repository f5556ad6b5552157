//! What the two pages share: their looks, and how a click is answered.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, CacheControl, CacheDirective, HeaderValue},
    web::{self, ServiceConfig},
};
use askama::Template;
use service_kit::Problem;

use super::store::Counts;

/// A browser is to load nothing from elsewhere, and to run nothing but our script.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Style sheet and script.
pub(crate) fn assets(routes: &mut ServiceConfig) {
    let file = |text: &'static str, kind: &'static str| {
        web::get().to(move || async move { HttpResponse::Ok().content_type(kind).body(text) })
    };
    routes
        .route("/piloto.css", file(include_str!("piloto.css"), "text/css; charset=utf-8"))
        .route("/piloto.js", file(include_str!("piloto.js"), "text/javascript; charset=utf-8"));
}

/// A page.
///
/// # Errors
/// 500 where it cannot be drawn.
pub(crate) fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    let text = page.render().map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text))
}

/// What a click came to where it came to nothing, as the page's address has it.
pub(crate) const TOO_LATE: &str = "tarde";

/// The same in words, at the top of the page.
pub(crate) const TOO_LATE_TEXT: &str = "Eso ya no es posible: mire en qué estado está ahora.";

/// Back to the page, so that to load it again does not repeat the click.
pub(crate) fn done() -> HttpResponse {
    see("/")
}

/// The same where nothing was done.
pub(crate) fn not_done(why: &'static str) -> HttpResponse {
    see(&format!("/?aviso={why}"))
}

fn see(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// Refuses a click that another site made a browser send: a browser says where it
/// comes from (Fetch Metadata, `Sec-Fetch-Site`), and who says nothing is none.
///
/// # Errors
/// 403 when it comes from elsewhere.
pub(crate) fn own(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Problem::of_status(actix_web::http::StatusCode::FORBIDDEN)),
    }
}

/// The answer while the system's own database gives none.
pub(crate) fn unavailable(error: impl fmt::Display) -> Problem {
    log::error!("no answer from the database: {error}");
    let detail = "La base de datos de este sistema no responde. Reintente.";
    Problem::unavailable("sin-base-de-datos", detail, std::time::Duration::from_secs(2))
}

/// How much came and went, at the foot of the page.
pub(crate) fn counted(counts: Counts) -> String {
    let Counts { received, repeated, waiting } = counts;
    format!("Mensajes recibidos: {received}; repetidos: {repeated}; por salir: {waiting}.")
}
