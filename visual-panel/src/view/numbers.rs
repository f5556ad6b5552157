//! The numbers of laboratory 1: rates and their curve, times, and what waits.

use std::time::Duration;

use crate::{
    clock::Clock,
    history::Sample,
    knowledge::{Knowledge, Seen, Sender},
    lang::Lang,
    report::Counted,
    states::Consuming,
    wording::{self, Count},
};

use super::picture::{Input, SenderInput};

/// Seconds of the curve: five minutes.
const CURVE_SECONDS: usize = 300;

/// Width and height of the curve, in the units of its `viewBox`.
const CURVE_SIZE: (f64, f64) = (600.0, 120.0);

/// The numbers, in words.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Events a second that senders have confirmed.
    pub confirmed: Option<String>,
    /// Events a second that analytics has counted.
    pub counted: Option<String>,
    /// Both, over five minutes.
    pub curve: Curve,
    /// Median and longest time from an event to its count, of the latest.
    pub latency: Option<(String, String)>,
    /// Messages that wait, in the queue or in analytics' hands.
    pub waiting: Option<Waiting>,
    /// How long ago the queue was last seen to be empty, where it is not now.
    pub not_empty_for: Option<String>,
    /// Messages in the dead-letter queue.
    pub dead: Option<Count>,
    /// How long ago what is not of now was told, in words.
    pub stale: Option<String>,
}

/// Messages that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: Count,
    /// How sure that is.
    pub certainty: Certainty,
}

/// How sure a number of waiting messages is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The broker says so now.
    Told,
    /// The broker said so once, and nobody knows better.
    Old,
    /// What the broker said once, with what was confirmed since.
    Estimated,
}

/// Two lines over five minutes, as points of SVG polylines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    /// Confirmed, in pieces: a gap is a time of which nothing is known.
    pub confirmed: Vec<String>,
    /// Counted, in pieces.
    pub counted: Vec<String>,
    /// The rate at the upper edge, events a second.
    pub top: Count,
}

impl Numbers {
    /// The numbers, at `now`.
    #[must_use]
    pub fn new(known: &Knowledge, now: &Clock, lang: Lang) -> Self {
        let history = &known.history;
        let rate = |rate: Option<f64>| rate.map(|rate| wording::rate(rate, lang));
        let counted = known.counts.answer();
        let waiting = Waiting::new(known, now);
        let dead = known.broker.as_ref().and_then(|seen| seen.state.dead);
        Self {
            confirmed: rate(confirmed_rate(known)),
            counted: rate(history.counted_rate()),
            curve: Curve::new(known),
            latency: counted.and_then(|counted| latency(counted, lang)),
            not_empty_for: not_empty_for(known, now).map(|time| wording::length_of(time, lang)),
            waiting,
            dead: dead.map(|dead| Count(dead.messages)),
            stale: known
                .staleness(now)
                .max(known.counts.staleness(now))
                .map(|age| wording::age(age, lang)),
        }
    }
}

impl Waiting {
    /// What waits, as the broker says. Where that is old and nobody reads the
    /// queue, with what senders had confirmed since.
    pub(super) fn new(known: &Knowledge, now: &Clock) -> Option<Self> {
        let Seen { state, confirmed, .. } = known.broker.as_ref()?;
        let then = state.queue.as_ref()?.waiting();
        if known.is_broker_fresh(now) {
            return Some(Self { count: Count(then), certainty: Certainty::Told });
        }
        let is_away = known.analytics.staleness(now).is_some();
        let consuming = known.analytics.answer().map(|state| state.consuming);
        let is_read = !is_away && consuming == Some(Consuming::Activo);
        // Others may read it where one does not.
        if is_read || known.is_several(now) {
            return Some(Self { count: Count(then), certainty: Certainty::Old });
        }
        let since = known.confirmed().saturating_sub(*confirmed);
        let count = Count(then.saturating_add(since));
        Some(Self { count, certainty: Certainty::Estimated })
    }
}

