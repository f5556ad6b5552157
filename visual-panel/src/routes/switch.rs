//! What a reader may change: a switch of the laboratory, and the language.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::{StatusCode, header::LOCATION},
    web::{Data, Form},
};
use serde::Deserialize;
use service_kit::Problem;
use tokio::{sync::watch, time::timeout};
use utoipa::ToSchema;

use super::{Panel, origin, pages::Deed};
use crate::{
    clock::Clock,
    faults::{MAX_DELAY_MS, Thrown},
    knowledge::Knowledge,
    lang,
    lang::Lang,
    prefix,
    view::switches::Switch,
};

/// How long a thrown switch waits to be seen: two rounds of questions.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// How long the choice of a language is remembered.
const YEAR: Duration = Duration::days(365);

/// A switch, and its new state where it has one.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Throw {
    /// Which.
    #[schema(value_type = String)]
    fallo: Switch,
    /// 0 is off; milliseconds for `lento`.
    #[serde(default)]
    valor: u64,
}

/// Acciona un interruptor y vuelve a la página.
#[utoipa::path(
    post,
    path = "/romper",
    request_body(content = Throw, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio"),
        (status = 404, description = "El laboratorio no se encendió con LAB_FAULTS=1"),
    )
)]
pub(super) async fn throw(
    panel: Data<Panel>,
    request: HttpRequest,
    form: Form<Throw>,
) -> Result<HttpResponse, Problem> {
    origin::check(&request)?;
    if panel.known.borrow().faults.is_none() {
        return Err(Problem::of_status(StatusCode::NOT_FOUND));
    }
    let Throw { fallo, valor } = form.into_inner();
    let thrown = panel.services.throw(fallo, valor.min(MAX_DELAY_MS)).await;
    all_asked_since(panel.known.clone(), Clock::now()).await;
    let (deed, id) = match thrown {
        Ok(Thrown::Done) => (Deed::Si, String::new()),
        Ok(Thrown::Sent(id)) => (Deed::Si, format!("&id={id}")),
        Ok(Thrown::Armed) => (Deed::Armado, String::new()),
        Err(away) => {
            log::warn!("switch {} was not thrown: {}", fallo.name(), away.detail);
            (Deed::No, String::new())
        }
    };
    Ok(back(&request, &format!("romper?hecho={}{id}#{}", deed.word(), fallo.name())))
}

/// Waits until every service has been asked after `moment`, so that the page one
/// comes back to shows what was done; not for long, for one may be away.
async fn all_asked_since(mut known: watch::Receiver<Knowledge>, moment: Clock) {
    let all = known.wait_for(|known| known.all_asked_since(&moment));
    // Without it, the page is a moment old.
    let _ = timeout(PATIENCE, all).await;
}

/// A language, and the page to come back to.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Choice {
    /// `es` or `en`.
    idioma: String,
    /// Relative to the panel.
    #[serde(default)]
    volver: String,
}

/// Elige el idioma del panel y lo recuerda en una cookie.
#[utoipa::path(
    post,
    path = "/idioma",
    request_body(content = Choice, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "De vuelta a la página"),
        (status = 422, description = "No es un idioma del panel"),
    )
)]
pub(super) async fn choose(
    request: HttpRequest,
    choice: Form<Choice>,
) -> Result<HttpResponse, Problem> {
    origin::check(&request)?;
    let chosen = Lang::from_code(&choice.idioma)
        .ok_or_else(|| Problem::of_status(StatusCode::UNPROCESSABLE_ENTITY))?;
    // Without a slash at its end: `/panel` itself is a page too.
    let prefix = Some(prefix::of(request.headers())).filter(|prefix| !prefix.is_empty());
    let cookie = Cookie::build(lang::COOKIE, chosen.code())
        .path(prefix.unwrap_or("/"))
        .max_age(YEAR)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    let mut response = back(&request, own_page(&choice.volver));
    response.add_cookie(&cookie).map_err(|error| Problem::internal(&error))?;
    Ok(response)
}

/// Pages that a reader may be sent back to: never to another site.
pub(super) fn own_page(wanted: &str) -> &str {
    let page = wanted.split(['?', '#']).next().unwrap_or_default();
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_own = ["historia", "romper", "prueba"].contains(&page) || is_of_audit(page);
    if is_plain && is_own { wanted } else { "" }
}

/// Pages of the audit, which have pages below them.
fn is_of_audit(page: &str) -> bool {
    let below = page.strip_prefix("auditoria");
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    below.is_some_and(is_below) && !page.contains("//") && !page.contains("..")
}

/// Back to a page of the panel.
pub(super) fn back(request: &HttpRequest, page: &str) -> HttpResponse {
    let place = format!("{}/{page}", prefix::of(request.headers()));
    HttpResponse::SeeOther().insert_header((LOCATION, place)).finish()
}

#[cfg(test)]
mod tests {
    use super::own_page;

    #[test]
    fn a_reader_is_sent_back_to_the_panels_own_pages_only() {
        for own in [
            "historia?id=x",
            "romper",
            "prueba#a",
            "auditoria",
            "auditoria?estado=error",
            "auditoria/mensajes/x",
        ] {
            assert_eq!(own_page(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "https://evil.example",
            "otra",
            "romper\r\nx: y",
            "/romper",
            "auditoriax",
            "auditoria//evil.example",
            "auditoria/../romper",
            "auditoria\\evil",
        ] {
            assert_eq!(own_page(other), "", "{other}");
        }
    }
}
