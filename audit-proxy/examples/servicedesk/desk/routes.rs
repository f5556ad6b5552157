//! `ServiceDesk`'s page, and what a click on it does.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Form, Path, Query, ServiceConfig},
};
use askama::Template;
use serde::Deserialize;
use service_kit::Problem;
use tokio::sync::Notify;

use super::{
    mailing::{
        page::{TOO_LATE, TOO_LATE_TEXT, assets, counted, done, html, not_done, own, unavailable},
        store::Mail,
    },
    store::{Store, Ticket},
};

/// Longest line that somebody may type, in characters.
const MAX_LINE: usize = 120;

/// What a click came to where a line is empty, too long, or no line.
const BAD_LINE: &str = "linea";

/// What the page is about.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) mail: Mail,
    /// Told that something was put into the outbox.
    pub(crate) posted: Arc<Notify>,
}

/// The page's routes.
pub(crate) fn routes(desk: Desk) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let desk = Data::new(desk);
    move |routes| {
        routes
            .app_data(desk.clone())
            .configure(assets)
            .route("/", web::get().to(page))
            .route("/tickets", web::post().to(open))
            .route("/tickets/{number}/asignar", web::post().to(assign));
    }
}

#[derive(Template)]
#[template(path = "servicedesk.html", config = "examples/askama.toml")]
struct Page {
    notice: Option<&'static str>,
    tickets: Vec<Ticket>,
    counts: String,
}

/// What a click came to.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    aviso: String,
}

async fn page(desk: Data<Desk>, asked: Query<Asked>) -> Result<HttpResponse, Problem> {
    let tickets = desk.store.tickets().await.map_err(unavailable)?;
    let counts = counted(desk.mail.counts().await.map_err(unavailable)?);
    html(&Page { notice: notice(&asked.aviso), tickets, counts })
}

/// The form of a new ticket.
#[derive(Deserialize)]
struct NewTicket {
    asunto: String,
    solicitante: String,
}

async fn open(
    request: HttpRequest,
    desk: Data<Desk>,
    form: Form<NewTicket>,
) -> Result<HttpResponse, Problem> {
    own(&request)?;
    let (Some(subject), Some(requester)) = (line(&form.asunto), line(&form.solicitante)) else {
        return Ok(not_done(BAD_LINE));
    };
    desk.store.open(&subject, &requester).await.map_err(unavailable)?;
    Ok(done())
}

async fn assign(
    request: HttpRequest,
    desk: Data<Desk>,
    number: Path<i64>,
) -> Result<HttpResponse, Problem> {
    own(&request)?;
    if !desk.store.assign(*number).await.map_err(unavailable)? {
        return Ok(not_done(TOO_LATE));
    }
    desk.posted.notify_one();
    Ok(done())
}

fn notice(word: &str) -> Option<&'static str> {
    match word {
        TOO_LATE => Some(TOO_LATE_TEXT),
        BAD_LINE => Some("Escriba una línea de 1 a 120 caracteres."),
        _ => None,
    }
}

/// A line that somebody typed.
fn line(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=MAX_LINE).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}
