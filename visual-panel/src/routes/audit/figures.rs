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
        wire::{Retention, Statistics, Who},
    },
    routes::{
        frame::{Frame, html},
        switch::back,
    },
    view::audit::{fault::Fault, figures::Figures, size},
};

const RETENTION: &str = "auditoria/conservacion";

/// Limits of size are asked for in MiB.
const MIB: u64 = 1 << 20;

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
    retention: Retention,
    is_done: bool,
}

impl RetentionPage {
    /// What is kept, and of how much, where there is a limit.
    fn sizes(&self) -> Vec<(&'static str, String)> {
        let Retention { kept: Some(kept), max_payload_bytes, max_bytes, .. } = &self.retention
        else {
            return Vec::new();
        };
        let lang = self.frame.lang;
        let of = |bytes, limit: &Option<u64>| match limit {
            Some(limit) => {
                format!("{} {} {}", size(bytes, lang), lang.say("de", "of"), size(*limit, lang))
            }
            None => format!("{}, {}", size(bytes, lang), lang.say("sin tope", "without a limit")),
        };
        vec![
            (lang.say("Los contenidos", "Payloads"), of(kept.payload_bytes, max_payload_bytes)),
            (lang.say("Todo", "Everything"), of(kept.bytes, max_bytes)),
        ]
    }

    /// What the field of a limit holds before it is changed.
    fn mib(limit: Option<u64>) -> String {
        limit.map(|bytes| bytes.div_ceil(MIB).to_string()).unwrap_or_default()
    }
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

/// Cuánto se guarda cada tipo de mensaje, y cuánto puede ocupar todo.
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
    let retention = visitor.session.get(&["retencion"], &[]);
    let (who, retention) = visitor.asks(retention).await?;
    let (frame, is_done) = (visitor.frame, arrival.is_done());
    Ok(html(&RetentionPage { frame, who: Some(who), retention, is_done })?)
}

/// Fija o quita cuánto se guarda un tipo de mensaje, o fija cuánto puede ocupar todo.
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
    let (method, of_kind, body) = match field(&form, "accion") {
        "poner" => (Method::PUT, Some(kind), Some(terms(&form))),
        "quitar" => (Method::DELETE, Some(kind), None),
        "topes" => (Method::PUT, None, Some(limits(&form))),
        _ => return Err(unknown_action()),
    };
    let segments: Vec<_> = ["retencion"].into_iter().chain(of_kind).collect();
    visitor.asks(visitor.session.tell(method, &segments, body.as_ref())).await?;
    Ok(back(&request, &format!("{RETENTION}?hecho=si")))
}

/// Days, where they are given.
fn terms(form: &Pairs) -> Value {
    numbers(form, ["contenido_dias", "mensaje_dias"].map(|name| (name, name)), 1)
}

/// Bytes, where MiB are given.
fn limits(form: &Pairs) -> Value {
    let names = [("contenido_mib", "contenido_bytes_max"), ("mib", "bytes_max")];
    numbers(form, names, MIB)
}

/// Numbers of a form in units of `unit`, under the names that the proxy knows; what is none
/// is handed on for the proxy to refuse.
fn numbers(form: &Pairs, names: [(&str, &str); 2], unit: u64) -> Value {
    let mut numbers = json!({});
    for (from, to) in names {
        let text = field(form, from);
        if !text.is_empty() {
            let number = text.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
            numbers[to] = number.map_or_else(|| text.into(), Value::from);
        }
    }
    numbers
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

    #[test]
    fn limits_are_asked_for_in_mib_and_set_in_bytes() {
        let form = |text: &str| vec![("mib".to_owned(), text.to_owned())];
        assert_eq!(limits(&form("3")), json!({"bytes_max": 3_145_728}));
        assert_eq!(limits(&form("")), json!({}));
        let most = u64::MAX.to_string();
        assert_eq!(limits(&form(&most)), json!({ "bytes_max": most }));
    }
}
