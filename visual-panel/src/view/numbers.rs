//! The numbers of laboratory 1: rates and their curve, times, and what waits.

use std::time::Duration;

use crate::{
    analytics::Answer,
    clock::Clock,
    history::{Sample, Waited},
    lang::Lang,
    poll::{Knowledge, Sender},
    wording::{self, Count},
};

use super::{
    Link,
    picture::{Input, SenderInput},
};

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
    /// How long the oldest of them has waited.
    pub oldest: Option<String>,
    /// Messages in the dead-letter queue.
    pub dead: Option<Count>,
}

/// Messages that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: Count,
    /// Whether that is what senders say since the broker was last heard of.
    pub is_estimate: bool,
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
        let answer = known.analytics.answer();
        let waiting = Waiting::new(known, now);
        let dead = answer.and_then(|answer| answer.state.broker.dead);
        Self {
            confirmed: rate(confirmed_rate(known)),
            counted: rate(history.counted_rate().filter(|_| known.analytics.failing.is_none())),
            curve: Curve::new(known),
            latency: answer.and_then(|answer| latency(answer, lang)),
            oldest: waiting.and_then(|waiting| history.oldest_of(waiting.count.0)).map(|waited| {
                match waited {
                    Waited::About(time) => wording::length_of(time, lang),
                    Waited::Over(time) => format!(">\u{a0}{}", wording::length_of(time, lang)),
                }
            }),
            waiting,
            dead: dead.map(|dead| Count(dead.messages)),
        }
    }
}

impl Waiting {
    /// What waits, as the broker says; where that is old, with what senders had
    /// confirmed since. Without analytics nothing leaves the queue.
    fn new(known: &Knowledge, now: &Clock) -> Option<Self> {
        let heard = known.analytics.last.as_ref()?;
        let broker = &heard.answer.state.broker;
        let queue = broker.queue?;
        let then = queue.ready.saturating_add(queue.unacked);
        let is_fresh = known.analytics.failing.is_none() && broker.answers;
        if is_fresh && now.since(&heard.at) <= super::STALE_AFTER {
            return Some(Self { count: Count(then), is_estimate: false });
        }
        let confirmed: u64 = known.senders.iter().map(|sender| sender.confirmed.sum()).sum();
        let before = known.history.confirmed_at(&heard.at).unwrap_or(confirmed);
        let since = confirmed.saturating_sub(before);
        Some(Self { count: Count(then.saturating_add(since)), is_estimate: true })
    }
}

/// What the picture is drawn from.
pub(super) fn picture_input<'a>(known: &'a Knowledge, now: &Clock, link: &Link) -> Input<'a> {
    let (analytics, history) = (&known.analytics, &known.history);
    let waiting = Waiting::new(known, now);
    let oldest = waiting.and_then(|waiting| history.oldest_of(waiting.count.0));
    let faults = known.faults.as_ref().and_then(|faults| faults.answer());
    let delay = faults.map(|faults| faults.delay_ms).filter(|delay| *delay > 0);
    Input {
        now: now.wall,
        senders: known
            .senders
            .iter()
            .enumerate()
            .map(|(at, one)| sender(known, at, one, now))
            .collect(),
        analytics: analytics.answer().map(|answer| &answer.state),
        analytics_away: matches!(link, Link::Away(_)),
        analytics_age: analytics.last.as_ref().map(|heard| now.since(&heard.at)),
        counted_total: analytics.answer().map(|answer| answer.report.total),
        counted_rate: history.counted_rate(),
        oldest_waiting: oldest.map(|(Waited::About(time) | Waited::Over(time))| time),
        estimated_waiting: waiting.map(|waiting| waiting.count.0),
        slowed: delay.map(Duration::from_millis),
    }
}

fn sender<'a>(known: &Knowledge, place: usize, sender: &'a Sender, now: &Clock) -> SenderInput<'a> {
    SenderInput {
        name: &sender.name,
        state: sender.source.answer(),
        away: sender.source.failing.is_some(),
        age: sender.source.last.as_ref().map(|heard| now.since(&heard.at)),
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
fn latency(answer: &Answer, lang: Lang) -> Option<(String, String)> {
    let times = answer.latest.events.iter();
    let times = times.map(|event| event.counted.duration_since(event.timestamp));
    let mut times: Vec<Duration> = times.filter_map(|time| time.try_into().ok()).collect();
    times.sort_unstable();
    let (median, longest) = (times.get(times.len() / 2)?, times.last()?);
    Some((wording::length_of(*median, lang), wording::length_of(*longest, lang)))
}

impl Curve {
    fn new(known: &Knowledge) -> Self {
        let history = &known.history;
        let confirmed = history.curve(CURVE_SECONDS, |sample| Some(sample.all_confirmed()));
        let counted = history.curve(CURVE_SECONDS, |sample: &Sample| sample.counted);
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
            let edge = step * power;
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
