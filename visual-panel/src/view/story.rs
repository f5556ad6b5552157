//! A message's story: what senders and analytics remember of one id, in the
//! order of time, and where it is now.

use jiff::Timestamp;

use crate::{
    clock::Clock,
    lang::Lang,
    poll::Knowledge,
    states::{
        AnalyticsStory, Attempt, AttemptOutcome, Consuming, Delivery, DeliveryOutcome, SenderStory,
    },
    wording::Moment,
};

/// What is remembered of a message.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// By senders.
    pub senders: Vec<SenderStory>,
    /// By analytics.
    pub analytics: Option<AnalyticsStory>,
    /// Who could not be asked.
    pub silent: Vec<String>,
}

/// The story.
#[derive(Debug, Clone)]
pub struct Story {
    /// The message's id.
    pub id: String,
    /// Where it is now.
    pub place: Place,
    /// Why it waits, if it does.
    pub why: Option<String>,
    /// What happened, oldest first.
    pub steps: Vec<Step>,
    /// Who could not be asked, so that the story may have holes.
    pub silent: Vec<String>,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nobody remembers it.
    Nowhere,
    /// It never reached a queue, and its sender knows.
    NotSent,
    /// Nobody knows whether it reached the queue.
    Unknown,
    /// In the queue.
    Queue,
    /// In analytics' hands, not stored.
    Analytics,
    /// In the dead-letter queue.
    DeadLetters,
    /// Counted.
    Counted,
    /// Confirmed, and nobody has it.
    Lost,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub time: Moment,
    /// Who did it.
    pub who: String,
    /// One word for it, for the style sheet.
    pub kind: &'static str,
    /// What happened.
    pub what: String,
    /// More, if there is more.
    pub detail: Option<String>,
    order: Timestamp,
}

impl Place {
    /// One word for it, for the style sheet.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "nadie",
            Self::NotSent => "no-salio",
            Self::Unknown => "desconocido",
            Self::Queue => "cola",
            Self::Analytics => "en-mano",
            Self::DeadLetters => "muerto",
            Self::Counted => "contado",
            Self::Lost => "perdido",
        }
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Counted | Self::DeadLetters | Self::NotSent | Self::Lost)
    }
}

impl Story {
    /// The story of `id`, at `now`.
    #[must_use]
    pub fn new(id: String, memory: Memory, known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let place = match place(&memory) {
            Place::Queue if is_lost(&id, known) => Place::Lost,
            place => place,
        };
        let mut steps: Vec<_> = memory
            .senders
            .iter()
            .flat_map(|story| story.attempts.iter().map(|attempt| (story.name.clone(), attempt)))
            .map(|(who, attempt)| of_attempt(who, attempt, now.wall, lang))
            .collect();
        if let Some(story) = &memory.analytics {
            steps.extend(story.deliveries.iter().map(|step| of_delivery(step, now.wall, lang)));
            steps.extend(remembered(story, now.wall, lang));
        }
        steps.sort_by_key(|step| step.order);
        let why = why(place, known, lang);
        Self { id, place, why, steps, silent: memory.silent }
    }
}

fn place(memory: &Memory) -> Place {
    let last = memory.analytics.as_ref().and_then(|story| story.deliveries.last());
    let counted = memory.analytics.as_ref().is_some_and(|story| story.counted.is_some());
    let outcomes = || memory.senders.iter().flat_map(|story| &story.attempts).map(|a| a.outcome);
    match last.map(|delivery| delivery.outcome) {
        _ if counted => Place::Counted,
        Some(DeliveryOutcome::Contado | DeliveryOutcome::Repetido) => Place::Counted,
        Some(DeliveryOutcome::Rechazado) => Place::DeadLetters,
        Some(DeliveryOutcome::NoGuardado) => Place::Analytics,
        None if outcomes().any(|outcome| outcome == AttemptOutcome::Confirmado) => Place::Queue,
        None if outcomes().any(|outcome| outcome == AttemptOutcome::Desconocido) => Place::Unknown,
        None if outcomes().next().is_some() => Place::NotSent,
        None => Place::Nowhere,
    }
}

