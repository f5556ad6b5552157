//! How things stand, in one sentence: what a class should look at now.

use super::{Input, Tank, tank::Certainty};
use crate::{
    lang::Lang,
    states::{Consuming, SenderLink},
    wording::Count,
};

/// The sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// How bad it is, for the style sheet: `nada`, `bien`, `ojo`, `mal`.
    pub level: &'static str,
    /// In words.
    pub text: String,
}

pub(super) fn headline(input: &Input<'_>, tank: &Tank, lang: Lang) -> Headline {
    let waiting = waiting(tank, lang);
    nobody_heard(input, lang)
        .or_else(|| broken(input, tank, &waiting, lang))
        .or_else(|| consuming(input, &waiting, lang))
        .or_else(|| publishing(input, lang))
        .or_else(|| strained(input, tank, lang))
        .unwrap_or_else(|| calm(input, tank, lang))
}

fn say(level: &'static str, text: impl Into<String>) -> Headline {
    Headline { level, text: text.into() }
}

fn nobody_heard(input: &Input<'_>, lang: Lang) -> Option<Headline> {
    let heard = input.analytics.is_some()
        || input.analytics_away
        || input.senders.iter().any(|sender| sender.away || sender.state.is_some());
    let text = "Preguntando a los servicios por primera vez…";
    (!heard).then(|| say("nada", lang.say(text, "Asking the services for the first time…")))
}

fn broken(input: &Input<'_>, tank: &Tank, waiting: &str, lang: Lang) -> Option<Headline> {
    let cannot_store = input.analytics.is_some_and(|state| state.cannot_store.is_some());
    let unbound =
        input.is_broker_fresh && input.broker.is_some_and(|broker| broker.bindings.is_empty());
    if input.broker_is_down() {
        let english = "RabbitMQ does not answer: senders accept nothing and say so (503).";
        Some(say(
            "mal",
            lang.say(
                "RabbitMQ no responde: los emisores no aceptan nada y lo dicen (503).",
                english,
            ),
        ))
    } else if input.analytics_away {
        let who = lang.say("Analíticas no responde", "Analytics does not answer");
        Some(say("mal", format!("{who}: {waiting}")))
    } else if cannot_store {
        let who = lang.say(
            "Analíticas no puede guardar y no da acuse",
            "Analytics cannot store and acknowledges nothing",
        );
        Some(say("mal", format!("{who}: {waiting}")))
    } else if tank.is_full {
        let english = "The queue is full: RabbitMQ refuses what is published.";
        Some(say(
            "mal",
            lang.say("La cola está llena: RabbitMQ rechaza lo que se publica.", english),
        ))
    } else if unbound {
        let english =
            "No binding leads to cola_analiticas: nothing that is published reaches analytics.";
        Some(say(
            "mal",
            lang.say(
                "Ningún enlace lleva a cola_analiticas: nada de lo que se publica llega a analíticas.",
                english,
            ),
        ))
    } else {
        None
    }
}

fn consuming(input: &Input<'_>, waiting: &str, lang: Lang) -> Option<Headline> {
    let who = match input.analytics?.consuming {
        Consuming::Activo => return None,
        Consuming::EnPausa => lang.say("Analíticas no consume", "Analytics does not consume"),
        Consuming::SinConexion => lang.say(
            "Analíticas no tiene conexión con RabbitMQ",
            "Analytics has no connection to RabbitMQ",
        ),
    };
    Some(say("ojo", format!("{who}: {waiting}")))
}

fn publishing(input: &Input<'_>, lang: Lang) -> Option<Headline> {
    let stuck = |sender: &&super::SenderInput<'_>| {
        sender.away || sender.state.is_some_and(|state| state.link != SenderLink::Conectado)
    };
    let sender = input.senders.iter().find(stuck)?;
    let why = match sender.state.map(|state| state.link) {
        _ if sender.away => lang.say("no responde", "does not answer"),
        Some(SenderLink::Bloqueado) if sender.blocked_on_purpose => lang.say(
            "no publica (un interruptor del laboratorio) y contesta 503",
            "does not publish (a switch of the laboratory) and answers 503",
        ),
        Some(SenderLink::Bloqueado) => lang.say(
            "está bloqueado por RabbitMQ (connection.blocked) y contesta 503",
            "is blocked by RabbitMQ (connection.blocked) and answers 503",
        ),
        _ => lang.say(
            "no tiene conexión con RabbitMQ y contesta 503",
            "has no connection to RabbitMQ and answers 503",
        ),
    };
    let others =
        lang.say("Los demás emisores siguen solos.", "The other senders go on without it.");
    let lone = input.senders.iter().filter(stuck).count() > 1 || input.senders.len() < 2;
    let others = if lone { String::new() } else { format!(" {others}") };
    Some(say("ojo", format!("{} {why}.{others}", sender.name)))
}

