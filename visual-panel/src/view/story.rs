//! A message's story: what senders and analytics remember of one id, in the
//! order of time, and where it is now.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    knowledge::Knowledge,
    lang::Lang,
    proof::MARGIN,
    states::{
        AnalyticsStory, Attempt, AttemptOutcome, Consuming, Delivery, DeliveryOutcome, QueueState,
        SenderStory,
    },
    wording::{Count, Moment},
};

/// What is remembered of a message.
#[derive(Debug, Default)]
pub struct Memory {
    /// By senders.
    pub senders: Vec<SenderStory>,
    /// Senders that could not be asked.
    pub silent: Vec<String>,
    /// By analytics.
    pub analytics: Recall<AnalyticsStory>,
    /// How long ago the queue had been seen to be empty, when they were asked.
    pub empty: Option<Duration>,
}

/// What one of them remembers.
#[derive(Debug, Default)]
pub enum Recall<T> {
    /// It could not be asked.
    #[default]
    Silent,
    /// Nothing.
    Nothing,
    /// This.
    Story(T),
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
    /// Whether it may go on by itself.
    pub may_change: bool,
    /// Whether messages are seen to wait in the queue.
    pub is_queue_filled: bool,
    /// Whether the dead-letter queue is seen to be empty.
    pub is_dead_empty: bool,
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
    /// In another queue than that of analytics, if the bindings are as they were.
    OtherQueue,
    /// Confirmed; what became of it analytics knows, which does not answer.
    Confirmed,
    /// Confirmed so long ago that analytics may have counted and forgotten it.
    Forgotten,
    /// In the queue.
    Queue,
    /// Confirmed, no longer in the queue, and not counted.
    Missing,
    /// In analytics' hands, not stored.
    Analytics,
    /// Rejected into the dead-letter queue.
    DeadLetters,
    /// Counted.
    Counted,
    /// Confirmed, and nobody has it: it is an event, which was compared by id.
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
            Self::OtherQueue => "otra-cola",
            Self::Confirmed => "confirmado",
            Self::Forgotten => "olvidado",
            Self::Queue => "cola",
            Self::Missing => "sin-rastro",
            Self::Analytics => "en-mano",
            Self::DeadLetters => "muerto",
            Self::Counted => "contado",
            Self::Lost => "perdido",
        }
    }

    /// Whether something more may happen by itself.
    fn may_change(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::Confirmed
                | Self::Queue
                | Self::Missing
                | Self::Analytics
                | Self::DeadLetters
        )
    }
}

impl Story {
    /// The story of `id`, at `now`.
    #[must_use]
    pub fn new(id: String, memory: &Memory, known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let place = place(&id, memory, known);
        let mut silent = memory.silent.clone();
        if matches!(memory.analytics, Recall::Silent) {
            silent.insert(0, lang.say("analíticas", "analytics").to_owned());
        }
        let broker = known.broker.as_ref().filter(|_| known.is_broker_fresh(now));
        let queue = broker.and_then(|seen| seen.state.queue.as_ref());
        let dead = broker.and_then(|seen| seen.state.dead);
        Self {
            id,
            place,
            why: why(place, known, queue, lang),
            steps: steps(memory, now.wall, lang),
            may_change: place.may_change() || !silent.is_empty(),
            silent,
            is_queue_filled: queue.is_some_and(|queue| queue.waiting() > 0),
            is_dead_empty: dead.is_some_and(|dead| dead.messages == 0),
        }
    }
}

/// What everybody remembers of it, in the order of time.
fn steps(memory: &Memory, now: Timestamp, lang: Lang) -> Vec<Step> {
    let attempts = memory.attempts();
    let mut steps: Vec<_> =
        attempts.map(|(story, one)| of_attempt(story.name.clone(), one, now, lang)).collect();
    if let Recall::Story(story) = &memory.analytics {
        steps.extend(story.deliveries.iter().map(|step| of_delivery(step, now, lang)));
        steps.extend(remembered(story, now, lang));
    }
    steps.sort_by_key(|step| step.order);
    steps
}

impl Memory {
    /// All attempts to publish it, each with its sender's story.
    fn attempts(&self) -> impl Iterator<Item = (&SenderStory, &Attempt)> {
        self.senders.iter().flat_map(|story| story.attempts.iter().map(move |one| (story, one)))
    }

    /// Those that the broker confirmed.
    fn confirmed(&self) -> impl Iterator<Item = (&SenderStory, &Attempt)> {
        self.attempts().filter(|(_, one)| one.outcome == AttemptOutcome::Confirmado)
    }
}

fn place(id: &str, memory: &Memory, known: &Knowledge) -> Place {
    match &memory.analytics {
        Recall::Story(story) if story.counted.is_some() => Place::Counted,
        Recall::Story(story) => match story.deliveries.last().map(|delivery| delivery.outcome) {
            Some(DeliveryOutcome::Contado | DeliveryOutcome::Repetido) => Place::Counted,
            Some(DeliveryOutcome::Rechazado) => Place::DeadLetters,
            Some(DeliveryOutcome::NoGuardado) => Place::Analytics,
            None => of_attempts(id, memory, known),
        },
        Recall::Nothing | Recall::Silent => of_attempts(id, memory, known),
    }
}

/// Where it is, of which analytics knows nothing.
fn of_attempts(id: &str, memory: &Memory, known: &Knowledge) -> Place {
    let has = |outcome| memory.attempts().any(|(_, attempt)| attempt.outcome == outcome);
    match confirms(memory).max_by_key(|confirm| confirm.at) {
        Some(last) => of_confirmed(id, &last, memory, known),
        None if has(AttemptOutcome::Desconocido) => Place::Unknown,
        None if memory.attempts().next().is_some() => Place::NotSent,
        None => Place::Nowhere,
    }
}