/// Whether the proof has looked for it in vain.
fn is_lost(id: &str, known: &Knowledge) -> bool {
    known.verdict.as_ref().is_some_and(|verdict| verdict.lost.iter().any(|lost| lost == id))
}

fn of_attempt(who: String, attempt: &Attempt, now: Timestamp, lang: Lang) -> Step {
    let (kind, what) = match attempt.outcome {
        AttemptOutcome::Confirmado => (
            "bien",
            lang.say(
                "lo publicó y RabbitMQ lo confirmó: está en disco, en la cola",
                "published it and RabbitMQ confirmed it: it is on disk, in the queue",
            ),
        ),
        AttemptOutcome::SinRuta => (
            "mal",
            lang.say(
                "lo publicó y RabbitMQ lo devolvió: ningún enlace recoge esa clave",
                "published it and RabbitMQ returned it: no binding takes that routing key",
            ),
        ),
        AttemptOutcome::Rechazado => (
            "mal",
            lang.say(
                "lo publicó y RabbitMQ lo rechazó (nack): la cola está llena",
                "published it and RabbitMQ refused it (nack): the queue is full",
            ),
        ),
        AttemptOutcome::NoEnviado => (
            "mal",
            lang.say(
                "no llegó a enviarlo: sin conexión, bloqueado o saturado",
                "never sent it: no connection, blocked or overloaded",
            ),
        ),
        AttemptOutcome::Desconocido => (
            "ojo",
            lang.say(
                "lo envió y no tuvo respuesta a tiempo: no sabe si llegó",
                "sent it and got no answer in time: it does not know whether it arrived",
            ),
        ),
    };
    let detail = format!("{} · {}", attempt.client, attempt.routing_key);
    step(attempt.at, who, kind, what, Some(detail), (now, lang))
}

fn of_delivery(delivery: &Delivery, now: Timestamp, lang: Lang) -> Step {
    let (kind, what) = match (delivery.outcome, delivery.redelivered) {
        (DeliveryOutcome::Contado, false) => ("bien", lang.say("lo recibió, lo contó y lo acusó (ack)", "received, counted and acknowledged it")),
        (DeliveryOutcome::Contado, true) => ("bien", lang.say("lo recibió otra vez (redelivered), lo contó y lo acusó", "received it again (redelivered), counted and acknowledged it")),
        (DeliveryOutcome::Repetido, _) => ("ojo", lang.say("lo recibió otra vez y lo reconoció por su id: no lo cuenta de nuevo", "received it again and recognised its id: it does not count anew")),
        (DeliveryOutcome::Rechazado, _) => ("mal", lang.say("no lo puede contar: lo rechazó (reject) y cayó en cola_analiticas_dlq", "cannot count it: rejected, it fell into cola_analiticas_dlq")),
        (DeliveryOutcome::NoGuardado, _) => ("ojo", lang.say("lo recibió y no pudo guardarlo: no lo acusa, lo intentará otra vez", "received it and could not store it: it is not acknowledged and will be tried again")),
    };
    let who = lang.say("analíticas", "analytics").to_owned();
    step(delivery.at, who, kind, what, delivery.reason.clone(), (now, lang))
}

/// The count, where the deliveries themselves are forgotten.
fn remembered(story: &AnalyticsStory, now: Timestamp, lang: Lang) -> Option<Step> {
    let is_told = story.deliveries.iter().any(|one| one.outcome == DeliveryOutcome::Contado);
    let counted = story.counted.as_ref().filter(|_| !is_told)?;
    let what = lang.say(
        "lo contó; de las entregas ya no se acuerda",
        "counted it; of the deliveries it remembers nothing",
    );
    let who = lang.say("analíticas", "analytics").to_owned();
    Some(step(counted.at, who, "bien", what, Some(counted.client.clone()), (now, lang)))
}

fn step(
    at: Timestamp,
    who: String,
    kind: &'static str,
    what: &str,
    detail: Option<String>,
    (now, lang): (Timestamp, Lang),
) -> Step {
    Step { time: Moment::new(at, now, lang), who, kind, what: what.to_owned(), detail, order: at }
}

