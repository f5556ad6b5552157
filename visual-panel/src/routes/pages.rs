//! The pages, whole, and their main parts for whoever has the rest already.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;
use service_kit::Problem;
use uuid::Uuid;

use super::{
    Panel,
    frame::{Frame, html},
};
use crate::{
    clock::Clock,
    knowledge::Knowledge,
    lang::Lang,
    view::{
        Certainty, Link, View,
        proof::{Proof, Ruling},
        story::{Place, Story},
        switches::{Now, Switches},
    },
};

/// The page of laboratory 1. `as_principal` renders its main part alone, so that
/// both always show the same.
#[derive(Template)]
#[template(path = "lab1.html", blocks = ["principal"])]
struct Lab1 {
    frame: Frame,
    view: View,
}

#[derive(Template)]
#[template(path = "historia.html", blocks = ["principal"])]
struct StoryPage {
    frame: Frame,
    /// What was looked for, as it was typed.
    sought: String,
    story: Option<Story>,
}

#[derive(Template)]
#[template(path = "romper.html", blocks = ["principal"])]
struct SwitchesPage {
    frame: Frame,
    page: Switches,
    done: Option<Done>,
}

#[derive(Template)]
#[template(path = "prueba.html", blocks = ["principal"])]
struct ProofPage {
    frame: Frame,
    page: Proof,
}

/// Which page a stream keeps up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Page {
    /// Of laboratory 1.
    Camino,
    /// Of the switches.
    Romper,
    /// Of the proof.
    Prueba,
}

impl Page {
    /// Its main part, as it is now.
    pub(super) fn main_part(self, known: &Knowledge, lang: Lang) -> askama::Result<String> {
        let (frame, now) = (Frame::of_stream(lang), Clock::now());
        match self {
            Self::Camino => {
                Lab1 { frame, view: View::new(known, &now, lang) }.as_principal().render()
            }
            Self::Romper => {
                let page = Switches::new(known, &now, lang);
                SwitchesPage { frame, page, done: None }.as_principal().render()
            }
            Self::Prueba => {
                ProofPage { frame, page: Proof::new(known, &now, lang) }.as_principal().render()
            }
        }
    }
}

/// El laboratorio 1: el camino de los mensajes, las cuentas y los últimos eventos.
#[utoipa::path(
    get,
    path = "/",
    params(("X-Forwarded-Prefix" = Option<String>, Header, description = "Prefijo que quitó el proxy")),
    responses((status = 200, description = "La página del laboratorio 1", content_type = "text/html", body = String))
)]
pub(super) async fn lab1(
    panel: Data<Panel>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request);
    let view = View::new(&panel.now(), &Clock::now(), frame.lang);
    html(&Lab1 { frame, view })
}

/// La prueba: enviados, confirmados, en espera, contados, repetidos y perdidos.
#[utoipa::path(
    get,
    path = "/prueba",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn proof(
    panel: Data<Panel>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request);
    let page = Proof::new(&panel.now(), &Clock::now(), frame.lang);
    html(&ProofPage { frame, page })
}

/// What was just done, as the address says after a switch was thrown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Done {
    /// Whether it worked.
    hecho: Deed,
    /// The message that was sent, if one was.
    #[serde(default)]
    id: Option<Uuid>,
}

/// How throwing a switch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Deed {
    /// It is done.
    Si,
    /// It is armed, for a batch that is still to come.
    Armado,
    /// It is not done, or not everywhere.
    No,
}

impl Deed {
    /// Its word in the address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Si => "si",
            Self::Armado => "armado",
            Self::No => "no",
        }
    }
}

/// Los interruptores que rompen el laboratorio, si se encendió con `LAB_FAULTS=1`.
#[utoipa::path(
    get,
    path = "/romper",
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn switches(
    panel: Data<Panel>,
    done: Option<Query<Done>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request);
    let page = Switches::new(&panel.now(), &Clock::now(), frame.lang);
    let done = done.map(Query::into_inner);
    html(&SwitchesPage { frame, page, done })
}

/// What is sought.
#[derive(Debug, Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    id: String,
}

/// La historia de un mensaje: quién lo confirmó, cuántas veces se entregó, dónde está.
#[utoipa::path(
    get,
    path = "/historia",
    params(("id" = Option<String>, Query, description = "El UUID del mensaje")),
    responses((status = 200, description = "La página", content_type = "text/html", body = String))
)]
pub(super) async fn story(
    panel: Data<Panel>,
    sought: Query<Sought>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&request);
    let sought = sought.into_inner().id.trim().to_owned();
    let story = match Uuid::parse_str(&sought) {
        Ok(id) => Some(tell(&panel, id, frame.lang).await),
        Err(_) => None,
    };
    html(&StoryPage { frame, sought, story })
}

async fn tell(panel: &Panel, id: Uuid, lang: Lang) -> Story {
    let memory = panel.memories.of(id, &panel.now()).await;
    Story::new(id.to_string(), &memory, &panel.now(), &Clock::now(), lang)
}