/// A confirmed attempt.
struct Confirm {
    /// When, by its sender's clock.
    at: Timestamp,
    /// How long ago that was, by the same clock.
    age: SignedDuration,
}

fn confirms(memory: &Memory) -> impl Iterator<Item = Confirm> {
    let confirmed = memory.confirmed();
    confirmed.map(|(story, one)| Confirm { at: one.at, age: story.now.duration_since(one.at) })
}

fn of_confirmed(id: &str, last: &Confirm, memory: &Memory, known: &Knowledge) -> Place {
    let since = known.analytics.answer().map(|state| state.remembers_since);
    if is_elsewhere(memory, known) {
        Place::OtherQueue
    } else if matches!(memory.analytics, Recall::Silent) {
        Place::Confirmed
    } else if is_lost(id, last, known) {
        Place::Lost
    } else if since.is_some_and(|since| last.at < since) {
        Place::Forgotten
    } else if memory.empty.is_some_and(|empty| was_before(last, empty)) {
        Place::Missing
    } else {
        Place::Queue
    }
}

/// Whether no binding takes any of the routing keys that it was confirmed under.
fn is_elsewhere(memory: &Memory, known: &Knowledge) -> bool {
    let mut confirmed = memory.confirmed();
    let bindings = known.broker.as_ref().map(|seen| seen.state.bindings.as_slice());
    bindings.is_some_and(|bindings| confirmed.all(|(_, one)| !bindings.contains(&one.routing_key)))
}

/// Whether it was confirmed well before the queue was empty, `empty` ago.
fn was_before(last: &Confirm, empty: Duration) -> bool {
    SignedDuration::try_from(empty.saturating_add(MARGIN)).is_ok_and(|past| last.age >= past)
}

/// Whether the proof has looked for it in vain, since it was confirmed at last.
fn is_lost(id: &str, last: &Confirm, known: &Knowledge) -> bool {
    let mut missed = known.verdict.answer().into_iter().flat_map(|one| &one.finding.lost);
    missed.any(|lost| lost.id == id && lost.confirmed >= last.at)
}

fn of_attempt(who: String, attempt: &Attempt, now: Timestamp, lang: Lang) -> Step {
    let (kind, what) = match attempt.outcome {
        AttemptOutcome::Confirmado => (
            "bien",
            lang.say(
                "lo publicó y RabbitMQ lo confirmó: quedó en disco, en la cola de su clave",
                "published it and RabbitMQ confirmed it: it was on disk, in the queue of its key",
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
                "lo publicó y RabbitMQ lo rechazó (nack), como hace si la cola está llena",
                "published it and RabbitMQ refused it (nack), as it does where the queue is full",
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
    let reason = delivery.reason.as_ref().map(|reason| lang.quoted(reason));
    step(delivery.at, who, kind, what, reason, (now, lang))
}

/// The count, where the delivery itself is forgotten. It is told to the second:
/// whatever else happened in that second comes before.
fn remembered(story: &AnalyticsStory, now: Timestamp, lang: Lang) -> Option<Step> {
    let is_told = story.deliveries.iter().any(|one| one.outcome == DeliveryOutcome::Contado);
    let counted = story.counted.as_ref().filter(|_| !is_told)?;
    let what = lang.say(
        "lo contó; de aquella entrega ya no se acuerda",
        "counted it; of that delivery it remembers nothing",
    );
    let who = lang.say("analíticas", "analytics").to_owned();
    let step = step(counted.at, who, "bien", what, Some(counted.client.clone()), (now, lang));
    Some(Step { order: counted.at + Duration::from_millis(999), ..step })
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

/// Why a message waits where it is, in a sentence.
fn why(place: Place, known: &Knowledge, queue: Option<&QueueState>, lang: Lang) -> Option<String> {
    if !matches!(place, Place::Queue | Place::Analytics) {
        return None;
    }
    let Some(state) = known.analytics.fresh() else {
        let text = "Analíticas no responde: que se sepa, nadie lee la cola.";
        let english = "Analytics does not answer: as far as known, nobody reads the queue.";
        return Some(lang.say(text, english).to_owned());
    };
    if let Some(reason) = &state.cannot_store {
        return Some(match lang {
            Lang::Es => format!("Analíticas no puede guardar: «{reason}»."),
            Lang::En => format!("Analytics cannot store; it says: “{reason}”."),
        });
    }
    let text = match state.consuming {
        Consuming::EnPausa => lang.say(
            "Analíticas ha dejado de consumir (un interruptor del laboratorio).",
            "Analytics has stopped consuming (a switch of the laboratory).",
        ),
        Consuming::SinConexion => lang.say(
            "Analíticas no tiene conexión con RabbitMQ.",
            "Analytics has no connection to RabbitMQ.",
        ),
        Consuming::Activo => return queue.and_then(|queue| among(queue.waiting(), lang)),
    };
    Some(text.to_owned())
}

/// Others wait with it.
fn among(waiting: u64, lang: Lang) -> Option<String> {
    let count = Count(waiting);
    match (waiting, lang) {
        (0, _) => None,
        (1, Lang::Es) => {
            Some("En la cola hay un mensaje, y analíticas la está leyendo.".to_owned())
        }
        (1, Lang::En) => {
            Some("There is one message in the queue, and analytics is reading it.".to_owned())
        }
        (_, Lang::Es) => {
            Some(format!("En la cola hay {count} mensajes, y analíticas los lee por orden."))
        }
        (_, Lang::En) => Some(format!(
            "There are {count} messages in the queue, and analytics reads them in order."
        )),
    }
}

#[cfg(test)]
mod tests;