/// How long ago the queue was last seen to be empty, where it is known not to be now. None of
/// its messages has waited longer, whoever published it.
fn not_empty_for(known: &Knowledge, now: &Clock) -> Option<Duration> {
    let waiting = Waiting::new(known, now)?;
    let is_known = waiting.certainty == Certainty::Told && waiting.count.0 > 0;
    known.empty.filter(|_| is_known).map(|empty| now.since(&empty))
}

/// What the picture is drawn from.
pub(super) fn picture_input<'a>(known: &'a Knowledge, now: &Clock) -> Input<'a> {
    let (analytics, history) = (&known.analytics, &known.history);
    let waiting = Waiting::new(known, now);
    let estimate = waiting.filter(|waiting| waiting.certainty == Certainty::Estimated);
    let faults = known.faults.as_ref().and_then(|faults| faults.fresh());
    let delay = faults.map(|faults| faults.delay_ms).filter(|delay| *delay > 0);
    let senders = known.senders.iter().enumerate();
    Input {
        now: now.wall,
        senders: senders.map(|(place, one)| sender(known, place, one, now)).collect(),
        analytics: analytics.answer(),
        analytics_away: analytics.is_away(now),
        analytics_age: analytics.last.as_ref().map(|heard| now.since(&heard.at)),
        broker: known.broker.as_ref().map(|seen| seen.state.as_ref()),
        broker_age: known.broker.as_ref().map(|seen| now.since(&seen.at)),
        is_broker_fresh: known.is_broker_fresh(now),
        counted_total: known.counts.answer().map(|counted| counted.report.total),
        counted_age: known.counts.staleness(now),
        counted_rate: history.counted_rate(),
        not_empty_for: not_empty_for(known, now),
        estimated_waiting: estimate.map(|waiting| waiting.count.0),
        slowed: delay.map(Duration::from_millis),
    }
}

fn sender<'a>(known: &Knowledge, place: usize, sender: &'a Sender, now: &Clock) -> SenderInput<'a> {
    let source = &sender.source;
    SenderInput {
        name: &sender.name,
        state: source.answer(),
        away: source.is_away(now),
        blocked_on_purpose: sender.is_blocked_on_purpose(),
        age: source.last.as_ref().map(|heard| now.since(&heard.at)),
        rate: known.history.confirmed_rate(place),
    }
}

/// Of all senders.
fn confirmed_rate(known: &Knowledge) -> Option<f64> {
    let rates = (0..known.senders.len()).filter_map(|sender| known.history.confirmed_rate(sender));
    rates.reduce(|sum, rate| sum + rate)
}

/// Median and longest, of the latest events. A caller may have given an event
/// any time: one that is in the future says nothing.
fn latency(counted: &Counted, lang: Lang) -> Option<(String, String)> {
    let times = counted.latest.events.iter();
    let times = times.map(|event| event.counted.duration_since(event.timestamp));
    let mut times: Vec<Duration> = times.filter_map(|time| time.try_into().ok()).collect();
    times.sort_unstable();
    let (median, longest) = (times.get(times.len() / 2)?, times.last()?);
    Some((wording::length_of(*median, lang), wording::length_of(*longest, lang)))
}

impl Curve {
    fn new(known: &Knowledge) -> Self {
        let history = &known.history;
        let confirmed = history.curve(CURVE_SECONDS, Sample::confirmed_since);
        let counted = history.curve(CURVE_SECONDS, Sample::counted_since);
        let rates = confirmed.iter().chain(&counted).flatten();
        let top = rounded_up(rates.fold(0.0, |most: f64, rate| most.max(*rate)));
        Self { confirmed: pieces(&confirmed, top), counted: pieces(&counted, top), top: Count(top) }
    }
}

/// The next 1, 2 or 5 times a power of ten: an edge that does not change all
/// the time.
fn rounded_up(rate: f64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let edge = power.saturating_mul(step);
            if rate <= crate::history::as_number(edge) {
                return edge;
            }
        }
        let Some(next) = power.checked_mul(10) else { return power };
        power = next;
    }
}

