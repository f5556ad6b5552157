//! «El camino»: the live picture of laboratory 1. From what is known to what
//! is drawn and said, without I/O; the template only writes it down.

mod glossary;
mod headline;
pub mod layout;
mod parts;
mod queues;
mod senders;
mod tank;

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    lang::Lang,
    states::{AnalyticsState, BrokerState, Consuming, SenderLink, SenderState},
    wording::Count,
};

pub use glossary::{Explanation, Sign};
pub use headline::Headline;
pub use layout::Layout;
pub use parts::{AnalyticsPart, CountsPart, DeadPart, ExchangePart, Label};
pub use senders::{Chip, SenderPart};
pub use tank::{Certainty, FULL, Level, Tank, level};

/// Senders that are drawn; further ones are told by number.
pub const DRAWN: usize = 5;

/// What the picture is made of. Ages are those of the answers.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// Now.
    pub now: Timestamp,
    /// Every sender that the panel asks, in a fixed order.
    pub senders: Vec<SenderInput<'a>>,
    /// The last that analytics said.
    pub analytics: Option<&'a AnalyticsState>,
    /// Whether it does not answer.
    pub analytics_away: bool,
    /// How old its last answer is.
    pub analytics_age: Option<Duration>,
    /// The last that the broker said.
    pub broker: Option<&'a BrokerState>,
    /// How old that is.
    pub broker_age: Option<Duration>,
    /// Whether it is of now.
    pub is_broker_fresh: bool,
    /// All ever counted.
    pub counted_total: Option<u64>,
    /// How old that is, where it is not of now.
    pub counted_age: Option<Duration>,
    /// Events counted per second.
    pub counted_rate: Option<f64>,
    /// How long ago the queue was last seen to be empty, where it is not now.
    pub not_empty_for: Option<Duration>,
    /// Messages in the queue, as far as the panel can tell by itself while
    /// nobody reports them: the last known, and what was confirmed since.
    pub estimated_waiting: Option<u64>,
    /// How much longer each batch takes, by a switch of the laboratory.
    pub slowed: Option<Duration>,
}

/// One sender.
#[derive(Debug, Clone)]
pub struct SenderInput<'a> {
    /// Its name.
    pub name: &'a str,
    /// The last that it said.
    pub state: Option<&'a SenderState>,
    /// Whether it does not answer.
    pub away: bool,
    /// Whether it is a switch of the laboratory that keeps it from publishing.
    pub blocked_on_purpose: bool,
    /// How old its last answer is.
    pub age: Option<Duration>,
    /// Events confirmed per second.
    pub rate: Option<f64>,
}

/// Everything that the template needs.
#[derive(Debug, Clone)]
pub struct Picture {
    /// How things stand, in one sentence.
    pub headline: Headline,
    /// The senders that are drawn.
    pub senders: Vec<SenderPart>,
    /// How many are not, in words.
    pub further: Option<String>,
    /// The exchange and what is bound to it.
    pub exchange: ExchangePart,
    /// The queue.
    pub tank: Tank,
    /// The queue in a sentence.
    pub tank_spoken: String,
    /// The queues one by one, where they are several.
    pub queues: Option<String>,
    /// The consumer.
    pub analytics: AnalyticsPart,
    /// What was counted.
    pub counts: CountsPart,
    /// Messages that came back from the exchange.
    pub returned: Label,
    /// Messages delivered again.
    pub redelivered: Label,
    /// Dead letters.
    pub dead: DeadPart,
    /// Both arrangements.
    pub layouts: [Layout; 2],
    /// What the dots mean.
    pub legend: Vec<Sign>,
    /// What each part is.
    pub glossary: Vec<Explanation>,
}

impl Picture {
    /// The picture of `input`.
    #[must_use]
    pub fn new(input: &Input<'_>, lang: Lang) -> Self {
        let tank = Tank::new(input, lang);
        let drawn = input.senders.len().min(DRAWN);
        Self {
            headline: headline::headline(input, &tank, lang),
            senders: input
                .senders
                .iter()
                .take(DRAWN)
                .map(|sender| senders::sender(sender, lang))
                .collect(),
            further: senders::further(input.senders.len() - drawn, lang),
            exchange: parts::exchange(input, lang),
            tank_spoken: tank::spoken(&tank, lang),
            queues: queues::queues(input, lang),
            analytics: parts::analytics(input, lang),
            counts: parts::counts(input, lang),
            returned: parts::returned(input, lang),
            redelivered: parts::redelivered(input, lang),
            dead: parts::dead(input, lang),
            layouts: [Layout::lying(drawn), Layout::standing(drawn)],
            legend: glossary::legend(lang),
            glossary: glossary::explanations(lang),
            tank,
        }
    }
}

impl Input<'_> {
    /// Whether whoever answers says that there is no broker, and somebody does.
    fn broker_is_down(&self) -> bool {
        let present = self.senders.iter().filter(|sender| !sender.away);
        let links = present.filter_map(|sender| sender.state).map(|state| state.link);
        let mut cut = links.map(|link| link == SenderLink::SinConexion).collect::<Vec<_>>();
        let analytics = self.analytics.filter(|_| !self.analytics_away);
        cut.extend(analytics.map(|state| state.consuming == Consuming::SinConexion));
        !cut.is_empty() && cut.iter().all(|cut| *cut) && !self.is_broker_fresh
    }
}

/// How busy a way is, for the style sheet and the script: 0 still, 1 each event
/// as a dot, from 2 on as a stream, faster and faster.
#[must_use]
pub fn pace(rate: Option<f64>) -> u8 {
    match rate {
        Some(rate) if rate > 1_000.0 => 4,
        Some(rate) if rate > 100.0 => 3,
        Some(rate) if rate > 8.0 => 2,
        Some(rate) if rate > 0.0 => 1,
        _ => 0,
    }
}

/// A rate per second: with a decimal below ten.
fn per_second(rate: f64, lang: Lang) -> String {
    let rate = rate.max(0.0);
    if rate < 9.95 {
        let exact = format!("{rate:.1}");
        let short = exact.strip_suffix(".0").unwrap_or(&exact);
        return format!("{}/s", short.replace('.', lang.say(",", ".")));
    }
    let whole = format!("{rate:.0}");
    format!("{}/s", whole.parse().map_or(whole, |whole| Count(whole).to_string()))
}

/// A duration in its largest unit, the same in both languages.
fn brief(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds}\u{a0}s"),
        120..7_200 => format!("{}\u{a0}min", seconds / 60),
        7_200..172_800 => format!("{}\u{a0}h", seconds / 3_600),
        _ => format!("{}\u{a0}d", seconds / 86_400),
    }
}

/// How long `then` is ago.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// `text` with a capital first letter.
fn capped(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests;
