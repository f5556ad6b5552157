//! The story of one message, as a timeline: who did what, how long after what was
//! before, and where clocks contradict each other.

use jiff::{SignedDuration, Timestamp};

use super::{exact, mood, size, span, state_words};
use crate::{
    audit::wire::{Durations, Notice, Step, Stories, Story},
    chart::{self, Length},
    lang::Lang,
    wording::Moment,
};

/// All messages of one id.
#[derive(Debug, Clone)]
pub struct Tale {
    /// The id that they have; none where one came without.
    pub id: Option<String>,
    /// In the order in which they came.
    pub messages: Vec<Chapter>,
    /// What was told of this id before there was such a message.
    pub strays: Vec<Beat>,
    /// Whether there is more that is older.
    pub has_older: bool,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// As the proxy tells of it.
    pub story: Story,
    /// Its state in words.
    pub state: String,
    /// How that looks.
    pub mood: &'static str,
    /// Its size in words.
    pub size: String,
    /// Why it has not been processed, in the proxy's own words, and for how long it has
    /// been where it is.
    pub why: Option<(String, Option<String>)>,
    /// What happened.
    pub beats: Vec<Beat>,
    /// How long each stage took.
    pub stages: Vec<Stage>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Beat {
    /// When, by the clock of whoever did it.
    pub time: Moment,
    /// Who did it.
    pub who: String,
    /// How it looks: one word for the style sheet.
    pub mood: &'static str,
    /// What happened.
    pub what: String,
    /// How long after what was before, by the proxy's clock.
    pub after: Option<String>,
    /// What whoever did it added.
    pub detail: Option<String>,
    /// By how much the clock is wrong at least, in words.
    pub skew: Option<String>,
}

/// A stage on the way, and how long it took.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Which.
    pub name: &'static str,
    /// From when to when.
    pub meaning: &'static str,
    /// How long it took, in words; none while it lasts, or where it never began.
    pub took: Option<String>,
    /// Its bar, against the longest of the message.
    pub length: Length,
    /// Whether it comes out negative, as only two clocks can make it.
    pub is_skewed: bool,
}

impl Tale {
    /// All that is known of an id, at `now`.
    #[must_use]
    pub fn new(stories: Stories, now: Timestamp, lang: Lang) -> Self {
        let Stories { id, messages, strays, has_older } = stories;
        let messages = messages.into_iter().map(|story| Chapter::new(story, now, lang));
        let strays = beats(&strays, "", now, lang);
        Self { id, messages: messages.collect(), strays, has_older }
    }
}

impl Chapter {
    fn new(story: Story, now: Timestamp, lang: Lang) -> Self {
        let destination = story.destination.as_deref().unwrap_or_default();
        Self {
            state: state_words(&story.state, lang),
            mood: mood(&story.state),
            size: size(story.bytes, lang),
            why: story.why.as_ref().map(|why| {
                let since = why.since.map(|since| now.duration_since(since));
                let since = since.map(|since| span(since.as_millis_f64().max(0.0), lang));
                (lang.quoted(&why.words), since)
            }),
            beats: beats(&story.steps, destination, now, lang),
            stages: stages(&story.durations, lang),
            story,
        }
    }
}

fn beats(steps: &[Step], destination: &str, now: Timestamp, lang: Lang) -> Vec<Beat> {
    let received = steps.iter().find(|step| is_arrival(step)).map(|step| step.at);
    let mut before = None;
    let mut beats = Vec::with_capacity(steps.len());
    for step in steps {
        let learnt = learnt(step);
        let after = before.zip(learnt).map(|(before, learnt)| elapsed(before, learnt, lang));
        before = learnt.or(before);
        beats.push(Beat {
            time: exact(step.at, now, lang),
            who: step.who.clone(),
            mood: step_mood(step),
            what: words(step, destination, lang),
            after,
            detail: detail(step, lang),
            skew: skew(step, received, lang),
        });
    }
    beats
}

/// Whether the proxy's own times begin with it.
fn is_arrival(step: &Step) -> bool {
    matches!(step.what.as_str(), "recibido" | "no_admitido")
}

/// When the proxy learnt of it, by its own clock; none for what it was only told of.
fn learnt(step: &Step) -> Option<Timestamp> {
    match (step.what.as_str(), &step.notice) {
        ("creado", _) => None,
        (_, Some(notice)) => Some(notice.arrived),
        (_, None) => Some(step.at),
    }
}

fn elapsed(from: Timestamp, to: Timestamp, lang: Lang) -> String {
    format!("+{}", span(to.duration_since(from).as_millis_f64(), lang))
}

fn step_mood(step: &Step) -> &'static str {
    match (step.what.as_str(), &step.notice) {
        ("no_admitido", _) => "mal",
        ("reenvio_pedido", _) => "ojo",
        (_, Some(notice)) if notice.effect != "aplicada" => "ojo",
        (_, Some(notice)) => match mood(&notice.state) {
            "mal" => "mal",
            _ => "bien",
        },
        _ => "bien",
    }
}

