//! What the page of laboratory 1 shows, from what is known and a clock.

mod counts;

use std::time::Duration;

use crate::{
    analytics::Reason,
    clock::Clock,
    poll::{Failing, Heard, Knowledge},
    wording::{self, Moment},
};

pub use counts::{Bar, Counts, Rest, Row};

/// Counts older than this are shown as old, whatever the last attempt said:
/// the machine may have slept in between.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// Everything on the page that is not always the same.
#[derive(Debug, Clone)]
pub struct View {
    /// How things stand with analytics.
    pub link: Link,
    /// When analytics last answered, if ever.
    pub heard: Option<Ago>,
    /// What it said then.
    pub counts: Option<Counts>,
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
    pub fn new(known: &Knowledge, now: &Clock) -> Self {
        let heard = known.last.as_ref();
        Self {
            link: link(known, now),
            heard: heard.map(|heard| ago(&heard.at, now)),
            counts: heard.map(|heard| Counts::new(&heard.answer, now.wall)),
        }
    }

    /// One word for how things stand, for the style sheet and the script.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.link {
            Link::Asking => "preguntando",
            Link::Live => "al-dia",
            Link::Away(_) => "ausente",
        }
    }
}

fn link(known: &Knowledge, now: &Clock) -> Link {
    match (&known.failing, &known.last) {
        (Some(failing), last) => Link::Away(absence(failing, last.as_ref(), now)),
        (None, Some(heard)) if now.since(&heard.at) > STALE_AFTER => {
            let failing = Failing { reason: Reason::TimedOut, since: heard.at };
            Link::Away(absence(&failing, Some(heard), now))
        }
        (None, Some(_)) => Link::Live,
        (None, None) => Link::Asking,
    }
}

/// Away since the last answer; without one, since the first question.
fn absence(failing: &Failing, last: Option<&Heard>, now: &Clock) -> Absence {
    let since = last.map_or(failing.since, |heard| heard.at);
    Absence {
        since: ago(&since, now),
        reason: wording::reason(failing.reason),
        answers: !matches!(failing.reason, Reason::Unreachable | Reason::TimedOut),
    }
}

fn ago(then: &Clock, now: &Clock) -> Ago {
    Ago { at: Moment::new(then.wall, now.wall), age: wording::age(now.since(then)) }
}

#[cfg(test)]
mod tests;
