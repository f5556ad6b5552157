//! Pages, fragments and files over HTTP. Everything is read only.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
    middleware::DefaultHeaders,
    web::{self, Data, Path, ServiceConfig},
};
use askama::Template;
use service_kit::Problem;
use tokio::sync::watch;
use utoipa::OpenApi;

use crate::{
    assets,
    clock::Clock,
    poll::Knowledge,
    prefix,
    view::{Link, View},
};

/// What a page may load: only what the panel itself serves, and no code or
/// style inside the page, so that text of a stranger stays text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'self'; \
    frame-ancestors 'none'";

/// What `/openapi.json` shows of the panel.
#[derive(OpenApi)]
#[openapi(info(title = "Panel visual"), paths(lab1, lab1_fragment))]
pub struct Documentation;

/// Where the pages find what is known.
type Known = Data<watch::Receiver<Knowledge>>;

/// Adds the panel's routes.
pub fn configure(routes: &mut ServiceConfig, known: watch::Receiver<Knowledge>) {
    let headers = DefaultHeaders::new()
        .add((CONTENT_SECURITY_POLICY, POLICY))
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"));
    let pages = web::scope("")
        .wrap(headers)
        .app_data(Data::new(known))
        .service(web::resource("/").get(lab1).route(web::head().to(lab1)))
        .service(
            web::resource("/fragmento").get(lab1_fragment).route(web::head().to(lab1_fragment)),
        )
        .service(web::resource("/assets/{name}").get(asset).route(web::head().to(asset)));
    routes.service(pages);
}

/// The page of laboratory 1. `block` in the fragment below takes a part of the
/// same template, so that both always show the same.
#[derive(Template)]
#[template(path = "lab1.html")]
struct Lab1<'a> {
    prefix: &'a str,
    view: View,
}

#[derive(Template)]
#[template(path = "lab1.html", block = "principal")]
struct Lab1Fragment {
    view: View,
}

/// Page of laboratory 1: counts per client, and the latest events.
#[utoipa::path(
    get,
    path = "/",
    params(("X-Forwarded-Prefix" = Option<String>, Header, description = "Prefijo que quitó el proxy")),
    responses((status = 200, description = "La página del laboratorio 1", content_type = "text/html", body = String))
)]
async fn lab1(known: Known, request: HttpRequest) -> Result<HttpResponse, Problem> {
    html(&Lab1 { prefix: prefix::of(request.headers()), view: view(&known) })
}

/// The main part of the page of laboratory 1, for the script that keeps an open
/// page up to date.
#[utoipa::path(
    get,
    path = "/fragmento",
    responses((status = 200, description = "La parte principal de la página", content_type = "text/html", body = String))
)]
async fn lab1_fragment(known: Known) -> Result<HttpResponse, Problem> {
    html(&Lab1Fragment { view: view(&known) })
}

async fn asset(name: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    assets::answer(&name, &request)
}

fn view(known: &Known) -> View {
    View::new(&known.borrow(), &Clock::now())
}

fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    let body = page.render().map_err(|error| Problem::internal(&error))?;
    let mut response = HttpResponse::Ok();
    // Old a second later; and the prefix in it is this request's own.
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(response.content_type("text/html; charset=utf-8").body(body))
}