fn words(step: &Step, destination: &str, lang: Lang) -> String {
    let words = match (step.what.as_str(), &step.notice) {
        ("creado", _) => ("lo creó", "created it"),
        ("recibido", _) => ("lo recibió y guardó una copia", "received it and kept a copy"),
        ("no_admitido", _) => ("lo recibió y no lo admitió", "received it and did not admit it"),
        ("reenviado", _) => return forwarded(destination, step.attempt, lang),
        ("reenvio_pedido", _) => ("pidió reenviarlo", "asked to send it once more"),
        (_, Some(notice)) => return told(notice, lang),
        (other, None) => return other.replace('_', " "),
    };
    lang.say(words.0, words.1).to_owned()
}

fn forwarded(destination: &str, attempt: Option<u64>, lang: Lang) -> String {
    let (spanish, english) = match attempt {
        Some(attempt) => (format!(" (intento {attempt})"), format!(" (attempt {attempt})")),
        None => (String::new(), String::new()),
    };
    match lang {
        Lang::Es => {
            format!("lo reenvió{spanish}: RabbitMQ confirmó que está en la cola de {destination}")
        }
        Lang::En => format!(
            "forwarded it{english}: RabbitMQ confirmed that the queue of {destination} has it"
        ),
    }
}

fn told(notice: &Notice, lang: Lang) -> String {
    let state = state_words(&notice.state, lang);
    let effect = match notice.effect.as_str() {
        "aplicada" => ("", ""),
        "repetida" => (": ya lo había dicho", ": it had said so before"),
        "tardia" => (
            ": llegó tarde, el mensaje ya tenía un estado final",
            ": too late, the message had a final state already",
        ),
        "ajena" => (
            ": no es quien debía recibirlo, no se le hace caso",
            ": not the system that it is for, so it does not count",
        ),
        "estado_desconocido" => (
            ": no es un estado que ese sistema tenga registrado",
            ": no state that this system has registered",
        ),
        "sin_mensaje" => (
            ": aquí no había tal mensaje de ese origen",
            ": there was no such message of that source here",
        ),
        other => return format!("«{state}» ({other})"),
    };
    let effect = lang.say(effect.0, effect.1);
    match lang {
        Lang::Es => format!("notificó «{state}»{effect}"),
        Lang::En => format!("notified “{state}”{effect}"),
    }
}

fn detail(step: &Step, lang: Lang) -> Option<String> {
    let details = step.notice.as_ref()?.details.as_ref()?;
    Some(lang.quoted(details))
}

/// By how much the clock of whoever did it is wrong, at least, where the order of
/// times cannot be: nothing is created after it arrived, or told of before.
fn skew(step: &Step, received: Option<Timestamp>, lang: Lang) -> Option<String> {
    let ahead = match (step.what.as_str(), &step.notice) {
        ("creado", _) => step.at.duration_since(received?),
        (_, Some(notice)) => step.at.duration_since(notice.arrived),
        _ => return None,
    };
    let behind = match &step.notice {
        Some(_) => {
            received.map_or(SignedDuration::ZERO, |from| from.duration_since(latest(step.at)))
        }
        None => SignedDuration::ZERO,
    };
    let least = |time: SignedDuration| span(time.as_millis_f64(), lang);
    if ahead.is_positive() {
        Some(match lang {
            Lang::Es => format!("su reloj va adelantado al menos {}", least(ahead)),
            Lang::En => format!("its clock is ahead by at least {}", least(ahead)),
        })
    } else if behind.is_positive() {
        Some(match lang {
            Lang::Es => format!("su reloj va atrasado al menos {}", least(behind)),
            Lang::En => format!("its clock is behind by at least {}", least(behind)),
        })
    } else {
        None
    }
}

/// The last moment that a time may mean: AMQP's own tell whole seconds.
fn latest(told: Timestamp) -> Timestamp {
    if told.subsec_nanosecond() != 0 {
        return told;
    }
    told.saturating_add(SignedDuration::from_micros(999_999)).unwrap_or(told)
}

fn stages(durations: &Durations, lang: Lang) -> Vec<Stage> {
    let named = [
        (
            durations.queueing,
            ("Cola de entrada", "Entry queue"),
            (
                "de su creación hasta que el proxy lo tuvo",
                "from its creation until the proxy had it",
            ),
        ),
        (
            durations.proxy,
            ("Proxy", "Proxy"),
            ("hasta que la cola del destino lo tuvo", "until the destination's queue had it"),
        ),
        (
            durations.processing,
            ("Destino", "Destination"),
            (
                "hasta que el proxy supo de su estado final",
                "until the proxy learnt of its final state",
            ),
        ),
    ];
    let longest = named.iter().filter_map(|(took, ..)| *took).map(microseconds).max().unwrap_or(0);
    let stage = |(took, name, meaning): (Option<f64>, (_, _), (_, _))| Stage {
        name: pick(name, lang),
        meaning: pick(meaning, lang),
        took: took.map(|took| span(took, lang)),
        length: chart::length(took.map_or(0, microseconds), longest),
        is_skewed: took.is_some_and(|took| took < 0.0),
    };
    named.map(stage).into()
}

fn pick(texts: (&'static str, &'static str), lang: Lang) -> &'static str {
    lang.say(texts.0, texts.1)
}

/// Of a length in milliseconds; zero where it is negative.
fn microseconds(milliseconds: f64) -> u64 {
    // From zero on, and centuries below the limit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = (milliseconds.max(0.0) * 1000.0).round() as u64;
    whole
}

#[cfg(test)]
mod tests;