fn strained(input: &Input<'_>, tank: &Tank, lang: Lang) -> Option<Headline> {
    let waiting = tank.waiting.unwrap_or_default();
    let rates = input.senders.iter().filter_map(|sender| sender.rate);
    let (published, counted) = (rates.sum::<f64>(), input.counted_rate.unwrap_or_default());
    if input.analytics.is_some() && tank.certainty != Certainty::Told {
        let english =
            "RabbitMQ's management does not answer: the level of the queue is not measured.";
        Some(say(
            "ojo",
            lang.say(
                "La gestión de RabbitMQ no responde: el nivel de la cola no es una medida.",
                english,
            ),
        ))
    } else if waiting >= 20 && published > counted * 1.1 {
        let english = "More comes in than goes out: the queue grows.";
        Some(say("ojo", lang.say("Entra más de lo que sale: la cola crece.", english)))
    } else if waiting >= 20 && counted > published * 1.1 {
        Some(say("bien", draining(waiting, lang)))
    } else {
        dead(input, lang)
    }
}

fn draining(waiting: u64, lang: Lang) -> String {
    let waiting = Count(waiting);
    match lang {
        Lang::Es => format!("Analíticas vacía la cola: quedan {waiting}."),
        Lang::En => format!("Analytics drains the queue: {waiting} left."),
    }
}

fn dead(input: &Input<'_>, lang: Lang) -> Option<Headline> {
    let dead = input.broker?.dead.map_or(0, |dead| dead.messages);
    let count = Count(dead);
    let text = match (dead, lang) {
        (0, _) => return None,
        (1, Lang::Es) => "Un mensaje no se pudo contar y espera apartado, entre los muertos; los demás siguen.".to_owned(),
        (1, Lang::En) => "One message could not be counted and waits aside, among the dead letters; the others go on.".to_owned(),
        (_, Lang::Es) => format!("{count} mensajes no se pudieron contar y esperan apartados, entre los muertos; los demás siguen."),
        (_, Lang::En) => format!("{count} messages could not be counted and wait aside, among the dead letters; the others go on."),
    };
    Some(say("ojo", text))
}

fn calm(input: &Input<'_>, tank: &Tank, lang: Lang) -> Headline {
    let rates = input.senders.iter().map(|sender| sender.rate).chain([input.counted_rate]);
    let moves = rates.flatten().any(|rate| rate > 0.0);
    if moves || tank.waiting.is_some_and(|waiting| waiting > 0) {
        let english = "All flows: what is published is counted.";
        return say("bien", lang.say("Todo fluye: lo que se publica se cuenta.", english));
    }
    let english = "All is ready, and nothing is being published: the queue is empty.";
    say("bien", lang.say("Todo listo, y nadie publica ahora: la cola está vacía.", english))
}

/// What waits, and that nothing of it is lost.
fn waiting(tank: &Tank, lang: Lang) -> String {
    let about = if tank.certainty == Certainty::Told { "" } else { "≈\u{202f}" };
    match (tank.waiting, lang) {
        (None, Lang::Es) => "lo que se publica espera en la cola, y no se pierde.".to_owned(),
        (None, Lang::En) => "what is published waits in the queue, and is not lost.".to_owned(),
        (Some(0), Lang::Es) => "lo que se publique esperará en la cola.".to_owned(),
        (Some(0), Lang::En) => "what is published will wait in the queue.".to_owned(),
        (Some(1), Lang::Es) => format!("{about}1 mensaje espera en la cola, y no se pierde."),
        (Some(1), Lang::En) => format!("{about}1 message waits in the queue, and is not lost."),
        (Some(count), Lang::Es) => {
            format!("{about}{} mensajes esperan en la cola, y no se pierden.", Count(count))
        }
        (Some(count), Lang::En) => {
            format!("{about}{} messages wait in the queue, and are not lost.", Count(count))
        }
    }
}
