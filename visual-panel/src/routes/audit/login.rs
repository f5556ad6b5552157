//! Logging in and out: the token is the browser's to keep, in a cookie that goes to the
//! pages of the audit alone, that no script can read, and no other site can send.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    web::{Data, Form, Query},
};
use askama::Template;
use serde::Deserialize;
use service_kit::{Problem, caller};
use utoipa::ToSchema;

use super::visitor::{COOKIE, Turned, Visitor, off, status};
use crate::{
    audit::{Refusal, wire::Who},
    prefix,
    routes::{
        Panel,
        frame::{Frame, html_of},
        origin,
        switch::{back, own_page},
    },
    view::audit::fault::Fault,
};

#[derive(Template)]
#[template(path = "auditoria/entrar.html")]
struct LoginPage {
    frame: Frame,
    who: Option<Who>,
    /// Where to go on to.
    volver: String,
    /// The name that was typed.
    account: String,
    /// Why the last attempt failed.
    fault: Option<Fault>,
    /// How logging out ended, where that was just done.
    left: Option<Left>,
    /// Whether another site led here: such a visit comes without the cookie.
    is_from_elsewhere: bool,
}

/// What brought the reader here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Arrival {
    #[serde(default)]
    volver: String,
    #[serde(default)]
    hecho: Option<Left>,
}

/// How logging out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Left {
    /// The login has ended.
    Salida,
    /// The browser has forgotten it, but the proxy did not answer.
    SalidaSinCerrar,
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
pub(super) struct Login {
    /// The account's name.
    cuenta: String,
    /// Its password.
    clave: String,
    /// Where to go on to, relative to the panel.
    #[serde(default)]
    volver: String,
}

/// La entrada a la auditoría.
#[utoipa::path(
    get,
    path = "/entrar",
    params(("volver" = Option<String>, Query, description = "La página a la que seguir")),
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn page(
    arrival: Query<Arrival>,
    request: HttpRequest,
    panel: Data<Panel>,
) -> Result<HttpResponse, Turned> {
    let frame = Frame::of(&request);
    if panel.audit.is_none() {
        return Err(off(frame));
    }
    let Arrival { volver, hecho } = arrival.into_inner();
    let site = request.headers().get("sec-fetch-site").map(|site| site.as_bytes().to_owned());
    let page = LoginPage {
        frame,
        who: None,
        volver: wanted(&volver).to_owned(),
        account: String::new(),
        fault: None,
        left: hecho,
        is_from_elsewhere: site.as_deref() == Some(b"cross-site"),
    };
    Ok(shown(&page)?)
}

/// Entra con cuenta y clave: la sesión queda en una cookie de estas páginas.
#[utoipa::path(
    post,
    path = "/entrar",
    request_body(content = Login, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "A la página que se quería"),
        (status = 403, description = "La página otra vez, que dice por qué no; o la petición viene de otro sitio", content_type = "text/html", body = String),
    )
)]
pub(super) async fn log_in(
    form: Form<Login>,
    request: HttpRequest,
    panel: Data<Panel>,
) -> Result<HttpResponse, Turned> {
    origin::check(&request)?;
    let Some(audit) = &panel.audit else { return Err(off(Frame::of(&request))) };
    let Login { cuenta, clave, volver } = form.into_inner();
    let volver = wanted(&volver);
    match audit.log_in(&cuenta, &clave, caller::address(&request)).await {
        Ok(session) => {
            let mut response = back(&request, volver);
            let cookie = cookie(&request, session.token);
            response.add_cookie(&cookie).map_err(|error| Problem::internal(&error))?;
            Ok(response)
        }
        Err(refusal) => Ok(once_more(&request, &refusal, cuenta, volver)?),
    }
}

/// Cierra la sesión.
#[utoipa::path(
    post,
    path = "/salir",
    responses(
        (status = 303, description = "A la entrada"),
        (status = 403, description = "La petición viene de otro sitio"),
    )
)]
pub(super) async fn log_out(request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, "auditoria")?;
    let left = match visitor.session.log_out().await {
        // Not logged in any more is as good.
        Ok(()) | Err(Refusal::NotLoggedIn) => "salida",
        Err(refusal) => {
            log::warn!("a session was not ended: {refusal:?}");
            "salida-sin-cerrar"
        }
    };
    let mut response = back(&request, &format!("auditoria/entrar?hecho={left}"));
    let mut cookie = cookie(&request, String::new());
    cookie.set_max_age(Duration::ZERO);
    response.add_cookie(&cookie).map_err(|error| Problem::internal(&error))?;
    Ok(response)
}

/// The login again, with what went wrong.
fn once_more(
    request: &HttpRequest,
    refusal: &Refusal,
    account: String,
    volver: &str,
) -> Result<HttpResponse, Problem> {
    let frame = Frame { here: "auditoria/entrar".to_owned(), ..Frame::of(request) };
    let mut fault = Fault::new(refusal, frame.lang);
    if matches!(refusal, Refusal::NotLoggedIn) {
        let wrong = ("La cuenta o la clave no son correctas", "Account or password are wrong");
        frame.lang.say(wrong.0, wrong.1).clone_into(&mut fault.title);
    }
    let page = LoginPage {
        frame,
        who: None,
        volver: volver.to_owned(),
        account,
        fault: Some(fault),
        left: None,
        is_from_elsewhere: false,
    };
    let mut response = shown(&page)?;
    *response.status_mut() = status(refusal);
    Ok(response)
}

fn shown(page: &LoginPage) -> Result<HttpResponse, Problem> {
    let html = page.render().map_err(|error| Problem::internal(&error))?;
    Ok(html_of(html))
}

/// Gone with the browser's window; the proxy ends it earlier if it wants.
fn cookie(request: &HttpRequest, token: String) -> Cookie<'static> {
    let path = format!("{}/auditoria", prefix::of(request.headers()));
    Cookie::build(COOKIE, token)
        .path(path)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(request.connection_info().scheme() == "https")
        .finish()
}

/// A page of the audit to go on to: never the login itself, never elsewhere.
fn wanted(page: &str) -> &str {
    let own = own_page(page);
    let is_login = ["auditoria/entrar", "auditoria/salir"].iter().any(|one| own.starts_with(one));
    if own.starts_with("auditoria") && !is_login { own } else { "auditoria" }
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn after_the_login_one_goes_on_to_a_page_of_the_audit() {
        for page in ["auditoria", "auditoria?estado=error&texto=a+b", "auditoria/mensajes/x"] {
            assert_eq!(wanted(page), page);
        }
        for page in
            ["", "romper", "//evil.example", "auditoria/entrar?volver=x", "auditoria//evil.example"]
        {
            assert_eq!(wanted(page), "auditoria", "{page}");
        }
    }
}
