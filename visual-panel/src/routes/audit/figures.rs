//! Statistics, and how long what is kept.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Form, Query},
};
use askama::Template;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Visitor,
    search::borrowed,
    visitor::{Arrival, Turned, unknown_action},
};
use crate::{
    audit::{
        filter::{Filter, Pairs, field},
        wire::{Retention, RetentionRule, Statistics, Who},
    },
    routes::{
        frame::{Frame, html},
        switch::back,
    },
    view::audit::{fault::Fault, figures::Figures},
};

const RETENTION: &str = "auditoria/conservacion";

#[derive(Template)]
#[template(path = "auditoria/estadisticas.html")]
struct StatisticsPage {
    frame: Frame,
    who: Option<Who>,
    filter: Filter,
    figures: Result<Figures, Fault>,
}

#[derive(Template)]
#[template(path = "auditoria/conservacion.html")]
struct RetentionPage {
    frame: Frame,
    who: Option<Who>,
    rules: Vec<RetentionRule>,
    is_done: bool,
}

/// Cuántos mensajes hubo, de quién y en qué estado, y cuánto duró cada etapa.
#[utoipa::path(
    get,
    path = "/estadisticas",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn statistics(
    query: Query<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::among(&["desde", "hasta", "origen", "destino"], &query);
    let question = filter.restrictions();
    let question = borrowed(&question);
    let counted = visitor.session.get::<Statistics>(&["estadisticas"], &question);
    let (who, counted) = visitor.tries(counted).await?;
    let frame = visitor.frame;
    let figures = counted
        .map(|counted| Figures::new(counted, frame.lang))
        .map_err(|refusal| Fault::new(&refusal, frame.lang));
    Ok(html(&StatisticsPage { frame, who: Some(who), filter, figures })?)
}

/// Cuánto se guarda cada tipo de mensaje.
#[utoipa::path(
    get,
    path = "/conservacion",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn retention(
    arrival: Arrival,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let rules = visitor.session.get::<Retention>(&["retencion"], &[]);
    let (who, Retention { rules }) = visitor.asks(rules).await?;
    let (frame, is_done) = (visitor.frame, arrival.is_done());
    Ok(html(&RetentionPage { frame, who: Some(who), rules, is_done })?)
}

/// Fija o quita cuánto se guarda un tipo de mensaje.
#[utoipa::path(
    post,
    path = "/conservacion",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio, o el papel no alcanza"),
    )
)]
pub(super) async fn keep(form: Form<Pairs>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, RETENTION)?;
    let kind = Some(field(&form, "tipo")).filter(|kind| !kind.is_empty()).unwrap_or("*");
    let (method, body) = match field(&form, "accion") {
        "poner" => (Method::PUT, Some(terms(&form))),
        "quitar" => (Method::DELETE, None),
        _ => return Err(unknown_action()),
    };
    visitor.asks(visitor.session.tell(method, &["retencion", kind], body.as_ref())).await?;
    Ok(back(&request, &format!("{RETENTION}?hecho=si")))
}

/// Days, where they are given; what is no number is handed on for the proxy to refuse.
fn terms(form: &Pairs) -> Value {
    let mut terms = json!({});
    for name in ["contenido_dias", "mensaje_dias"] {
        let text = field(form, name);
        if !text.is_empty() {
            terms[name] = text.parse::<u64>().map_or_else(|_| text.into(), Value::from);
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_are_left_empty_are_not_set() {
        let form = [("contenido_dias", "30"), ("mensaje_dias", "")];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(terms(&form), json!({"contenido_dias": 30}));
        let form = vec![("mensaje_dias".to_owned(), "muchos".to_owned())];
        assert_eq!(terms(&form), json!({"mensaje_dias": "muchos"}));
    }
}
