//! The story of one message, as a timeline with durations. Pure.

mod durations;

use jiff::Timestamp;
use messages::excerpt::excerpt;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    lifecycle::{FORWARDED, RECEIVED, REFUSED},
    redact::HIDDEN,
    register::PROXY,
    store::{Again, Attempt, Entry, KeptNotice, Key, Link},
    why::PorQue,
};

/// Properties of one message that are told.
const MAX_PROPERTIES: usize = 100;

/// Longest value of one that is told, in characters.
const MAX_VALUE: usize = 1000;

/// A message with all that happened to it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Historia {
    /// What it is known by here: every message has one, and no two the same.
    pub clave: String,
    /// The message's UUID; none where it came without.
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    /// The system that it is from.
    pub origen: Option<String>,
    /// The system that it is for.
    pub destino: Option<String>,
    /// What kind of message it is.
    pub tipo: Option<String>,
    /// What it belongs to.
    pub correlacion: Option<String>,
    /// The payload's media type.
    pub tipo_de_contenido: Option<String>,
    /// The payload's size in bytes.
    pub bytes: i64,
    /// `guardado`, or `retirado` where retention took the payload away.
    pub contenido: &'static str,
    /// Its state now.
    pub estado: String,
    /// Why it was not admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motivo: Option<String>,
    /// Why it has not been processed; none where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub por_que: Option<PorQue>,
    /// What happened, in the order in which the proxy learnt of it.
    pub pasos: Vec<Paso>,
    /// How long each stage took; that of the first attempt.
    pub duraciones: Duraciones,
    /// Messages that were made of it here, or that it was made of.
    pub enlaces: Vec<Enlace>,
    /// All that it said of itself beside its payload, as its publisher wrote it; null where
    /// that is not kept, or no more.
    pub propiedades: Option<Vec<Propiedad>>,
}

/// A property of AMQP (`priority`, `reply_to`…), or a header (`headers.traceparent`…).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Propiedad {
    /// Its name.
    pub nombre: String,
    /// Its value as a text; what is not UTF-8 shows as escapes of its octets.
    pub valor: String,
}

/// A message that this one was made of, or that was made of this one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Enlace {
    /// `hecho_de` or `dio_lugar_a`.
    pub relacion: &'static str,
    /// The other message's UUID.
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    /// What the other one is known by here.
    pub clave: String,
    /// Who made it.
    pub quien: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub a_las: Timestamp,
}

/// Something that happened to a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Paso {
    /// `creado`, `recibido`, `reenviado`, `no_admitido`, `notificado`, or
    /// `reenvio_pedido`.
    pub paso: &'static str,
    /// When, by the clock of `quien`.
    #[schema(value_type = String, format = DateTime)]
    pub a_las: Timestamp,
    /// The system that says so, or `audit-proxy`.
    pub quien: String,
    /// What a notification told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notificacion: Option<Notificado>,
    /// Which attempt to forward it, where it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intento: Option<i64>,
}

/// What a notification told, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Notificado {
    /// The notification's own UUID.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The state that it told.
    pub estado: String,
    /// What it added.
    pub detalles: Option<String>,
    /// `aplicada`, `repetida`, `tardia`, `ajena`, `estado_desconocido` or `sin_mensaje`.
    pub efecto: String,
    /// The message's state until then.
    pub antes: Option<String>,
    /// When the proxy got it.
    #[schema(value_type = String, format = DateTime)]
    pub recibida: Timestamp,
}

/// How long each stage took, in milliseconds; none where its end is not known. The
/// first and the last compare the clocks of two machines: a negative one is the least
/// by which they differ.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema)]
pub struct Duraciones {
    /// From its creation until the proxy had it.
    pub hasta_recibido_ms: Option<f64>,
    /// From then until the destination's queue had it.
    pub proxy_ms: Option<f64>,
    /// From then until the proxy learnt of its final state.
    pub proceso_ms: Option<f64>,
    /// Whether the order of times shows that clocks differ.
    pub relojes_desfasados: bool,
}

/// Tells a message's story, without what only the broker knows.
#[must_use]
pub fn tell(message: Entry, notices: Vec<KeptNotice>) -> Historia {
    let duraciones = durations::of(&message);
    let pasos = steps(&message, notices);
    Historia {
        clave: message.key.to_string(),
        id: message.id.map(messages::MessageId::as_uuid),
        origen: message.source,
        destino: message.destination,
        tipo: message.kind,
        correlacion: message.correlation,
        tipo_de_contenido: message.content_type,
        bytes: message.size,
        contenido: if message.has_payload { "guardado" } else { "retirado" },
        estado: message.state,
        motivo: message.reason,
        por_que: None,
        pasos,
        duraciones,
        enlaces: Vec::new(),
        propiedades: None,
    }
}

