//! Redmine's page, and what a click on it does.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Form, Path, Query, ServiceConfig},
};
use askama::Template;
use broker::{ConsumerFault, ConsumerFaults};
use serde::Deserialize;
use service_kit::Problem;
use tokio::sync::Notify;

use super::{
    mailing::{
        page::{TOO_LATE, TOO_LATE_TEXT, assets, counted, done, html, not_done, own, unavailable},
        store::Mail,
    },
    store::{Store, Task},
    task::Step,
};

/// What the page is about.
#[derive(Clone)]
pub(crate) struct Tracker {
    pub(crate) store: Store,
    pub(crate) mail: Mail,
    /// Told that something was put into the outbox.
    pub(crate) posted: Arc<Notify>,
    /// Whether it takes what comes.
    pub(crate) reading: ConsumerFaults,
}

/// The page's routes.
pub(crate) fn routes(tracker: Tracker) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let tracker = Data::new(tracker);
    move |routes| {
        routes
            .app_data(tracker.clone())
            .configure(assets)
            .route("/", web::get().to(page))
            .route("/lectura", web::post().to(read))
            .route("/tareas/{number}/{step}", web::post().to(step));
    }
}

#[derive(Template)]
#[template(path = "redmine.html", config = "examples/askama.toml")]
struct Page {
    notice: Option<&'static str>,
    tasks: Vec<Task>,
    paused: bool,
    counts: String,
}

/// What a click came to.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    aviso: String,
}

async fn page(tracker: Data<Tracker>, asked: Query<Asked>) -> Result<HttpResponse, Problem> {
    let tasks = tracker.store.tasks().await.map_err(unavailable)?;
    let counts = counted(tracker.mail.counts().await.map_err(unavailable)?);
    let paused = tracker.reading.get().paused;
    html(&Page {
        notice: (asked.aviso == TOO_LATE).then_some(TOO_LATE_TEXT),
        tasks,
        paused,
        counts,
    })
}

/// The switch of reading.
#[derive(Deserialize)]
struct Reading {
    pausada: bool,
}

async fn read(
    request: HttpRequest,
    tracker: Data<Tracker>,
    form: Form<Reading>,
) -> Result<HttpResponse, Problem> {
    own(&request)?;
    tracker.reading.set(ConsumerFault { paused: form.pausada, ..ConsumerFault::default() });
    Ok(done())
}

async fn step(
    request: HttpRequest,
    tracker: Data<Tracker>,
    asked: Path<(i64, String)>,
) -> Result<HttpResponse, Problem> {
    own(&request)?;
    let (number, word) = asked.into_inner();
    let step = Step::from_word(&word).ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))?;
    if !tracker.store.step(number, step).await.map_err(unavailable)? {
        return Ok(not_done(TOO_LATE));
    }
    tracker.posted.notify_one();
    Ok(done())
}
