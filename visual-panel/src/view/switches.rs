//! The page of switches that break the laboratory: what each does, what it
//! will show, and how things stand.

mod words;

use serde::Deserialize;

use crate::{
    faults::{AnalyticsFaults, Death},
    lang::Lang,
    poll::Knowledge,
};

/// Something that a class can break. Names are those of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// Analytics stops consuming, or goes on.
    Pausa,
    /// Analytics waits before it stores a batch.
    Lento,
    /// Analytics dies after the commit, before the acknowledgement.
    MuereAntesDelAcuse,
    /// Analytics acknowledges first, and dies before it stores.
    AcuseAntesDeGuardar,
    /// A message that can never be counted.
    Veneno,
    /// The same event, twice.
    Duplicados,
    /// An event for which no queue is bound.
    SinCola,
    /// Senders behave as if the broker had blocked them.
    Bloqueo,
}

impl Switch {
    /// All, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::Pausa,
        Self::Lento,
        Self::Bloqueo,
        Self::SinCola,
        Self::Duplicados,
        Self::Veneno,
        Self::MuereAntesDelAcuse,
        Self::AcuseAntesDeGuardar,
    ];

    /// Its name in forms and addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pausa => "pausa",
            Self::Lento => "lento",
            Self::MuereAntesDelAcuse => "muere-antes-del-acuse",
            Self::AcuseAntesDeGuardar => "acuse-antes-de-guardar",
            Self::Veneno => "veneno",
            Self::Duplicados => "duplicados",
            Self::SinCola => "sin-cola",
            Self::Bloqueo => "bloqueo",
        }
    }
}

/// The page.
#[derive(Debug, Clone)]
pub struct Switches {
    /// Whether the switches are offered at all.
    pub is_on: bool,
    /// One card each.
    pub cards: Vec<Card>,
}

/// A switch on the page.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its name in the form.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it does.
    pub what: &'static str,
    /// What will be seen.
    pub prediction: &'static str,
    /// Whether it loses messages.
    pub loses: bool,
    /// How it is now.
    pub now: Now,
    /// What has been seen since, in words.
    pub seen: String,
}

/// How a switch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// It is done once: a button.
    Once,
    /// It stays on until it is switched off.
    Held(bool),
    /// It takes a number of milliseconds; 0 is off.
    Milliseconds(u64),
    /// Waiting for the next batch.
    Armed,
    /// Its service does not answer.
    Unknown,
}

impl Switches {
    /// The page, from what is known.
    #[must_use]
    pub fn new(known: &Knowledge, is_on: bool, lang: Lang) -> Self {
        let cards = if is_on { Switch::ALL.to_vec() } else { Vec::new() };
        Self { is_on, cards: cards.into_iter().map(|switch| card(switch, known, lang)).collect() }
    }
}

fn card(switch: Switch, known: &Knowledge, lang: Lang) -> Card {
    let words = switch.words();
    let say = |(spanish, english): words::Both| lang.say(spanish, english);
    Card {
        name: switch.name(),
        title: say(words.title),
        what: say(words.what),
        prediction: say(words.prediction),
        loses: switch == Switch::AcuseAntesDeGuardar,
        now: now(switch, known),
        seen: seen(switch, known, lang),
    }
}

fn now(switch: Switch, known: &Knowledge) -> Now {
    let of_analytics = |read: fn(&AnalyticsFaults) -> Now| {
        let faults = known.faults.as_ref().filter(|faults| faults.failing.is_none());
        faults.and_then(|faults| faults.answer()).map_or(Now::Unknown, read)
    };
    match switch {
        Switch::Pausa => of_analytics(|faults| Now::Held(faults.paused)),
        Switch::Lento => of_analytics(|faults| Now::Milliseconds(faults.delay_ms)),
        Switch::MuereAntesDelAcuse => of_analytics(|faults| armed(faults, Death::AntesDelAcuse)),
        Switch::AcuseAntesDeGuardar => {
            of_analytics(|faults| armed(faults, Death::TrasAcusePrematuro))
        }
        Switch::Bloqueo => {
            let mut answers = known.senders.iter().filter_map(|sender| sender.source.answer());
            Now::Held(answers.any(|state| state.link == crate::states::SenderLink::Bloqueado))
        }
        Switch::Veneno | Switch::Duplicados | Switch::SinCola => Now::Once,
    }
}

fn armed(faults: &AnalyticsFaults, death: Death) -> Now {
    if faults.death == Some(death) { Now::Armed } else { Now::Once }
}

/// What the laboratory shows of it now.
fn seen(switch: Switch, known: &Knowledge, lang: Lang) -> String {
    let Some(state) = known.analytics.answer().map(|answer| &answer.state) else {
        return lang
            .say("Analíticas no ha contestado todavía.", "Analytics has not answered yet.")
            .to_owned();
    };
    let queue = state.broker.queue.map_or((0, 0), |queue| (queue.ready, queue.unacked));
    let published = |read: fn(&crate::states::Published) -> u64| -> u64 {
        let states = known.senders.iter().filter_map(|sender| sender.source.answer());
        states.map(|state| read(&state.published)).sum()
    };
    let (spanish, english, value) = match switch {
        Switch::Pausa => ("Listos en la cola", "Ready in the queue", queue.0),
        Switch::Lento => ("Sin acuse", "Unacknowledged", queue.1),
        Switch::Bloqueo => {
            ("Intentos que no salieron", "Attempts that never left", published(|all| all.not_sent))
        }
        Switch::SinCola => {
            ("Devueltos por RabbitMQ", "Returned by RabbitMQ", published(|all| all.unroutable))
        }
        Switch::Duplicados => ("Repetidos reconocidos", "Duplicates recognised", state.duplicates),
        Switch::Veneno => (
            "En la cola de mensajes muertos",
            "In the dead-letter queue",
            state.broker.dead.map_or(0, |dead| dead.messages),
        ),
        Switch::MuereAntesDelAcuse => ("Entregados otra vez", "Delivered again", state.redelivered),
        Switch::AcuseAntesDeGuardar => (
            "Confirmados que nadie tiene",
            "Confirmed, and nobody has them",
            known.verdict.as_ref().map_or(0, |verdict| verdict.lost.len() as u64),
        ),
    };
    format!("{}: {}", lang.say(spanish, english), crate::wording::Count(value))
}
