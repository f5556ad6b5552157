//! The counts and events of an answer, made ready for the page.

use jiff::Timestamp;

use crate::{
    chart::{self, Length},
    lang::Lang,
    report::{Counted, Event, Report, SHOWN, Tally},
    wording::{self, Count, Moment},
};

/// Longest message shown whole, in characters.
const MESSAGE_SHOWN: usize = 160;

/// Kinds of events shown with their counts.
const KINDS_SHOWN: usize = 6;

/// The counts of a report.
#[derive(Debug, Clone)]
pub struct Counts {
    /// All events.
    pub total: Count,
    /// Counts per kind of event, the first few.
    pub kinds: Vec<(String, Count)>,
    /// One bar per client, longest first.
    pub bars: Vec<Bar>,
    /// Clients without a bar.
    pub rest: Option<Rest>,
    /// Time of the earliest event.
    pub first: Option<Moment>,
    /// Time of the latest event.
    pub last: Option<Moment>,
    /// The newest events.
    pub events: Vec<Row>,
}

impl Counts {
    /// The counts, at `now`.
    #[must_use]
    pub fn new(counted: &Counted, now: Timestamp, lang: Lang) -> Self {
        let report = &counted.report;
        let moment = |at: Option<Timestamp>| at.map(|at| Moment::new(at, now, lang));
        let events = counted.latest.events.iter().take(SHOWN);
        Self {
            total: Count(report.total),
            kinds: kinds(&report.kinds),
            bars: bars(report),
            rest: rest(report),
            first: moment(report.first),
            last: moment(report.last),
            events: events.map(|event| row(event, now, lang)).collect(),
        }
    }

    /// Whether nothing was counted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total.0 == 0 && self.bars.is_empty()
    }
}

/// One client's bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// The client.
    pub name: String,
    /// Whether this is no client, but all those beyond the limit of names.
    pub is_others: bool,
    /// Its events.
    pub count: Count,
    /// Its part of all events, in words.
    pub share: String,
    /// Length of its bar.
    pub length: Length,
}

/// Clients that have no bar. Analytics tells how many pages of them there are,
/// not how many: both ends of what is possible are true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// At least so many.
    pub least: Count,
    /// At most so many.
    pub most: Count,
    /// Their events.
    pub events: Count,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Row {
    /// When it happened.
    pub time: Moment,
    /// Who did it.
    pub client: String,
    /// What was done.
    pub kind: String,
    /// The caller's words, cut if they are long.
    pub message: String,
    /// The message's id, and its end.
    pub id: String,
    /// The end of the id.
    pub short_id: String,
}

fn kinds(kinds: &Tally) -> Vec<(String, Count)> {
    let first = kinds.0.iter().take(KINDS_SHOWN);
    first.map(|(name, count)| (name.clone(), Count(*count))).collect()
}

fn bars(report: &Report) -> Vec<Bar> {
    let shown = || report.clients.0.iter().take(SHOWN);
    let most = shown().map(|(_, count)| *count).max().unwrap_or_default();
    let bar = |(name, count): &(String, u64)| Bar {
        name: name.clone(),
        is_others: name == messages::names::OTHERS,
        count: Count(*count),
        share: chart::share(*count, report.total),
        length: chart::length(*count, most),
    };
    shown().map(bar).collect()
}

fn rest(report: &Report) -> Option<Rest> {
    let page = SHOWN as u64;
    let received = report.clients.0.len() as u64;
    let here = received.saturating_sub(page);
    let further = report.pages.saturating_sub(1);
    if here + further == 0 {
        return None;
    }
    let shown = report.clients.0.iter().take(SHOWN);
    let counted = shown.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    // Every further page is full, but for the last, which has one at least.
    let full = further.saturating_sub(1).saturating_mul(page);
    Some(Rest {
        least: Count(full.saturating_add(here + u64::from(further > 0))),
        most: Count(further.saturating_mul(page).saturating_add(here)),
        events: Count(report.total.saturating_sub(counted)),
    })
}

fn row(event: &Event, now: Timestamp, lang: Lang) -> Row {
    Row {
        time: Moment::new(event.timestamp, now, lang),
        client: event.client.clone(),
        kind: event.kind.clone(),
        message: wording::shortened(event.message.as_deref().unwrap_or_default(), MESSAGE_SHOWN),
        id: event.id.clone(),
        short_id: wording::short_id(&event.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2025-04-13T12:00:00Z";

    #[test]
    fn a_long_message_is_cut_and_a_missing_one_is_empty() {
        let event = |message: Option<String>| Event {
            id: "0196303b-3c5e-7cc2-98c4-dc0c0c07398f".to_owned(),
            client: "cliente_x".to_owned(),
            kind: "click".to_owned(),
            timestamp: NOON.parse().expect("a timestamp"),
            counted: NOON.parse().expect("a timestamp"),
            message,
        };
        let now = NOON.parse().expect("a timestamp");
        assert_eq!(row(&event(None), now, Lang::Es).message, "");
        let cut = row(&event(Some("ñ".repeat(4_096))), now, Lang::Es).message;
        assert_eq!(cut.chars().count(), MESSAGE_SHOWN + 1);
    }
}
