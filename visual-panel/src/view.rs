//! What the pages show, from what is known and a clock. Pure.

mod attempts;
pub mod audit;
mod counts;
mod numbers;
pub mod picture;
pub mod proof;
pub mod story;
pub mod switches;

use crate::{
    clock::Clock,
    knowledge::{Failing, Heard, Knowledge},
    lang::Lang,
    neighbour::Reason,
    report::Counted,
    wording::{self, Moment},
};

pub use attempts::AttemptRow;
pub use counts::{Bar, Counts, Rest, Row};
pub use numbers::{Certainty, Curve, Numbers, Waiting};
use picture::Picture;

/// Everything on the page of laboratory 1 that is not always the same.
#[derive(Debug, Clone)]
pub struct View {
    /// How things stand with analytics.
    pub link: Link,
    /// Whether several processes answer for it, so that what is of one process
    /// is of one of them.
    pub is_several: bool,
    /// When analytics last answered, if ever.
    pub heard: Option<Ago>,
    /// What it said then.
    pub counts: Option<Counts>,
    /// The way of a message, and where messages are now.
    pub picture: Picture,
    /// Rates, times, and what waits.
    pub numbers: Numbers,
    /// The newest attempts to publish.
    pub attempts: Vec<AttemptRow>,
}

/// How things stand with analytics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It was never asked before; the first answer is still to come.
    Asking,
    /// It answers.
    Live,
    /// It does not, or not as agreed.
    Away(Absence),
}

/// Analytics away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Since when.
    pub since: Ago,
    /// Why, in words.
    pub reason: String,
    /// Whether it answers, but not as agreed.
    pub answers: bool,
}

/// A moment in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ago {
    /// When it was.
    pub at: Moment,
    /// How long ago, in words.
    pub age: String,
}

impl View {
    /// The page, at `now`.
    #[must_use]
    pub fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let heard = known.counts.last.as_ref();
        let link = Link::new(known, now, lang);
        Self {
            is_several: known.is_several(now),
            heard: heard.map(|heard| ago(&heard.at, now, lang)),
            counts: heard.map(|heard| Counts::new(&heard.answer, now.wall, lang)),
            picture: Picture::new(&numbers::picture_input(known, now), lang),
            numbers: Numbers::new(known, now, lang),
            attempts: attempts::latest(known, now.wall, lang),
            link,
        }
    }

    /// One word for how things stand, for the style sheet and the script.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.link.state()
    }
}

impl Link {
    fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let counts = &known.counts;
        // It may well answer, only not with counts: its database is away.
        let answers = known.analytics.last.is_some() && !known.analytics.is_away(now);
        let away = |failing, last| Self::Away(absence(failing, last, answers, (now, lang)));
        match (&counts.failing, &counts.last) {
            (Some(failing), last) => away(failing, last.as_ref()),
            (None, Some(heard)) if counts.staleness(now).is_some() => {
                let (since, asked) = (heard.at, heard.asked);
                away(&Failing { reason: Reason::TimedOut, since, asked }, Some(heard))
            }
            (None, Some(_)) => Self::Live,
            (None, None) => Self::Asking,
        }
    }

    /// One word for it, for the style sheet and the script.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Asking => "preguntando",
            Self::Live => "al-dia",
            Self::Away(_) => "ausente",
        }
    }
}

/// Away since the last answer; without one, since the first question.
fn absence(
    failing: &Failing,
    last: Option<&Heard<Counted>>,
    answers: bool,
    (now, lang): (&Clock, Lang),
) -> Absence {
    let since = last.map_or(failing.since, |heard| heard.at);
    let is_silent = matches!(failing.reason, Reason::Unreachable | Reason::TimedOut);
    Absence {
        since: ago(&since, now, lang),
        reason: wording::reason(failing.reason, lang),
        answers: answers || !is_silent,
    }
}

fn ago(then: &Clock, now: &Clock, lang: Lang) -> Ago {
    Ago { at: Moment::new(then.wall, now.wall, lang), age: wording::age(now.since(then), lang) }
}

#[cfg(test)]
mod tests;
