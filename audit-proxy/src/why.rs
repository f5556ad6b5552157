//! Why a message has not been processed. Pure: what is known of the message and of its
//! destination in, an answer out.

use broker::Outcome;
use jiff::Timestamp;
use management::Numbers;
use messages::names;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    lifecycle::{FORWARDED, RECEIVED, REFUSED},
    register::Standing,
    store::Entry,
};

/// How far to trust the broker's numbers, in the words of every answer that holds one.
const AGE: &str = "según RabbitMQ hace hasta 10 s";

/// Why a message has not been processed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PorQue {
    /// `no_admitido`, `rechazado_por_su_destino`; in the proxy: `en_curso`,
    /// `destino_suspendido`, `destino_retirado`, `sin_buzon`, `buzon_lleno`,
    /// `sin_conexion`, `sin_respuesta`; in the mailbox: `en_cola`, `sin_consumidor`,
    /// `sin_confirmar`, `sin_notificar`, `buzon_borrado`, `desconocido`.
    pub causa: &'static str,
    /// The same as a Spanish sentence that says what is known, and how well.
    pub explicacion: String,
    /// The queue where it is, or has to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cola: Option<String>,
    /// Since when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub desde: Option<Timestamp>,
    /// How many are before it at most; none where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delante: Option<u64>,
}

/// What the broker told of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mailbox {
    /// It was asked and did not answer.
    Unanswered,
    /// There is none.
    Missing,
    /// What it holds, where the broker knows that.
    Found(Option<Numbers>),
}

/// What there is to know beside the message itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The destination's, as far as it is registered.
    pub standing: Option<Standing>,
    /// The destination's mailbox.
    pub mailbox: Mailbox,
    /// What became of the last attempt to forward to it, where messages wait for that.
    pub last_attempt: Option<Outcome>,
    /// Messages that wait in the proxy for the same destination, and came earlier.
    pub waiting_before: u64,
    /// Messages that came later and are forwarded to the same destination: behind it
    /// in its mailbox.
    pub forwarded_after: u64,
}

/// Whether there is anything to find out before [`explain`] can tell.
#[must_use]
pub fn needs_facts(message: &Entry) -> bool {
    [RECEIVED, FORWARDED].contains(&message.state.as_str())
}

/// Why it was not processed, as far as the message itself and `details`, which its
/// destination added to its state, tell; none where it was.
#[must_use]
pub fn explain_ended(message: &Entry, details: Option<&str>) -> Option<PorQue> {
    let explained = |causa, explicacion| {
        Some(PorQue { causa, explicacion, cola: None, desde: None, delante: None })
    };
    match message.state.as_str() {
        REFUSED => {
            let reason = message.reason.as_deref().unwrap_or("no se sabe por qué");
            let queue = names::REFUSED_QUEUE;
            explained("no_admitido", format!("No se admitió: {reason}. Está en «{queue}»."))
        }
        state @ ("rechazado" | "error") => {
            let details = details.map(|details| format!(": {details}")).unwrap_or_default();
            let text = format!("Su destino lo recibió y notificó «{state}»{details}");
            explained("rechazado_por_su_destino", text)
        }
        _ => None,
    }
}

/// Why a message that [needs facts](needs_facts) has not been processed.
#[must_use]
pub fn explain(message: &Entry, facts: &Facts) -> Option<PorQue> {
    let destination = message.destination.as_deref()?;
    let mailbox = format!("{}{destination}", names::MAILBOX_PREFIX);
    let (causa, explicacion, delante, desde) = match message.state.as_str() {
        RECEIVED => waiting(&mailbox, destination, facts, message.key.received()),
        FORWARDED => {
            let (causa, text, delante) = forwarded(&mailbox, facts);
            (causa, text, delante, message.forwarded)
        }
        _ => return None,
    };
    Some(PorQue { causa, explicacion, cola: Some(mailbox), desde, delante })
}

