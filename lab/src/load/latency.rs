//! How long confirmed requests took, as a histogram.

use hdrhistogram::Histogram;
use std::fmt::Write;
use std::time::Duration;

/// Widest bar, in characters.
const BAR: u64 = 30;

/// Longest latency that is told apart, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// Latencies in microseconds, to two significant digits.
pub(crate) struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(LONGEST, 2);
        Self(histogram.expect("within the library's limits"))
    }
}

impl Latency {
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The latency within which this share (0 to 1) of the requests stayed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }

    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// A line a power of two, with how many requests took up to that long.
    pub(crate) fn bars(&self) -> String {
        let rows: Vec<(u64, u64)> = self
            .0
            .iter_log(1, 2.0)
            .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
            .filter(|(_, count)| *count > 0)
            .collect();
        let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
        rows.iter().fold(String::new(), |mut text, (upto, count)| {
            let bar = usize::try_from((count * BAR).div_ceil(most)).unwrap_or_default();
            let upto = in_millis(Duration::from_micros(upto + 1));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  hasta {upto:>10}  {:<30} {count}", "█".repeat(bar));
            text
        })
    }
}

/// Milliseconds, as exact as they are interesting.
pub(crate) fn in_millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    let digits = if millis < 10.0 { 2 } else { usize::from(millis < 100.0) };
    format!("{millis:.digits$} ms")
}

#[cfg(test)]
mod tests {
    use super::{Latency, in_millis};
    use std::time::Duration;

    #[test]
    fn quantiles_and_bars_tell_how_many_took_how_long() {
        let mut latency = Latency::default();
        for millis in [1, 1, 1, 1, 1, 1, 1, 1, 1, 100] {
            latency.record(Duration::from_millis(millis));
        }
        assert_eq!(latency.quantile(0.5).as_millis(), 1);
        assert!((99..=101).contains(&latency.max().as_millis()), "{:?}", latency.max());
        let bars = latency.bars();
        assert_eq!(bars.lines().count(), 2, "{bars}");
        assert!(bars.lines().next().is_some_and(|line| line.ends_with(" 9")), "{bars}");
        assert!(bars.lines().all(|line| line.chars().count() <= 80), "{bars}");
    }

    #[test]
    fn small_times_have_digits_and_large_ones_do_not() {
        assert_eq!(in_millis(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(in_millis(Duration::from_micros(12_345)), "12.3 ms");
        assert_eq!(in_millis(Duration::from_secs(2)), "2000 ms");
    }
}
