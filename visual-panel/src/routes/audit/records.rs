//! What is recorded beside messages: who looked at which payload and for which text, what
//! of payloads is hidden, and what applications say of their own work.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Form, Query},
};
use askama::Template;
use reqwest::Method;
use serde_json::json;

use super::{
    Visitor,
    search::borrowed,
    visitor::{Arrival, Turned, unknown_action},
};
use crate::{
    audit::{
        filter::{Filter, Pairs, encoded, field},
        wire::{LogEvent, LogEvents, Lookup, Lookups, Loss, Rule, Rules, Search, Searches, Who},
    },
    clock::Clock,
    routes::{
        frame::{Frame, html},
        switch::back,
    },
    view::audit::{exact, fault::Fault},
    wording::Moment,
};

const RULES: &str = "auditoria/reglas";

#[derive(Template)]
#[template(path = "auditoria/consultas.html")]
struct LookupsPage {
    frame: Frame,
    who: Option<Who>,
    filter: Filter,
    lookups: Vec<(Lookup, Moment)>,
    next: Option<String>,
    searches: Vec<(Search, Moment)>,
    next_searches: Option<String>,
}

#[derive(Template)]
#[template(path = "auditoria/reglas.html")]
struct RulesPage {
    frame: Frame,
    who: Option<Who>,
    rules: Vec<(Rule, Moment)>,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "auditoria/eventos.html")]
struct EventsPage {
    frame: Frame,
    who: Option<Who>,
    filter: Filter,
    found: Result<Events, Fault>,
}

/// One page of log events.
struct Events {
    said: Vec<(LogEvent, Moment)>,
    losses: Vec<(Loss, Option<Moment>, Moment)>,
    next: Option<String>,
}

/// Where the page of searches begins, on the page of lookups.
const SEARCHES_FROM: &str = "busquedas";

/// Quién miró qué contenido, y quién buscó qué texto.
#[utoipa::path(
    get,
    path = "/consultas",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn lookups(
    query: Query<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::among(&["cuenta"], &query);
    let question = filter.unordered();
    let question = borrowed(&question);
    let from = field(&query, SEARCHES_FROM);
    let other = filter.at((!from.is_empty()).then(|| from.to_owned())).unordered();
    let other = borrowed(&other);
    let both = async {
        let lookups = visitor.session.get::<Lookups>(&["consultas"], &question);
        tokio::try_join!(lookups, visitor.session.get::<Searches>(&["busquedas"], &other))
    };
    let (who, (looked, found)) = visitor.asks(Box::pin(both)).await?;
    let (frame, now) = (visitor.frame, Clock::now().wall);
    let moment = |at| Moment::new(at, now, frame.lang);
    let lookups = looked.lookups.into_iter().map(|one| (moment(one.at), one));
    let lookups = lookups.map(|(at, one)| (one, at)).collect();
    let searches = found.searches.into_iter().map(|one| (moment(one.at), one));
    let searches = searches.map(|(at, one)| (one, at)).collect();
    let next = looked.next.map(|next| filter.at(Some(next)).address());
    let next_searches = found.next.map(|next| {
        let account = filter.restrictions().into_iter();
        encoded(&account.chain([(SEARCHES_FROM, next)]).collect::<Vec<_>>())
    });
    Ok(html(&LookupsPage {
        frame,
        who: Some(who),
        filter,
        lookups,
        next,
        searches,
        next_searches,
    })?)
}

/// Lo que se oculta de los contenidos, por tipo de mensaje.
#[utoipa::path(
    get,
    path = "/reglas",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn rules(arrival: Arrival, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let rules = visitor.session.get::<Rules>(&["reglas"], &[]);
    let (who, Rules { rules }) = visitor.asks(rules).await?;
    let (frame, now, is_done) = (visitor.frame, Clock::now().wall, arrival.is_done());
    let rules = rules.into_iter().map(|rule| (Moment::new(rule.changed, now, frame.lang), rule));
    let rules = rules.map(|(at, rule)| (rule, at)).collect();
    Ok(html(&RulesPage { frame, who: Some(who), rules, is_done })?)
}

/// Pone o quita una regla.
#[utoipa::path(
    post,
    path = "/reglas",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio, o el papel no alcanza"),
    )
)]
pub(super) async fn rule(form: Form<Pairs>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, RULES)?;
    let segments = ["reglas", field(&form, "tipo")];
    let places = field(&form, "ocultos").lines().map(str::trim).filter(|place| !place.is_empty());
    let (method, body) = match field(&form, "accion") {
        "poner" => (Method::PUT, Some(json!({"ocultos": places.collect::<Vec<_>>()}))),
        "quitar" => (Method::DELETE, None),
        _ => return Err(unknown_action()),
    };
    visitor.asks(visitor.session.tell(method, &segments, body.as_ref())).await?;
    Ok(back(&request, &format!("{RULES}?hecho=si")))
}

/// Lo que las aplicaciones dicen de su trabajo, y cuánto de ello se perdió.
#[utoipa::path(
    get,
    path = "/eventos",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn events(
    query: Query<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::among(&["sistema", "nivel", "desde", "hasta", "texto"], &query);
    let question = filter.unordered();
    let question = borrowed(&question);
    let found = visitor.session.get::<LogEvents>(&["eventos"], &question);
    let (who, found) = visitor.tries(found).await?;
    let frame = visitor.frame;
    let found = found
        .map(|found| Events::new(found, &filter, &frame))
        .map_err(|refusal| Fault::new(&refusal, frame.lang));
    Ok(html(&EventsPage { frame, who: Some(who), filter, found })?)
}

impl Events {
    fn new(found: LogEvents, filter: &Filter, frame: &Frame) -> Self {
        let now = Clock::now().wall;
        let moment = |at| Moment::new(at, now, frame.lang);
        let events = found.events.into_iter().map(|one| (exact(one.time, now, frame.lang), one));
        let losses = found.losses.into_iter();
        Self {
            said: events.map(|(at, one)| (one, at)).collect(),
            losses: losses
                .map(|loss| (loss.since.map(moment), moment(loss.until), loss))
                .map(|(since, until, loss)| (loss, since, until))
                .collect(),
            next: found.next.map(|next| filter.at(Some(next)).address()),
        }
    }
}