type Waiting = (&'static str, String, Option<u64>, Option<Timestamp>);

/// Of a message that waits in the proxy.
fn waiting(queue: &str, destination: &str, facts: &Facts, since: Timestamp) -> Waiting {
    let (causa, why) = obstacle(queue, destination, facts);
    let before = facts.waiting_before;
    let text = format!("Espera en el proxy{}: {why}", behind(before));
    (causa, text, Some(before), Some(since))
}

/// What keeps the proxy from forwarding. What it saw itself counts for more than what
/// was told some seconds ago, except of the queue that is not there.
fn obstacle(queue: &str, destination: &str, facts: &Facts) -> (&'static str, String) {
    match (facts.standing, &facts.last_attempt, facts.mailbox) {
        (Some(Standing::Suspended), ..) => (
            "destino_suspendido",
            format!("«{destination}» está suspendido; irá cuando vuelva a estar activo."),
        ),
        (Some(Standing::Retired), ..) => (
            "destino_retirado",
            format!("«{destination}» se retiró antes de que pudiera reenviarse; ya no irá."),
        ),
        (_, Some(Outcome::Unroutable), _) | (_, _, Mailbox::Missing) => (
            "sin_buzon",
            format!("no existe la cola «{queue}», o no está enlazada; irá en cuanto la haya."),
        ),
        (_, Some(Outcome::Refused), _) => (
            "buzon_lleno",
            format!("la cola «{queue}» está llena; irá cuando «{destination}» lea."),
        ),
        (_, Some(Outcome::NotSent(_)), _) => {
            ("sin_conexion", "el proxy no puede publicar en RabbitMQ ahora; reintenta.".to_owned())
        }
        (_, Some(Outcome::Unknown | Outcome::Confirmed), _) => (
            "sin_respuesta",
            "RabbitMQ no ha confirmado el último intento; el proxy reintenta.".to_owned(),
        ),
        (_, None, _) => ("en_curso", "se está reenviando.".to_owned()),
    }
}

type Forwarded = (&'static str, String, Option<u64>);

/// Of a message that its destination's queue had.
fn forwarded(queue: &str, facts: &Facts) -> Forwarded {
    let unknown = |why: &str| {
        let text = format!("Su destino no ha notificado nada. {why}");
        ("desconocido", text, None)
    };
    match facts.mailbox {
        Mailbox::Unanswered => {
            unknown("No se pudo preguntar a RabbitMQ si sigue en la cola; reintente.")
        }
        Mailbox::Missing => (
            "buzon_borrado",
            format!("Se entregó a «{queue}», que ya no existe: si no se leyó antes, se perdió."),
            None,
        ),
        Mailbox::Found(None) => {
            unknown("RabbitMQ aún no sabe cuántos hay en la cola; pregunte en unos segundos.")
        }
        Mailbox::Found(Some(numbers)) => in_mailbox(queue, numbers, facts.forwarded_after),
    }
}

/// A queue keeps its order: before a message is what it holds without those that came
/// later.
fn in_mailbox(queue: &str, numbers: Numbers, after: u64) -> Forwarded {
    let Numbers { ready, unacknowledged, total, consumers } = numbers;
    if ready > after {
        let before = ready - after - 1;
        let nobody = if consumers == 0 { ", y nadie la lee" } else { "" };
        let text = format!("Espera en «{queue}»{}{nobody} ({AGE}).", behind(before));
        let causa = if consumers == 0 { "sin_consumidor" } else { "en_cola" };
        return (causa, text, Some(before));
    }
    if total > after {
        let text = format!(
            "Se entregó a quien lee «{queue}», que aún no lo ha confirmado: es uno de \
             {unacknowledged} ({AGE})."
        );
        return ("sin_confirmar", text, None);
    }
    let text = format!(
        "Ya no está en «{queue}» ({AGE}): su destino lo tomó y no ha notificado qué fue de él, o \
         lo devolvió a «{}».",
        names::REFUSED_QUEUE
    );
    ("sin_notificar", text, None)
}

fn behind(count: u64) -> String {
    match count {
        0 => ", el primero".to_owned(),
        1 => " detrás de otro".to_owned(),
        count => format!(" detrás de otros {count} como mucho"),
    }
}

#[cfg(test)]
mod tests {
    use broker::NotSent;

    use super::*;
    use crate::store::Key;

    fn message(state: &str) -> Entry {
        Entry {
            key: Key::first_at(Timestamp::UNIX_EPOCH),
            id: None,
            source: Some("servicedesk".to_owned()),
            destination: Some("redmine".to_owned()),
            kind: None,
            created: None,
            correlation: None,
            content_type: None,
            size: 2,
            state: state.to_owned(),
            forwarded: None,
            settled: None,
            notified: None,
            reason: None,
            has_payload: true,
        }
    }

    fn facts() -> Facts {
        Facts {
            standing: Some(Standing::Active),
            mailbox: Mailbox::Unanswered,
            last_attempt: None,
            waiting_before: 0,
            forwarded_after: 0,
        }
    }

    fn told(state: &str, facts: &Facts) -> (&'static str, String, Option<u64>) {
        let PorQue { causa, explicacion, delante, cola, .. } =
            explain(&message(state), facts).expect("not processed");
        assert_eq!(cola.as_deref(), Some("buzon_redmine"));
        (causa, explicacion, delante)
    }

    #[test]
    fn what_waits_in_the_proxy_says_what_keeps_it() {
        let not_sent = Outcome::NotSent(NotSent::Overloaded);
        let with = |last_attempt| Facts { last_attempt: Some(last_attempt), ..facts() };
        for (facts, wanted) in [
            (facts(), "en_curso"),
            (Facts { standing: Some(Standing::Suspended), ..facts() }, "destino_suspendido"),
            (Facts { standing: Some(Standing::Retired), ..facts() }, "destino_retirado"),
            (Facts { mailbox: Mailbox::Missing, ..with(Outcome::Unknown) }, "sin_buzon"),
            (with(Outcome::Unroutable), "sin_buzon"),
            (with(Outcome::Refused), "buzon_lleno"),
            (with(not_sent), "sin_conexion"),
            (with(Outcome::Unknown), "sin_respuesta"),
        ] {
            let (causa, text, before) = told(RECEIVED, &facts);
            assert_eq!(causa, wanted, "{facts:?}");
            assert!(text.starts_with("Espera en el proxy, el primero: "), "{text}");
            assert_eq!(before, Some(0));
        }
        let (_, text, before) = told(RECEIVED, &Facts { waiting_before: 7, ..facts() });
        assert!(text.contains("detrás de otros 7"), "{text}");
        assert_eq!(before, Some(7));
    }

    fn holding(ready: u64, unacknowledged: u64, consumers: u64, after: u64) -> Facts {
        let numbers = Numbers { ready, unacknowledged, total: ready + unacknowledged, consumers };
        Facts { mailbox: Mailbox::Found(Some(numbers)), forwarded_after: after, ..facts() }
    }

    #[test]
    fn what_was_forwarded_is_where_the_order_of_the_queue_puts_it() {
        for (facts, wanted, before) in [
            (holding(5, 0, 1, 0), "en_cola", Some(4)),
            (holding(5, 0, 1, 4), "en_cola", Some(0)),
            (holding(5, 3, 0, 2), "sin_consumidor", Some(2)),
            (holding(5, 3, 1, 5), "sin_confirmar", None),
            (holding(0, 1, 1, 0), "sin_confirmar", None),
            (holding(5, 3, 1, 8), "sin_notificar", None),
            (holding(0, 0, 1, 0), "sin_notificar", None),
        ] {
            let (causa, text, delante) = told(FORWARDED, &facts);
            assert_eq!((causa, delante), (wanted, before), "{facts:?}");
            assert!(text.contains("hasta 10 s"), "a number has its age: {text}");
        }
    }

    #[test]
    fn what_the_broker_does_not_tell_is_not_made_up() {
        let with = |mailbox| told(FORWARDED, &Facts { mailbox, ..facts() });
        let (causa, text, before) = with(Mailbox::Unanswered);
        assert_eq!((causa, before), ("desconocido", None));
        assert!(text.contains("No se pudo preguntar a RabbitMQ"), "{text}");
        assert_eq!(with(Mailbox::Found(None)).0, "desconocido");
        assert_eq!(with(Mailbox::Missing).0, "buzon_borrado");
    }

    #[test]
    fn what_has_ended_says_why_unless_it_was_processed() {
        let refused = Entry { reason: Some("no lleva app_id".to_owned()), ..message(REFUSED) };
        let why = explain_ended(&refused, None).expect("refused");
        assert_eq!(why.causa, "no_admitido");
        assert!(why.explicacion.contains("no lleva app_id"), "{}", why.explicacion);
        let why = explain_ended(&message("rechazado"), Some("no hay tal ticket")).expect("why");
        assert_eq!(why.causa, "rechazado_por_su_destino");
        assert!(why.explicacion.ends_with("«rechazado»: no hay tal ticket"), "{}", why.explicacion);
        for state in ["procesado", "aplazado"] {
            assert_eq!(explain_ended(&message(state), None), None);
            assert_eq!(explain(&message(state), &facts()), None);
        }
    }
}
