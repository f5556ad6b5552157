//! The HTTP server of a service: its limits, its own routes, and its end.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer, Responder, dev,
    http::{StatusCode, header::RETRY_AFTER},
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{Problem, Readiness, Shutdown, observe::observe, shutdown::GRACE, telemetry};

/// How long an idle connection is kept. Shorter than [`GRACE`], so that an idle
/// one never holds up the end.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server goes on after the signal, saying `Connection: close` and
/// not ready: whoever keeps a connection open learns of the end from an answer,
/// not from a reset.
const LAME_DUCK: Duration = Duration::from_millis(500);

/// Threads that answer requests. One answers more of them than a queue of the
/// broker takes; several share out what waits at once, and with less at a time to
/// hand on, each event costs more.
const WORKERS: usize = 1;

/// What the server of a service is made of.
pub struct Server {
    /// Where it listens.
    pub listener: TcpListener,
    /// When it ends.
    pub shutdown: Shutdown,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// What `/openapi.json` and `/docs` show.
    pub openapi: OpenApi,
}

impl Server {
    /// Serves `routes` until the shutdown signal; then `/readyz` answers 503, a
    /// moment later nothing new is accepted, and requests in flight finish.
    ///
    /// # Errors
    /// When the listener cannot be served.
    pub async fn serve(
        self,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<()> {
        let server = self.start(routes)?;
        tokio::select! {
            ended = server => ended,
            () = telemetry::keep_metrics_small() => Ok(()),
        }
    }

    /// Apart from [`serve`](Self::serve), whose future must be `Send`: what
    /// builds a server is not.
    fn start(
        self,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<dev::Server> {
        telemetry::metrics();
        let Self { listener, shutdown, readiness, openapi } = self;
        let raised = shutdown.raised();
        let ending = async move {
            raised.await;
            tokio::time::sleep(LAME_DUCK).await;
        };
        let readiness = Data::new(readiness);
        let server = HttpServer::new(move || {
            App::new()
                .wrap(from_fn(observe))
                .app_data(shutdown.clone())
                .app_data(readiness.clone())
                .configure(own_routes)
                .service(documentation(openapi.clone()))
                .configure(routes.clone())
                .default_service(web::to(not_found))
        })
        .workers(WORKERS)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(GRACE.as_secs())
        .shutdown_signal(ending)
        .listen(listener)?;
        Ok(server.run())
    }
}

fn own_routes(routes: &mut ServiceConfig) {
    routes
        .service(web::resource("/healthz").route(web::get().to(healthz)))
        .service(web::resource("/readyz").route(web::get().to(readyz)))
        .service(web::resource("/metrics").route(web::get().to(metrics)))
        .service(web::redirect("/docs", "docs/"));
}

/// Swagger UI from the binary itself: it loads nothing from elsewhere, so its
/// online validator is off. It asks for the document, and the document for the
/// routes, beside themselves: a door may have put a prefix before all of them.
fn documentation(mut openapi: OpenApi) -> SwaggerUi {
    openapi.servers = Some(vec![utoipa::openapi::Server::new(".")]);
    let config = Config::new(["../openapi.json"]).validator_url("none");
    SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", openapi).config(config)
}

async fn healthz() -> impl Responder {
    "ok\n"
}

async fn readyz(readiness: Data<Readiness>, request: actix_web::HttpRequest) -> HttpResponse {
    let stopping = request.app_data::<Shutdown>().cloned().unwrap_or_default();
    let report = Readiness::clone(&readiness)
        .with("servicio", move || {
            if stopping.is_raised() { Err("se está deteniendo".to_owned()) } else { Ok(()) }
        })
        .report();
    if report.listo {
        return HttpResponse::Ok().json(report);
    }
    HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, 1)).json(report)
}

async fn metrics() -> impl Responder {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::metrics().render())
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::of_status(StatusCode::NOT_FOUND))
}
