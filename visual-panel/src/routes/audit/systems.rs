//! The register of systems: everybody sees it, administrators keep it.

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
        Refusal,
        filter::{Filter, Pairs, encoded, field},
        wire::{Issued, System, Systems, Who},
    },
    routes::{
        frame::{Frame, html},
        switch::back,
    },
};

const HERE: &str = "auditoria/sistemas";

#[derive(Template)]
#[template(path = "auditoria/sistemas.html")]
struct SystemsPage {
    frame: Frame,
    who: Option<Who>,
    filter: Filter,
    systems: Vec<System>,
    /// Query of the next page.
    next: Option<String>,
    /// Whether one system is shown, with what can be done with it.
    is_alone: bool,
    is_done: bool,
}

/// Systems on a page.
const ON_A_PAGE: &str = "50";

/// What is shown once.
#[derive(Template)]
#[template(path = "auditoria/credencial.html")]
struct IssuedPage {
    frame: Frame,
    who: Option<Who>,
    system: String,
    issued: Issued,
}

/// Los sistemas cliente, con sus buzones, por páginas; o uno, y lo que se puede hacer con él.
#[utoipa::path(
    get,
    path = "/sistemas",
    params(
        ("nombre" = Option<String>, Query, description = "Solo este"),
        ("texto" = Option<String>, Query, description = "Con esto en su nombre o su descripción"),
    ),
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn page(
    query: Query<Pairs>,
    arrival: Arrival,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let filter = Filter::among(&["texto"], &query);
    let name = field(&query, "nombre");
    let (who, Systems { systems, next }) = visitor.asks(found(&visitor, name, &filter)).await?;
    let next = next.map(|next| filter.at(Some(next)).address());
    let (frame, is_alone, is_done) = (visitor.frame, !name.is_empty(), arrival.is_done());
    Ok(html(&SystemsPage { frame, who: Some(who), filter, systems, next, is_alone, is_done })?)
}

/// One system, or a page of those that are searched for.
async fn found(visitor: &Visitor, name: &str, filter: &Filter) -> Result<Systems, Refusal> {
    if !name.is_empty() {
        let system = visitor.session.get::<System>(&["sistemas", name], &[]).await?;
        return Ok(Systems { systems: vec![system], next: None });
    }
    let mut question = filter.unordered();
    question.push(("limite", ON_A_PAGE.to_owned()));
    visitor.session.get(&["sistemas"], &borrowed(&question)).await
}

/// Da de alta un sistema, lo cambia, lo suspende, lo retira, o le da y quita credenciales.
#[utoipa::path(
    post,
    path = "/sistemas",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Una credencial nueva, que se muestra una vez", content_type = "text/html", body = String),
        (status = 303, description = "De vuelta a la página"),
        (status = 403, description = "La petición viene de otro sitio, o el papel no alcanza"),
    )
)]
pub(super) async fn act(form: Form<Pairs>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::posting_from(&request, HERE)?;
    if field(&form, "accion") == "credencial" {
        return issue(visitor, field(&form, "nombre")).await;
    }
    let deed = deed(&form).ok_or_else(unknown_action)?;
    visitor.asks(do_it(&visitor, deed, &form)).await?;
    let name = [("nombre", field(&form, "nombre")), ("hecho", "si")];
    Ok(back(&request, &format!("{HERE}{}", encoded(&name))))
}

/// What is to be done with a system, by a form.
fn deed(form: &Pairs) -> Option<(Method, Option<Value>)> {
    let standing = |standing: &str| Some((Method::PATCH, Some(json!({"situacion": standing}))));
    match field(form, "accion") {
        "alta" => Some((Method::POST, Some(profile(form, true)))),
        "cambiar" => Some((Method::PATCH, Some(profile(form, false)))),
        "suspender" => standing("suspendido"),
        "activar" => standing("activo"),
        "retirar" | "quitar" => Some((Method::DELETE, None)),
        _ => None,
    }
}

/// What a form says of a system; with its name where that is new.
fn profile(form: &Pairs, is_new: bool) -> Value {
    let states: Vec<_> = field(form, "estados").split([',', ' ', '\r', '\n']).collect();
    let states: Vec<_> = states.into_iter().filter(|state| !state.is_empty()).collect();
    let mut profile = json!({"descripcion": field(form, "descripcion"), "estados": states});
    if is_new {
        profile["nombre"] = field(form, "nombre").into();
    }
    profile
}

async fn do_it(
    visitor: &Visitor,
    (method, body): (Method, Option<Value>),
    form: &Pairs,
) -> Result<(), Refusal> {
    let (name, user) = (field(form, "nombre"), field(form, "usuario"));
    let segments = match field(form, "accion") {
        "alta" => vec!["sistemas"],
        "quitar" => vec!["sistemas", name, "credenciales", user],
        _ => vec!["sistemas", name],
    };
    visitor.session.tell(method, &segments, body.as_ref()).await
}

async fn issue(visitor: Visitor, system: &str) -> Result<HttpResponse, Turned> {
    let segments = ["sistemas", system, "credenciales"];
    let nothing = json!({});
    let issued = visitor.session.send::<Issued>(Method::POST, &segments, &nothing);
    let (who, issued) = visitor.asks(issued).await?;
    let (frame, system) = (visitor.frame, system.to_owned());
    Ok(html(&IssuedPage { frame, who: Some(who), system, issued })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Pairs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn states_are_taken_however_they_are_separated() {
        let given = form(&[("nombre", "redmine"), ("estados", "aplazado, en_firma\r\nroto")]);
        let expected = json!({"nombre": "redmine", "descripcion": "",
                              "estados": ["aplazado", "en_firma", "roto"]});
        assert_eq!(profile(&given, true), expected);
    }

    #[test]
    fn a_form_that_says_nothing_known_does_nothing() {
        assert_eq!(deed(&form(&[("accion", "borrarlo-todo")])), None);
        let suspended = Some((Method::PATCH, Some(json!({"situacion": "suspendido"}))));
        assert_eq!(deed(&form(&[("accion", "suspender")])), suspended);
    }
}
