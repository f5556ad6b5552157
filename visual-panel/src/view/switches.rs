//! The page of switches that break the laboratory: what each does, what it
//! will show, and how things stand.

mod words;

use serde::Deserialize;

use crate::{
    clock::Clock,
    faults::{AnalyticsFaults, Death},
    knowledge::{Knowledge, Sender, Source},
    lang::Lang,
    states::Published,
    wording::Count,
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
    /// Whether several processes answer for analytics: a switch is one's own.
    pub is_several: bool,
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
    /// What is seen of it, in words.
    pub seen: String,
}

/// How a switch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// It is done once: a button.
    Once,
    /// It can be armed: it happens once, at the next batch.
    Ready,
    /// It stays on until it is switched off.
    Held(bool),
    /// It takes a number of milliseconds; 0 is off.
    Milliseconds(u64),
    /// Armed, and waiting for the next batch.
    Armed,
    /// Its service does not answer.
    Unknown,
}

impl Switches {
    /// The page, at `now`.
    #[must_use]
    pub fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let is_on = known.faults.is_some();
        let cards = if is_on { Switch::ALL.to_vec() } else { Vec::new() };
        Self {
            is_on,
            is_several: known.is_several(now),
            cards: cards.into_iter().map(|switch| card(switch, known, lang)).collect(),
        }
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
        let faults = known.faults.as_ref().and_then(Source::fresh);
        faults.map_or(Now::Unknown, read)
    };
    match switch {
        Switch::Pausa => of_analytics(|faults| Now::Held(faults.paused)),
        Switch::Lento => of_analytics(|faults| Now::Milliseconds(faults.delay_ms)),
        Switch::MuereAntesDelAcuse => of_analytics(|faults| armed(faults, Death::AntesDelAcuse)),
        Switch::AcuseAntesDeGuardar => {
            of_analytics(|faults| armed(faults, Death::TrasAcusePrematuro))
        }
        Switch::Bloqueo => blocking(&known.senders),
        Switch::Veneno | Switch::Duplicados | Switch::SinCola => Now::Once,
    }
}

/// On where one of the senders that answer is blocked: all can be mended then.
fn blocking(senders: &[Sender]) -> Now {
    let faults = senders.iter().filter_map(|sender| sender.faults.as_ref()?.fresh());
    let blocked = faults.map(|faults| faults.blocked);
    blocked.reduce(|one, other| one || other).map_or(Now::Unknown, Now::Held)
}

fn armed(faults: &AnalyticsFaults, death: Death) -> Now {
    if faults.death == Some(death) { Now::Armed } else { Now::Ready }
}

/// What the laboratory shows of it now.
fn seen(switch: Switch, known: &Knowledge, lang: Lang) -> String {
    let (spanish, english) = match switch {
        Switch::Pausa => ("Listos en la cola", "Ready in the queue"),
        Switch::Lento => ("Sin acuse", "Unacknowledged"),
        Switch::Bloqueo => ("Intentos que no salieron", "Attempts that never left"),
        Switch::SinCola => ("Devueltos por RabbitMQ", "Returned by RabbitMQ"),
        Switch::Duplicados => ("Repetidos reconocidos", "Duplicates recognised"),
        Switch::Veneno => ("En la cola de mensajes muertos", "In the dead-letter queue"),
        Switch::MuereAntesDelAcuse => ("Entregados otra vez", "Delivered again"),
        Switch::AcuseAntesDeGuardar => {
            ("Confirmados que nadie tiene", "Confirmed, and nobody has them")
        }
    };
    let unknown = || lang.say("no se sabe ahora", "not known now").to_owned();
    let value = number(switch, known).map_or_else(unknown, |value| Count(value).to_string());
    format!("{}: {value}", lang.say(spanish, english))
}

/// None where whoever knows does not answer.
fn number(switch: Switch, known: &Knowledge) -> Option<u64> {
    let analytics = known.analytics.fresh();
    let broker = analytics.map(|state| &state.broker).filter(|broker| broker.answers);
    match switch {
        Switch::Pausa => Some(broker?.queue.as_ref()?.ready),
        Switch::Lento => Some(broker?.queue.as_ref()?.unacked),
        Switch::Bloqueo => published(known, |all| all.not_sent),
        Switch::SinCola => published(known, |all| all.unroutable),
        Switch::Duplicados => Some(analytics?.duplicates),
        Switch::Veneno => Some(broker?.dead?.messages),
        Switch::MuereAntesDelAcuse => Some(analytics?.redelivered),
        Switch::AcuseAntesDeGuardar => {
            let verdict = known.verdict.fresh().filter(|verdict| verdict.silent.is_empty());
            Some(verdict?.finding.lost.len() as u64)
        }
    }
}

/// Of all senders; none unless all answer.
fn published(known: &Knowledge, read: fn(&Published) -> u64) -> Option<u64> {
    let of = |sender: &Sender| sender.source.fresh().map(|state| read(&state.published));
    known.senders.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use crate::{
        faults::SenderFaults,
        knowledge::Attempt,
        neighbour::{Away, Reason},
    };

    use super::*;

    fn sender(faults: Option<bool>) -> Sender {
        let outcome = faults.map(|blocked| SenderFaults { blocked });
        let away = Away { reason: Reason::Unreachable, detail: String::new() };
        let mut source = Source::default();
        source.hear(outcome.ok_or(away), Attempt::at(Clock::now()));
        Sender { faults: Some(source), ..Sender::default() }
    }

    #[test]
    fn senders_are_blocked_where_one_that_answers_says_so() {
        for (senders, now) in [
            (&[Some(false), Some(false)], Now::Held(false)),
            (&[Some(false), Some(true)], Now::Held(true)),
            (&[None, Some(true)], Now::Held(true)),
            (&[None, Some(false)], Now::Held(false)),
            (&[None, None], Now::Unknown),
        ] {
            let senders: Vec<_> = senders.iter().map(|faults| sender(*faults)).collect();
            assert_eq!(blocking(&senders), now);
        }
    }

    #[test]
    fn a_death_can_be_armed_and_disarmed() {
        let with = |death| {
            let mut faults = Source::default();
            let answer = AnalyticsFaults { death, ..AnalyticsFaults::default() };
            faults.hear(Ok(answer), Attempt::at(Clock::now()));
            Knowledge { faults: Some(faults), ..Knowledge::default() }
        };
        let one = Switch::MuereAntesDelAcuse;
        assert_eq!(now(one, &with(None)), Now::Ready);
        assert_eq!(now(one, &with(Some(Death::AntesDelAcuse))), Now::Armed);
        assert_eq!(now(one, &with(Some(Death::TrasAcusePrematuro))), Now::Ready);
    }

    #[test]
    fn what_nobody_tells_is_no_zero() {
        for switch in Switch::ALL {
            let known = Knowledge { senders: vec![sender(None)], ..Knowledge::default() };
            let words = seen(switch, &known, Lang::Es);
            assert!(words.ends_with("no se sabe ahora"), "{words}");
        }
    }
}