/// Adds what the message said of itself, by names and values: as much as a page has room for,
/// and of those that `is_hidden` no values.
#[must_use]
pub fn tell_properties(
    mut story: Historia,
    listed: Vec<(String, String)>,
    is_hidden: impl Fn(&str, &str) -> bool,
) -> Historia {
    let more = listed.len().saturating_sub(MAX_PROPERTIES);
    let shown = listed.into_iter().take(MAX_PROPERTIES).map(|(nombre, value)| {
        let name = nombre.strip_prefix("headers.").unwrap_or(&nombre);
        let hidden = is_hidden(name, &value);
        let valor = if hidden { HIDDEN.to_owned() } else { excerpt(&value, MAX_VALUE).into() };
        Propiedad { nombre, valor }
    });
    let rest =
        (more > 0).then(|| Propiedad { nombre: "…".to_owned(), valor: format!("y {more} más") });
    story.propiedades = Some(shown.chain(rest).collect());
    story
}

/// Adds what was done with the message of this key after the first attempt.
#[must_use]
pub fn tell_on(mut story: Historia, key: Key, again: Again) -> Historia {
    for Attempt { number, account, asked, forwarded } in again.attempts {
        let asked = by(&account, "reenvio_pedido", asked, Some(number));
        let done = forwarded.map(|at| by(PROXY, FORWARDED, at, Some(number)));
        for step in std::iter::once(asked).chain(done) {
            let place = story.pasos.partition_point(|paso| learnt(paso) <= step.a_las);
            story.pasos.insert(place, step);
        }
    }
    let links = again.links.into_iter().map(|Link { new, old, account, made, other }| {
        let (relacion, clave) = if new == key { ("hecho_de", old) } else { ("dio_lugar_a", new) };
        let id = other.map(messages::MessageId::as_uuid);
        Enlace { relacion, id, clave: clave.to_string(), quien: account, a_las: made }
    });
    story.enlaces = links.collect();
    story
}

/// When the proxy learnt of a step; what a clock elsewhere says comes first of all.
fn learnt(step: &Paso) -> Timestamp {
    match &step.notificacion {
        Some(told) => told.recibida,
        None if step.paso == "creado" => Timestamp::MIN,
        None => step.a_las,
    }
}

fn by(quien: &str, paso: &'static str, a_las: Timestamp, intento: Option<i64>) -> Paso {
    Paso { paso, a_las, quien: quien.to_owned(), notificacion: None, intento }
}

/// What a notification told, for the story of its message.
#[must_use]
pub fn told(notice: KeptNotice) -> Paso {
    let notificacion = Notificado {
        id: notice.id.as_uuid(),
        estado: notice.state,
        detalles: notice.details,
        efecto: notice.effect,
        antes: notice.before,
        recibida: notice.arrived,
    };
    Paso {
        paso: "notificado",
        a_las: notice.created,
        quien: notice.teller,
        notificacion: Some(notificacion),
        intento: None,
    }
}

