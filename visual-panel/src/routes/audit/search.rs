//! The search, and what it found as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    web::Query,
};
use askama::Template;
use futures_util::TryStreamExt;
use reqwest::Response;

use super::{Visitor, visitor::Turned};
use crate::{
    audit::{
        Refusal,
        filter::{Filter, Pairs, field},
        wire::{Found, Who},
    },
    clock::Clock,
    routes::frame::{Frame, html},
    view::audit::{fault::Fault, list::List},
};

#[derive(Template)]
#[template(path = "auditoria/buscar.html")]
struct SearchPage {
    frame: Frame,
    who: Option<Who>,
    filter: Filter,
    found: Result<List, Fault>,
}

impl SearchPage {
    /// Whether the reader may send messages once more.
    fn may_resend(&self) -> bool {
        self.who.as_ref().is_some_and(Who::may_resend)
    }

    /// The search from its beginning, whichever page of it is shown.
    fn whole_search(&self) -> Vec<(&'static str, String)> {
        self.filter.at(None).question()
    }

    /// Query of the file with all that was found.
    fn export(&self, format: &str) -> String {
        let mut pairs = self.filter.restrictions();
        pairs.push(("formato", format.to_owned()));
        crate::audit::filter::encoded(&pairs)
    }
}

/// Busca entre los mensajes que pasaron por el proxy.
#[utoipa::path(
    get,
    path = "",
    responses(
        (status = 200, description = "La página", content_type = "text/html", body = String),
        (status = 303, description = "A la entrada, si no hay sesión"),
    )
)]
pub(super) async fn page(
    query: Query<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::of(&query);
    let (who, found) = visitor.tries(search(&visitor, &filter)).await?;
    let (frame, now) = (visitor.frame, Clock::now().wall);
    let found = found
        .map(|found| List::new(found, &filter, now, frame.lang))
        .map_err(|refusal| Fault::new(&refusal, frame.lang));
    Ok(html(&SearchPage { frame, who: Some(who), filter, found })?)
}

async fn search(visitor: &Visitor, filter: &Filter) -> Result<Found, Refusal> {
    let question = filter.question();
    visitor.session.get(&["mensajes"], &borrowed(&question)).await
}

/// As a question takes it.
pub(super) fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Todo lo encontrado, como CSV o NDJSON, según va llegando.
#[utoipa::path(
    get,
    path = "/exportar",
    params(
        ("formato" = String, Query, description = "csv o ndjson"),
        ("bom" = Option<String>, Query, description = "«si»: un CSV que Excel abre con sus acentos"),
    ),
    responses(
        (status = 200, description = "El fichero", content_type = "text/csv", body = String),
        (status = 303, description = "A la entrada, si no hay sesión"),
    )
)]
pub(super) async fn export(
    query: Query<Pairs>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::of(&query);
    let mut question = filter.restrictions();
    question.push(("orden", filter.order().to_owned()));
    let format = query.iter().find(|(name, _)| name == "formato").map_or("csv", |(_, it)| it);
    question.push(("formato", format.to_owned()));
    if field(&query, "bom") == "si" {
        question.push(("bom", "si".to_owned()));
    }
    let answer = visitor.session.stream(&["mensajes", "exportar"], &borrowed(&question)).await;
    let answer = answer.map_err(|refusal| visitor.refused(&refusal, None))?;
    Ok(file(answer, if format == "csv" { "csv" } else { "ndjson" }))
}

/// Handed on as it comes: what breaks off there breaks off here.
fn file(answer: Response, ending: &str) -> HttpResponse {
    let media_type = answer.headers().get(CONTENT_TYPE.as_str());
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let body =
        answer.bytes_stream().inspect_err(|error| log::warn!("an export broke off: {error}"));
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"mensajes.{ending}\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(body)
}
