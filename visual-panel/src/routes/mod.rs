//! Pages, streams, switches and files over HTTP.

mod audit;
mod drawing;
mod frame;
mod origin;
mod pages;
mod stream;
mod switch;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    middleware::DefaultHeaders,
    web::{self, Data, Path, ServiceConfig},
};
use service_kit::{Problem, Shutdown};
use tokio::sync::watch;
use utoipa::OpenApi;

use self::{drawing::Drawings, pages::Page};
use crate::{assets, audit::Audit, faults::Services, knowledge::Knowledge, remember::Memories};

/// What a page may load: only what the panel itself serves, and no code or
/// style inside the page, so that text of a stranger stays text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'self'; \
    frame-ancestors 'none'";

/// What `/openapi.json` shows of the panel.
#[derive(OpenApi)]
#[openapi(
    info(title = "Panel visual"),
    paths(
        pages::lab1,
        pages::story,
        pages::switches,
        pages::proof,
        stream::stream,
        switch::throw,
        switch::choose
    ),
    nest((path = "/auditoria", api = audit::Api))
)]
pub struct Documentation;

/// What the routes need.
#[derive(Clone)]
pub struct Panel {
    /// What is known.
    pub known: watch::Receiver<Knowledge>,
    /// Whom to tell of a switch.
    pub services: Services,
    /// What everybody remembers of single messages.
    pub memories: Memories,
    /// The audit proxy, where there is one.
    pub audit: Option<Audit>,
    /// When streams end.
    pub shutdown: Shutdown,
    /// What streams show.
    drawings: Drawings,
}

impl Panel {
    /// Of what is `known`, which it draws for as many as look.
    #[must_use]
    pub fn new(known: watch::Receiver<Knowledge>, services: Services, shutdown: Shutdown) -> Self {
        let drawings = Drawings::new(known.clone(), Page::main_part);
        let memories = Memories::new(services.clone());
        Self { known, services, memories, audit: None, shutdown, drawings }
    }

    /// The same, with the pages of the audit where there is an audit proxy.
    #[must_use]
    pub fn auditing(self, audit: Option<Audit>) -> Self {
        Self { audit, ..self }
    }

    /// What is known now. A copy: whoever draws from it holds up nobody who has
    /// news.
    fn now(&self) -> Knowledge {
        self.known.borrow().clone()
    }
}

/// Adds the panel's routes.
pub fn configure(routes: &mut ServiceConfig, panel: Panel) {
    let headers = DefaultHeaders::new()
        .add((CONTENT_SECURITY_POLICY, POLICY))
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "same-origin"));
    let pages = web::scope("")
        .wrap(headers)
        .app_data(Data::new(panel))
        .service(page("/").get(pages::lab1))
        .service(page("/historia").get(pages::story))
        .service(page("/prueba").get(pages::proof))
        .service(page("/romper").get(pages::switches).route(web::post().to(switch::throw)))
        .configure(audit::routes)
        .service(page("/idioma").route(web::post().to(switch::choose)))
        .service(page("/flujo/{pagina}").get(stream::stream))
        .service(page("/assets/{name}").get(asset));
    routes.service(pages);
}

fn page(path: &str) -> Resource {
    web::resource(path)
}

async fn asset(name: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    assets::answer(&name, &request)
}
