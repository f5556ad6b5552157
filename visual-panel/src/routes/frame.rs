//! What is around every page, and how a page is answered.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, VARY},
    web::Data,
};
use askama::Template;
use service_kit::Problem;

use super::Panel;
use crate::{lang::Lang, prefix};

/// What is around every page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Under which path the browser sees the panel.
    pub(super) prefix: String,
    /// The reader's language.
    pub(super) lang: Lang,
    /// The page itself, for links within it.
    pub(super) page: String,
    /// Where the reader is, to come back to after choosing a language: with a form, the
    /// page that it was on.
    pub(super) here: String,
    /// Whether there are pages of the audit.
    pub(super) has_audit: bool,
}

impl Frame {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let query = request.query_string();
        let path = request.path().trim_start_matches('/');
        let here = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let panel = request.app_data::<Data<Panel>>();
        Self {
            prefix: prefix::of(request.headers()).to_owned(),
            lang: Lang::of(request),
            page: here.clone(),
            here,
            has_audit: panel.is_some_and(|panel| panel.audit.is_some()),
        }
    }

    /// For a stream, of which only the main part is shown.
    pub(super) fn of_stream(lang: Lang) -> Self {
        let nowhere = String::new;
        Self { prefix: nowhere(), lang, page: nowhere(), here: nowhere(), has_audit: false }
    }
}

/// The page, whole.
pub(super) fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    let body = page.render().map_err(|error| Problem::internal(&error))?;
    Ok(html_of(body))
}

/// A page that is drawn already.
pub(super) fn html_of(body: String) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    // Old a moment later; and the prefix in it is this request's own.
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((VARY, "Cookie"));
    response.content_type("text/html; charset=utf-8").body(body)
}
