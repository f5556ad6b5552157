//! The story of one message, and its payload where somebody asks to see it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Form, Path},
};
use askama::Template;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Visitor, visitor::Turned};
use crate::{
    audit::{
        Refusal,
        wire::{Stories, Who},
    },
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
    id: String,
    tale: Tale,
}

#[derive(Template)]
#[template(path = "auditoria/contenido.html")]
struct PayloadPage {
    frame: Frame,
    who: Option<Who>,
    id: String,
    payload: Payload,
}

/// La historia de un mensaje: cada paso con su hora, y cuánto duró cada etapa.
#[utoipa::path(
    get,
    path = "/mensajes/{id}",
    params(("id" = String, Path, description = "El UUID del mensaje")),
    responses(
        (status = 200, description = "La página", content_type = "text/html", body = String),
        (status = 303, description = "A la entrada, si no hay sesión"),
        (status = 404, description = "No se sabe nada de él"),
    )
)]
pub(super) async fn page(id: Path<String>, request: HttpRequest) -> Result<HttpResponse, Turned> {
    let visitor = Visitor::of(&request)?;
    let id = id.into_inner();
    let segments = ["mensajes", &id];
    let (who, stories) = visitor.asks(visitor.session.get::<Stories>(&segments, &[])).await?;
    let frame = visitor.frame;
    let tale = Tale::new(stories, Clock::now().wall, frame.lang);
    Ok(html(&StoryPage { frame, who: Some(who), id, tale })?)
}

/// Which payload.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Wanted {
    /// The message's UUID.
    id: String,
    /// The system that it is from.
    #[serde(default)]
    origen: String,
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
    let Wanted { id, origen: source } = wanted.into_inner();
    let visitor = Visitor::posting_from(&request, &place(&id))?;
    let (who, payload) = visitor.asks(look(&visitor, &id, &source)).await?;
    let frame = visitor.frame;
    Ok(html(&PayloadPage { frame, who: Some(who), id, payload })?)
}

/// The page of a message, relative to the panel; without what is no id.
pub(super) fn place(id: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.bytes().all(is_plain) { format!("auditoria/mensajes/{id}") } else { "auditoria".into() }
}

/// Asks for a payload; the proxy takes that down.
async fn look(visitor: &Visitor, id: &str, source: &str) -> Result<Payload, Refusal> {
    let query = [("origen", source)];
    let query = if source.is_empty() { &query[..0] } else { &query[..] };
    let segments = ["mensajes", id, "contenido"];
    let (content_type, bytes) = visitor.session.bytes(&segments, query).await?;
    Ok(Payload::new(&bytes, content_type, visitor.frame.lang))
}
