//! Log events between the queue and the store, bounded: what is too much drops the
//! oldest, and is counted. Pure.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use messages::SystemName;

use crate::store::{KeptLogEvent, LogBatch, Loss, LossReason};

/// Events held at most.
const MAX_EVENTS: usize = 10_000;

/// Bytes of text held at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Events that wait to be stored, and what was lost since something was stored.
#[derive(Default)]
pub struct Buffer {
    events: VecDeque<KeptLogEvent>,
    bytes: usize,
    losses: BTreeMap<(Option<SystemName>, LossReason), Span>,
    /// When the queue was last known not to be full.
    seen: Option<Timestamp>,
}

/// What was lost of one system for one reason.
struct Span {
    since: Timestamp,
    until: Timestamp,
    events: Option<u64>,
}

impl Buffer {
    /// Adds an event; where there is no room, the oldest give way.
    pub fn push(&mut self, event: KeptLogEvent) {
        self.bytes += size(&event);
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.pop() else { return };
            let at = oldest.key.received();
            self.lose(Some(oldest.system), LossReason::Overflow, at);
        }
    }

    /// Counts an event that was lost; `at` is when it was received.
    pub fn lose(&mut self, system: Option<SystemName>, reason: LossReason, at: Timestamp) {
        let minute = minute_of(at);
        let span = Span {
            since: minute,
            until: minute.saturating_add(SignedDuration::from_mins(1)).unwrap_or(minute),
            events: Some(1),
        };
        self.add(system, reason, span);
        metrics::counter!("log_events_dropped_total", "reason" => reason.as_str()).increment(1);
    }

    /// Takes note of the queue as it is `now`: full, it may have dropped events since it
    /// was last seen otherwise, and nobody knows how many.
    pub fn measured(&mut self, is_full: bool, now: Timestamp) {
        if is_full {
            let since = self.seen.unwrap_or(Timestamp::UNIX_EPOCH);
            let span = Span { since, until: now, events: None };
            self.add(None, LossReason::QueueFull, span);
        } else {
            self.seen = Some(now);
        }
    }

    /// Says when the queue was last seen not to be full, before this process began.
    pub fn remember(&mut self, seen: Timestamp) {
        self.seen = self.seen.or(Some(seen));
        if let Some(span) = self.losses.get_mut(&(None, LossReason::QueueFull)) {
            span.since = span.since.max(seen);
        }
    }

    /// Takes the oldest events, at most so many, and all losses.
    pub fn take(&mut self, at_most: usize) -> LogBatch {
        let mut events = Vec::with_capacity(at_most.min(self.events.len()));
        while events.len() < at_most
            && let Some(event) = self.pop()
        {
            events.push(event);
        }
        let losses = std::mem::take(&mut self.losses).into_iter();
        let losses = losses.map(|((system, reason), Span { since, until, events })| Loss {
            system,
            reason,
            since,
            until,
            events,
        });
        LogBatch { events, losses: losses.collect(), seen: self.seen }
    }

    fn pop(&mut self) -> Option<KeptLogEvent> {
        let oldest = self.events.pop_front()?;
        self.bytes -= size(&oldest);
        Some(oldest)
    }

    fn add(&mut self, system: Option<SystemName>, reason: LossReason, added: Span) {
        match self.losses.get_mut(&(system.clone(), reason)) {
            Some(span) => {
                span.since = span.since.min(added.since);
                span.until = span.until.max(added.until);
                span.events = span.events.zip(added.events).map(|(a, b)| a + b);
            }
            None => {
                self.losses.insert((system, reason), added);
            }
        }
    }
}

fn size(event: &KeptLogEvent) -> usize {
    event.text.len() + event.fields.as_ref().map_or(0, String::len)
}

fn minute_of(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use messages::LogLevel;

    use super::*;
    use crate::store::Key;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("in range")
    }

    fn event(system: &str, second: i64, text: String) -> KeptLogEvent {
        let system = system.parse().expect("a name");
        let (level, time) = (LogLevel::Info, at(second));
        KeptLogEvent { key: Key::first_at(at(second)), system, level, time, text, fields: None }
    }

    #[test]
    fn over_the_limit_the_oldest_give_way_and_are_counted_by_system_and_minute() {
        let mut buffer = Buffer::default();
        for number in 0..MAX_EVENTS + 70 {
            let system = if number % 2 == 0 { "redmine" } else { "servicedesk" };
            let second = i64::try_from(number).expect("small");
            buffer.push(event(system, second, number.to_string()));
        }
        let LogBatch { events, losses, .. } = buffer.take(usize::MAX);
        assert_eq!(events.len(), MAX_EVENTS);
        assert_eq!(events[0].text, "70");
        let lost = |system: &str| Loss {
            system: Some(system.parse().expect("a name")),
            reason: LossReason::Overflow,
            since: at(0),
            until: at(120),
            events: Some(35),
        };
        assert_eq!(losses, [lost("redmine"), lost("servicedesk")]);
        assert_eq!(buffer.take(9), LogBatch::default(), "told once");
    }

    #[test]
    fn long_texts_give_way_sooner() {
        let mut buffer = Buffer::default();
        for second in 0..5 {
            buffer.push(event("redmine", second, "x".repeat(MAX_BYTES / 4)));
        }
        let LogBatch { events, losses, .. } = buffer.take(3);
        assert_eq!((events.len(), losses[0].events), (3, Some(1)));
        buffer.push(event("redmine", 9, "x".repeat(MAX_BYTES / 4 * 3)));
        assert!(buffer.take(9).losses.is_empty(), "what was taken makes room");
    }

    #[test]
    fn a_full_queue_has_lost_nobody_knows_how_many_since_it_was_seen_otherwise() {
        let mut buffer = Buffer::default();
        let mut told = |measured: &[(bool, i64)], seen: Option<i64>| {
            for (is_full, second) in measured {
                buffer.measured(*is_full, at(*second));
            }
            if let Some(second) = seen {
                buffer.remember(at(second));
            }
            let batch = buffer.take(1);
            let spans = batch.losses.into_iter();
            let spans = spans.map(|loss| (loss.since, loss.until, loss.events));
            (spans.collect::<Vec<_>>(), batch.seen)
        };
        let ever = Timestamp::UNIX_EPOCH;
        assert_eq!(told(&[(true, 1)], None), (vec![(ever, at(1), None)], None), "never seen");
        assert_eq!(told(&[(true, 2)], Some(-9)), (vec![(at(-9), at(2), None)], Some(at(-9))));
        assert_eq!(told(&[(false, 3)], None), (Vec::new(), Some(at(3))));
        let full = [(false, 4), (true, 5), (true, 6), (false, 7)];
        assert_eq!(told(&full, None), (vec![(at(4), at(6), None)], Some(at(7))));
    }
}