/// The newest value is at the right edge.
fn pieces(rates: &[Option<f64>], top: u64) -> Vec<String> {
    let (width, height) = CURVE_SIZE;
    let skipped = CURVE_SECONDS.saturating_sub(rates.len());
    let step = width / crate::history::as_number(CURVE_SECONDS as u64 - 1);
    let point = |(place, rate): (usize, &Option<f64>)| {
        let x = crate::history::as_number((skipped + place) as u64) * step;
        rate.map(|rate| (x, height - rate / crate::history::as_number(top) * height))
    };
    let points: Vec<_> = rates.iter().enumerate().map(point).collect();
    let known = points.split(Option::is_none).filter(|piece| !piece.is_empty());
    known
        .map(|piece| {
            piece
                .iter()
                .flatten()
                .map(|(x, y)| format!("{x:.0},{y:.1}"))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        knowledge::{Attempt, sample},
        neighbour::{Away, Reason},
        states::AnalyticsState,
    };

    use super::*;

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn state(answers: bool, consuming: Consuming) -> AnalyticsState {
        let mut state = sample("click", "2025-04-06T12:00:00Z");
        state.broker.answers = answers;
        state.broker.queue.as_mut().expect("a queue").ready = 5;
        AnalyticsState { consuming, ..state }
    }

    /// The broker said five when ten were confirmed; twenty more are since.
    fn after(outcome: Result<AnalyticsState, Away>) -> (Certainty, u64) {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let mut known = Knowledge { senders: vec![confirming(10)], ..Knowledge::default() };
        known.hear_analytics(Ok(state(true, Consuming::Activo)), Attempt::at(start));
        known.senders = vec![confirming(30)];
        let now = start.later(second(3));
        known.hear_analytics(outcome, Attempt::at(now));
        let waiting = Waiting::new(&known, &now).expect("a number");
        (waiting.certainty, waiting.count.0)
    }

    /// A sender that had confirmed so many since the panel started.
    fn confirming(count: u64) -> Sender {
        let mut sender = Sender::default();
        sender.confirmed.see("p", 0);
        sender.confirmed.see("p", count);
        sender
    }

    #[test]
    fn what_waits_is_guessed_only_while_nobody_reads_the_queue() {
        let away = Away { reason: Reason::Unreachable, detail: String::new() };
        for (outcome, waiting) in [
            (Ok(state(true, Consuming::Activo)), (Certainty::Told, 5)),
            (Ok(state(false, Consuming::Activo)), (Certainty::Old, 5)),
            (Ok(state(false, Consuming::EnPausa)), (Certainty::Estimated, 25)),
            (Ok(state(false, Consuming::SinConexion)), (Certainty::Estimated, 25)),
            (Err(away), (Certainty::Estimated, 25)),
        ] {
            let what = format!("{outcome:?}");
            assert_eq!(after(outcome), waiting, "{what}");
        }
    }

    #[test]
    fn a_queue_is_told_to_be_not_empty_since_it_was_seen_empty_whoever_publishes() {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let mut known = Knowledge { senders: vec![confirming(10)], ..Knowledge::default() };
        let mut hear = |seconds: u64, waiting: u64, answers: bool| {
            let now = start.later(second(seconds));
            let mut state = state(answers, Consuming::EnPausa);
            state.broker.queue.as_mut().expect("a queue").ready = waiting;
            known.hear_analytics(Ok(state), Attempt::at(now));
            not_empty_for(&known, &now).map(|time| time.as_secs())
        };
        assert_eq!(hear(0, 2, true), None, "nobody saw it empty");
        assert_eq!(hear(10, 0, true), None, "it is empty");
        assert_eq!(hear(12, 2, true), Some(2), "of whom the two are does not matter");
        assert_eq!(hear(44, 3, true), Some(34));
        assert_eq!(hear(45, 3, false), None, "nobody knows whether it still is");
    }
}