/// Why a message waits where it is.
fn why(place: Place, known: &Knowledge, lang: Lang) -> Option<String> {
    if !matches!(place, Place::Queue | Place::Analytics) {
        return None;
    }
    let Some(state) = known.analytics.answer().map(|answer| &answer.state) else {
        return Some(
            lang.say("analíticas no ha contestado nunca", "analytics has never answered")
                .to_owned(),
        );
    };
    if known.analytics.failing.is_some() {
        return Some(
            lang.say(
                "analíticas no responde: nadie lee la cola",
                "analytics does not answer: nobody reads the queue",
            )
            .to_owned(),
        );
    }
    if let Some(reason) = &state.cannot_store {
        return Some(reason.clone());
    }
    let text = match state.consuming {
        Consuming::EnPausa => lang.say(
            "analíticas ha dejado de consumir (un interruptor del laboratorio)",
            "analytics has stopped consuming (a switch of the laboratory)",
        ),
        Consuming::SinConexion => lang.say(
            "analíticas no tiene conexión con RabbitMQ",
            "analytics has no connection to RabbitMQ",
        ),
        Consuming::Activo => {
            let queue = state.broker.queue.map_or(0, |queue| queue.ready + queue.unacked);
            let text = lang.say(
                "hay mensajes delante en la cola:",
                "there are messages before it in the queue:",
            );
            return (queue > 0).then(|| format!("{text} {}", crate::wording::Count(queue)));
        }
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(outcome: &str) -> SenderStory {
        let text = format!(
            r#"{{"emisor":"cliente_x","intentos":[{{"cliente":"ana","clave":"click",
            "resultado":"{outcome}","a_las":"2025-04-13T12:00:00Z"}}]}}"#
        );
        serde_json::from_str(&text).expect("a story")
    }

    fn analytics(outcome: &str, counted: bool) -> AnalyticsStory {
        let counted =
            if counted { r#"{"cliente":"ana","a_las":"2025-04-13T12:00:01Z"}"# } else { "null" };
        let text = format!(
            r#"{{"entregas":[{{"a_las":"2025-04-13T12:00:01Z","reentregado":false,
            "resultado":"{outcome}","cliente":"ana","motivo":null}}],"contado":{counted}}}"#
        );
        serde_json::from_str(&text).expect("a story")
    }

    fn told(senders: Vec<SenderStory>, analytics: Option<AnalyticsStory>) -> Story {
        let memory = Memory { senders, analytics, silent: Vec::new() };
        Story::new("x".to_owned(), memory, &Knowledge::default(), &Clock::now(), Lang::Es)
    }

    #[test]
    fn where_it_is_follows_from_what_is_remembered() {
        for (attempt, delivery, counted, place) in [
            (None, None, false, Place::Nowhere),
            (Some("sin-ruta"), None, false, Place::NotSent),
            (Some("no-enviado"), None, false, Place::NotSent),
            (Some("desconocido"), None, false, Place::Unknown),
            (Some("confirmado"), None, false, Place::Queue),
            (Some("confirmado"), Some("no-guardado"), false, Place::Analytics),
            (Some("confirmado"), Some("rechazado"), false, Place::DeadLetters),
            (Some("confirmado"), Some("contado"), true, Place::Counted),
            (Some("desconocido"), Some("contado"), true, Place::Counted),
            (None, Some("repetido"), false, Place::Counted),
        ] {
            let senders = attempt.map(sender).into_iter().collect();
            let story = told(senders, delivery.map(|outcome| analytics(outcome, counted)));
            assert_eq!(story.place, place, "{attempt:?} {delivery:?}");
        }
    }

    #[test]
    fn what_waits_says_why_and_what_is_counted_does_not() {
        assert!(told(vec![sender("confirmado")], None).why.is_some());
        assert!(told(vec![], Some(analytics("contado", true))).why.is_none());
    }

    #[test]
    fn steps_are_in_the_order_of_time() {
        let story = told(vec![sender("confirmado")], Some(analytics("contado", true)));
        let kinds: Vec<_> = story.steps.iter().map(|step| step.who.as_str()).collect();
        assert_eq!(kinds, ["cliente_x", "analíticas"]);
    }
}