/// In the order in which the proxy learnt of them.
fn steps(message: &Entry, notices: Vec<KeptNotice>) -> Vec<Paso> {
    let received = message.key.received();
    let by_proxy = |paso, a_las| by(PROXY, paso, a_las, None);
    let mut steps = Vec::with_capacity(notices.len() + 3);
    if let (Some(created), Some(source)) = (message.created, &message.source) {
        steps.push((received, by(source, "creado", created, None)));
    }
    let first = if message.reason.is_some() { REFUSED } else { RECEIVED };
    steps.push((received, by_proxy(first, received)));
    if let Some(forwarded) = message.forwarded {
        steps.push((forwarded, by_proxy(FORWARDED, forwarded)));
    }
    steps.extend(notices.into_iter().map(|notice| (notice.arrived, told(notice))));
    steps.sort_by_key(|(learnt, _)| *learnt);
    steps.into_iter().map(|(_, paso)| paso).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millisecond).expect("in range")
    }

    pub(super) fn message() -> Entry {
        Entry {
            key: Key::first_at(at(100)),
            id: Some("0195e2a0-1234-7000-8000-000000000000".parse().expect("a uuid")),
            source: Some("servicedesk".to_owned()),
            destination: Some("redmine".to_owned()),
            kind: Some("ticket.asignado".to_owned()),
            created: Some(at(60)),
            correlation: None,
            content_type: Some("application/json".to_owned()),
            size: 2,
            state: "procesado".to_owned(),
            forwarded: Some(at(104)),
            settled: Some(at(500)),
            notified: Some(at(604)),
            reason: None,
            has_payload: true,
        }
    }

    fn notice(arrived: i64, effect: &str) -> KeptNotice {
        KeptNotice {
            id: "0195e2a0-1234-7000-8000-000000000001".parse().expect("a uuid"),
            teller: "redmine".to_owned(),
            key: None,
            state: "procesado".to_owned(),
            details: None,
            created: at(500),
            arrived: at(arrived),
            effect: effect.to_owned(),
            before: Some(FORWARDED.to_owned()),
        }
    }

    #[test]
    fn a_story_says_whether_the_payload_is_still_there() {
        assert_eq!(tell(message(), Vec::new()).contenido, "guardado");
        let gone = Entry { has_payload: false, ..message() };
        assert_eq!(tell(gone, Vec::new()).contenido, "retirado");
    }

    #[test]
    fn what_a_message_said_of_itself_is_told_within_bounds_and_what_is_hidden_is_not() {
        let listed = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut all = vec![listed("priority", "7"), listed("headers.dni", "12345678Z")];
        all.push(listed("headers.largo", &"ñ".repeat(2000)));
        all.extend((0..200).map(|place| listed(&format!("headers.x{place}"), "")));
        let told = tell_properties(tell(message(), Vec::new()), all, |name, _| name == "dni");
        let told = told.propiedades.expect("told");
        assert_eq!((&*told[0].nombre, &*told[0].valor), ("priority", "7"));
        assert_eq!((&*told[1].nombre, &*told[1].valor), ("headers.dni", HIDDEN));
        assert!(told[2].valor.ends_with("(cortado, de 2000 caracteres)"));
        assert_eq!((told.len(), &*told[100].valor), (101, "y 103 más"));
    }

    fn names(story: &Historia) -> Vec<&'static str> {
        story.pasos.iter().map(|step| step.paso).collect()
    }

    #[test]
    fn a_story_has_its_steps_in_order_and_how_long_each_stage_took() {
        let story = tell(message(), vec![notice(604, "aplicada")]);
        assert_eq!(names(&story), ["creado", "recibido", "reenviado", "notificado"]);
        let Duraciones { hasta_recibido_ms, proxy_ms, proceso_ms, relojes_desfasados } =
            story.duraciones;
        assert_eq!(hasta_recibido_ms, Some(40.0));
        assert_eq!(proxy_ms, Some(4.0));
        assert_eq!(proceso_ms, Some(500.0));
        assert!(!relojes_desfasados);
    }

    #[test]
    fn what_was_told_before_the_forward_stands_before_it() {
        let story = tell(message(), vec![notice(102, "aplicada")]);
        assert_eq!(names(&story), ["creado", "recibido", "notificado", "reenviado"]);
    }

    #[test]
    fn further_attempts_stand_where_they_were_made() {
        let attempt = |number, asked, forwarded: Option<i64>| Attempt {
            number,
            account: "ana".to_owned(),
            asked: at(asked),
            forwarded: forwarded.map(at),
        };
        let attempts = vec![attempt(2, 300, Some(301)), attempt(3, 700, None)];
        let key = message().key;
        let made = Link {
            new: Key::from(9),
            old: key,
            account: "ana".to_owned(),
            made: at(9),
            other: None,
        };
        let again = Again { attempts, links: vec![made] };
        let story = tell_on(tell(message(), vec![notice(604, "aplicada")]), key, again);
        let names: Vec<_> = story.pasos.iter().map(|step| (step.paso, step.intento)).collect();
        assert_eq!(
            names,
            [
                ("creado", None),
                ("recibido", None),
                ("reenviado", None),
                ("reenvio_pedido", Some(2)),
                ("reenviado", Some(2)),
                ("notificado", None),
                ("reenvio_pedido", Some(3)),
            ]
        );
        assert_eq!((story.enlaces[0].relacion, &*story.enlaces[0].clave), ("dio_lugar_a", "9"));
    }

    #[test]
    fn clocks_that_differ_show() {
        let ahead = Entry { created: Some(at(150)), ..message() };
        let story = tell(ahead, Vec::new());
        assert_eq!(story.duraciones.hasta_recibido_ms, Some(-50.0));
        assert!(story.duraciones.relojes_desfasados);
        let behind = Entry { settled: Some(at(20)), ..message() };
        assert!(tell(behind, Vec::new()).duraciones.relojes_desfasados);
        // A whole second may be any moment of it.
        for (second, differs) in [(0, false), (-1000, true)] {
            let whole = Entry { settled: Some(at(second)), ..message() };
            assert_eq!(tell(whole, Vec::new()).duraciones.relojes_desfasados, differs, "{second}");
        }
    }

    #[test]
    fn what_was_refused_says_so_and_no_more() {
        let refused = Entry {
            state: REFUSED.to_owned(),
            created: None,
            forwarded: None,
            settled: None,
            notified: None,
            reason: Some("no lleva app_id".to_owned()),
            ..message()
        };
        let story = tell(refused, Vec::new());
        assert_eq!(names(&story), ["no_admitido"]);
        assert_eq!(story.duraciones.proxy_ms, None);
    }
}
