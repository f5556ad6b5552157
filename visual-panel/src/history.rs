//! The last minutes, second by second: rates, and their curve. Pure.

use std::collections::VecDeque;

use crate::clock::Clock;

/// Seconds that are kept: one hour.
const KEPT: usize = 3600;

/// Seconds over which a rate is taken: short enough to be felt as now, long
/// enough not to flicker.
const RATE_WINDOW: usize = 3;

/// What had been seen at one second.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When.
    pub at: Clock,
    /// Confirmed by each sender.
    pub confirmed: Vec<Confirmed>,
    /// All events counted; none where analytics did not tell.
    pub counted: Option<u64>,
}

/// What a sender had confirmed.
#[derive(Debug, Clone, Copy)]
pub struct Confirmed {
    /// Since the panel started, as far as known.
    pub sum: u64,
    /// Whether the sender answered then.
    pub is_fresh: bool,
}

impl Sample {
    /// What was confirmed between `earlier` and now, by senders that answered at
    /// both times: what one that was away did then belongs to no second.
    #[must_use]
    pub fn confirmed_since(&self, earlier: &Self) -> Option<u64> {
        let pairs = self.confirmed.iter().zip(&earlier.confirmed);
        let both = pairs.filter(|(now, then)| now.is_fresh && then.is_fresh);
        both.map(|(now, then)| now.sum.saturating_sub(then.sum)).reduce(|sum, one| sum + one)
    }

    /// What was counted between `earlier` and now.
    #[must_use]
    pub fn counted_since(&self, earlier: &Self) -> Option<u64> {
        Some(self.counted?.saturating_sub(earlier.counted?))
    }
}

/// The last minutes, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History(VecDeque<Sample>);

impl History {
    /// Adds a second, and forgets the oldest where there are too many.
    pub fn add(&mut self, sample: Sample) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// Events a second that sender number `sender` had confirmed, lately.
    #[must_use]
    pub fn confirmed_rate(&self, sender: usize) -> Option<f64> {
        self.rate(|now, then| {
            let (now, then) = (now.confirmed.get(sender)?, then.confirmed.get(sender)?);
            (now.is_fresh && then.is_fresh).then(|| now.sum.saturating_sub(then.sum))
        })
    }

    /// Events a second that were counted, lately.
    #[must_use]
    pub fn counted_rate(&self) -> Option<f64> {
        self.rate(Sample::counted_since)
    }

    fn rate(&self, grown: impl Fn(&Sample, &Sample) -> Option<u64>) -> Option<f64> {
        let newest = self.0.back()?;
        let oldest = self.0.get(self.0.len().saturating_sub(RATE_WINDOW + 1))?;
        per_second(newest, oldest, grown)
    }

    /// Events a second, one value for each of the last `seconds`, oldest first;
    /// none for a second of which nothing is known.
    #[must_use]
    pub fn curve(
        &self,
        seconds: usize,
        grown: impl Fn(&Sample, &Sample) -> Option<u64>,
    ) -> Vec<Option<f64>> {
        let skipped = self.0.len().saturating_sub(seconds + 1);
        let pairs = self.0.iter().skip(skipped).zip(self.0.iter().skip(skipped + 1));
        pairs.map(|(before, after)| per_second(after, before, &grown)).collect()
    }
}

fn per_second(
    now: &Sample,
    then: &Sample,
    grown: impl Fn(&Sample, &Sample) -> Option<u64>,
) -> Option<f64> {
    let seconds = now.at.since(&then.at).as_secs_f64();
    let grown = grown(now, then)?;
    (seconds > 0.0).then(|| as_number(grown) / seconds)
}

/// Exact up to 2⁵³, more than a laboratory counts.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// One sender that confirms `confirmed`, second by second.
    fn history(confirmed: &[u64]) -> History {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let mut history = History::default();
        for (second, count) in confirmed.iter().enumerate() {
            let at = start.later(Duration::from_secs(second as u64));
            history.add(Sample { at, confirmed: vec![fresh(*count)], counted: Some(count / 2) });
        }
        history
    }

    fn fresh(sum: u64) -> Confirmed {
        Confirmed { sum, is_fresh: true }
    }

    #[test]
    fn a_rate_is_taken_over_the_last_seconds() {
        let history = history(&[0, 100, 100, 106, 112, 118]);
        assert_eq!(history.confirmed_rate(0), Some(6.0));
        assert_eq!(history.counted_rate(), Some(3.0));
        assert_eq!(history.confirmed_rate(1), None);
        assert_eq!(self::history(&[7]).confirmed_rate(0), None);
    }

    #[test]
    fn the_curve_has_a_value_a_second() {
        let curve = history(&[0, 4, 4, 10]).curve(300, Sample::confirmed_since);
        assert_eq!(curve, [Some(4.0), Some(0.0), Some(6.0)]);
        let curve = history(&[0, 4, 4, 10]).curve(2, Sample::confirmed_since);
        assert_eq!(curve, [Some(0.0), Some(6.0)]);
    }

    #[test]
    fn a_sender_that_was_away_adds_nothing_to_any_second() {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let mut history = History::default();
        let away = Confirmed { sum: 5, is_fresh: false };
        let seconds = [[fresh(5), fresh(0)], [away, fresh(3)], [fresh(90), fresh(3)], [away, away]];
        for (second, confirmed) in (0..).zip(seconds) {
            let at = start.later(Duration::from_secs(second));
            history.add(Sample { at, confirmed: confirmed.to_vec(), counted: None });
        }
        let curve = history.curve(300, Sample::confirmed_since);
        assert_eq!(curve, [Some(3.0), Some(0.0), None]);
        assert_eq!((history.confirmed_rate(0), history.counted_rate()), (None, None));
    }

    #[test]
    fn no_more_than_an_hour_is_kept() {
        let many: Vec<u64> = (0..5000).collect();
        assert_eq!(history(&many).0.len(), KEPT);
    }
}
