//! The queue as a tank: how full, how sure, in which words.

use std::time::Duration;

use super::{Input, brief, capped};
use crate::{lang::Lang, states::QueueState, wording::Count};

/// What the tank holds where nobody knows its limit: that of the laboratory.
const LIMIT: u64 = 5_000_000;

/// The level of a single message: one must be able to see it.
const ONE: u128 = 60;

/// How full the tank is, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub u16);

/// Up to the brim.
pub const FULL: Level = Level(1_000);

/// How sure the level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// RabbitMQ said so a moment ago.
    Told,
    /// RabbitMQ said so a while ago, and nobody knows better.
    Old,
    /// Computed from what was known and what was confirmed since.
    Estimated,
    /// Nobody ever said.
    Unknown,
}

/// The queue, as it is drawn.
#[derive(Debug, Clone)]
pub struct Tank {
    /// How sure it is.
    pub certainty: Certainty,
    /// All messages in it, as far as known.
    pub waiting: Option<u64>,
    /// The number in its middle.
    pub figure: String,
    /// What that number is.
    pub caption: &'static str,
    /// Further facts, one a line.
    pub notes: Vec<String>,
    /// How full.
    pub level: Level,
    /// How much of that is delivered and not acknowledged.
    pub unacked: Level,
    /// Marks on its wall.
    pub marks: Vec<(Level, Count)>,
    /// Whether it takes nothing more.
    pub is_full: bool,
}

impl Tank {
    /// The tank of what is known.
    #[must_use]
    pub fn new(input: &Input<'_>, lang: Lang) -> Self {
        let queue = input.broker.and_then(|broker| broker.queue.as_ref());
        match (queue, input.estimated_waiting) {
            (Some(queue), _) if input.is_broker_fresh => told(queue, input, lang),
            (queue, Some(estimate)) => estimated(estimate, queue, input, lang),
            (Some(queue), None) => old(queue, input, lang),
            (None, None) => unknown(lang),
        }
    }

    /// One word for how sure it is, for the style sheet.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.certainty {
            Certainty::Told if self.is_full => "llena",
            Certainty::Told => "bien",
            Certainty::Old => "vieja",
            Certainty::Estimated => "estimada",
            Certainty::Unknown => "desconocida",
        }
    }

    /// The class of its number, by the room that it needs.
    #[must_use]
    pub fn size(&self) -> &'static str {
        match self.figure.chars().count() {
            0..=5 => "corta",
            6..=8 => "media",
            _ => "larga",
        }
    }
}

/// Level of `count` messages in a tank for `limit`: on a logarithmic scale, so
/// that one is seen, a thousand are clearly more, and millions have room.
#[must_use]
pub fn level(count: u64, limit: u64) -> Level {
    if count == 0 {
        return Level(0);
    }
    let limit = limit.max(2);
    let rest = u128::from(FULL.0) - ONE;
    let above = rest * log(count.min(limit)) / log(limit);
    u16::try_from(ONE + above).map_or(FULL, |level| Level(level).min(FULL))
}

/// Logarithm of base two, in thousandths; a straight line between powers.
fn log(count: u64) -> u128 {
    let whole = count.ilog2();
    let power = 1_u128 << whole;
    u128::from(whole) * 1_000 + (u128::from(count) - power) * 1_000 / power
}

/// The part of `level` that stands for `part` of `all`.
fn share(level: Level, part: u64, all: u64) -> Level {
    let shared = (u128::from(level.0) * u128::from(part)).checked_div(u128::from(all));
    let shared = shared.and_then(|shared| u16::try_from(shared).ok()).unwrap_or_default();
    Level(if part == 0 { 0 } else { shared.max(12).min(level.0) })
}

fn told(queue: &QueueState, input: &Input<'_>, lang: Lang) -> Tank {
    let mut tank = holding(queue, lang);
    tank.notes.extend(input.not_empty_for.map(|time| not_empty(time, lang)));
    tank
}

fn old(queue: &QueueState, input: &Input<'_>, lang: Lang) -> Tank {
    let mut tank = holding(queue, lang);
    tank.certainty = Certainty::Old;
    tank.notes.extend(input.broker_age.map(|age| as_of(age, lang)));
    tank
}

fn holding(queue: &QueueState, lang: Lang) -> Tank {
    let waiting = queue.ready.saturating_add(queue.unacked);
    let limit = queue.limit.unwrap_or(LIMIT);
    let level = level(waiting, limit);
    let unacked = lang.say("sin acuse", "unacked");
    Tank {
        certainty: Certainty::Told,
        waiting: Some(waiting),
        figure: Count(queue.ready).to_string(),
        caption: if queue.ready == 1 {
            lang.say("listo", "ready")
        } else {
            lang.say("listos", "ready")
        },
        notes: vec![format!("{} {unacked}", Count(queue.unacked))],
        level,
        unacked: share(level, queue.unacked, waiting),
        marks: marks(limit),
        is_full: queue.ready >= limit,
    }
}

fn estimated(waiting: u64, last: Option<&QueueState>, input: &Input<'_>, lang: Lang) -> Tank {
    let limit = last.and_then(|queue| queue.limit).unwrap_or(LIMIT);
    Tank {
        certainty: Certainty::Estimated,
        waiting: Some(waiting),
        figure: format!("≈\u{202f}{}", Count(waiting)),
        caption: lang.say("en cola, estimado", "queued, estimated"),
        notes: input.broker_age.map(|age| as_of(age, lang)).into_iter().collect(),
        level: level(waiting, limit),
        unacked: Level(0),
        marks: marks(limit),
        is_full: false,
    }
}

fn unknown(lang: Lang) -> Tank {
    Tank {
        certainty: Certainty::Unknown,
        waiting: None,
        figure: "?".to_owned(),
        caption: lang.say("sin datos todavía", "no data yet"),
        notes: Vec::new(),
        level: Level(0),
        unacked: Level(0),
        marks: marks(LIMIT),
        is_full: false,
    }
}

/// Marks that tell that the scale is not a straight one.
fn marks(limit: u64) -> Vec<(Level, Count)> {
    let round = [10, 1_000, 100_000].into_iter().filter(|mark| *mark < limit / 4);
    round.chain([limit]).map(|mark| (level(mark, limit), Count(mark))).collect()
}

/// Told under numbers that are not of now.
pub(super) fn as_of(age: Duration, lang: Lang) -> String {
    let age = brief(age);
    match lang {
        Lang::Es => format!("dato de hace {age}"),
        Lang::En => format!("as of {age} ago"),
    }
}

fn not_empty(time: Duration, lang: Lang) -> String {
    let time = brief(time);
    match lang {
        Lang::Es => format!("sin vaciarse: {time}"),
        Lang::En => format!("not empty for {time}"),
    }
}

/// The tank in a sentence.
pub(super) fn spoken(tank: &Tank, lang: Lang) -> String {
    let name = messages::names::QUEUE;
    let facts = [format!("{} {}", tank.figure, tank.caption)];
    let facts = facts.iter().chain(&tank.notes).cloned().collect::<Vec<_>>().join(", ");
    let full = if tank.is_full { lang.say(" Está llena.", " It is full.") } else { "" };
    capped(&format!("{} {name}: {facts}.{full}", lang.say("cola", "queue")))
}
