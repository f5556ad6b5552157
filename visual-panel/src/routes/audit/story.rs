//! The story of one message, and its payload where somebody asks to see it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Form, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Visitor, visitor::Turned};
use crate::{
    audit::wire::{Stories, Who},
    clock::Clock,
    routes::frame::{Frame, html},
    view::audit::{
        payload::{Payload, Shown},
        tale::Tale,
    },
};

#[derive(Template)]
#[template(path = "auditoria/mensaje.html")]
struct StoryPage {
    frame: Frame,
    who: Option<Who>,
    /// Its key or its id, as in the address.
    name: String,
    tale: Tale,
    /// What was just done with it.
    done: Option<Done>,
}

/// How sending it once more ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Done {
    /// The destination's queue has it once more.
    Reenviado,
    /// It waits for its destination, and goes by itself.
    Espera,
    /// A new message was made, which is shown here.
    Nuevo,
}

/// What the address says beside the name.
#[derive(Debug, Deserialize)]
pub(super) struct Arrival {
    #[serde(default)]
    hecho: Option<Done>,
}

#[derive(Template)]
#[template(path = "auditoria/contenido.html")]
struct PayloadPage {
    frame: Frame,
    who: Option<Who>,
    key: String,
    payload: Payload,
}

/// La historia de un mensaje: cada paso con su hora, y cuánto duró cada etapa.
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "La clave del mensaje, o su UUID")),
    responses(
        (status = 200, description = "La página", content_type = "text/html", body = String),
        (status = 303, description = "A la entrada, si no hay sesión"),
    )
)]
pub(super) async fn page(
    name: Path<String>,
    arrival: Result<Query<Arrival>, actix_web::Error>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let (name, done) = (name.into_inner(), arrival.ok().and_then(|arrival| arrival.hecho));
    let segments = ["mensajes", &name];
    let (who, stories) = visitor.asks(visitor.session.get::<Stories>(&segments, &[])).await?;
    let frame = visitor.frame;
    let tale = Tale::new(stories, Clock::now().wall, frame.lang);
    Ok(html(&StoryPage { frame, who: Some(who), name, tale, done })?)
}

/// Which payload.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Wanted {
    /// What the message is known by.
    clave: String,
    /// The first byte to see, from 0.
    #[serde(default)]
    desde: usize,
}

/// El contenido de un mensaje, como texto: verlo queda apuntado.
#[utoipa::path(
    post,
    path = "/contenido",
    request_body(content = Wanted, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "La página", content_type = "text/html", body = String),
        (status = 303, description = "A la entrada, si no hay sesión"),
        (status = 403, description = "La petición viene de otro sitio"),
    )
)]
pub(super) async fn payload(
    wanted: Form<Wanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Turned> {
    let Wanted { clave: key, desde: first } = wanted.into_inner();
    let visitor = Visitor::posting_from(&request, &place(&key))?;
    let (who, part) = visitor.asks(visitor.session.payload(&key, first)).await?;
    let frame = visitor.frame;
    let payload = Payload::new(part, frame.lang);
    Ok(html(&PayloadPage { frame, who: Some(who), key, payload })?)
}

/// The page of a message, relative to the panel; without what is no key.
pub(super) fn place(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if key.bytes().all(is_plain) { format!("auditoria/mensajes/{key}") } else { "auditoria".into() }
}
