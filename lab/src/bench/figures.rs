//! What a measurement found, as named numbers; and several repetitions of it as
//! medians with their spread. Pure.

use super::processes::{BENCH, Memory, Used};
use crate::load::latency::Latency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Events a second.
pub(crate) const PER_SECOND: &str = "per_second";
/// Events that were measured.
pub(crate) const EVENTS: &str = "events";
/// How long that took, in seconds.
pub(crate) const SECONDS: &str = "seconds";
/// Requests that were no success.
pub(crate) const ERRORS: &str = "errors";
/// Latencies in milliseconds.
pub(crate) const P50: &str = "p50_ms";
pub(crate) const P99: &str = "p99_ms";

/// Bytes on the disk for each message that the audit keeps.
pub(crate) const BYTES: &str = "bytes_per_message";

/// Which share of the machine's processors others used meanwhile, 0 to 1.
pub(crate) const FOREIGN: &str = "foreign_share";

/// Processor time of all parts together for one event, in microseconds; the bench
/// itself is none.
pub(crate) const COST: &str = "cost_us";

/// Processor time of a part for one event, in microseconds.
pub(crate) fn cpu(part: &str) -> String {
    format!("cpu_us.{part}")
}

/// Memory of a part at its highest, in MiB.
pub(crate) fn peak(part: &str) -> String {
    format!("peak_mib.{part}")
}

/// Memory of a part at the end, in MiB.
pub(crate) fn resident(part: &str) -> String {
    format!("resident_mib.{part}")
}

/// Numbers by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// So many events in such a time.
    pub(crate) fn of(events: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        let rate = as_f64(events) / seconds.max(f64::EPSILON);
        Self::default().with(EVENTS, as_f64(events)).with(SECONDS, seconds).with(PER_SECOND, rate)
    }

    /// The same costs, of so many events in such a time: where the last of them was
    /// done before anybody looked.
    #[must_use]
    pub(crate) fn in_time(self, events: u64, took: Duration) -> Self {
        self.and(Self::of(events, took))
    }

    /// These, and others of other names.
    #[must_use]
    pub(crate) fn and(self, others: Self) -> Self {
        Self(self.0.into_iter().chain(others.0).collect())
    }

    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<String>, value: f64) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    /// What each part used of the processor for one of the events, and how much
    /// of the machine others used.
    #[must_use]
    pub(crate) fn with_cpu(mut self, used: &Used) -> Self {
        let machine = self.get(SECONDS).unwrap_or_default() * cores();
        self = self.with(FOREIGN, used.foreign.as_secs_f64() / machine.max(f64::EPSILON));
        let events = self.get(EVENTS).unwrap_or_default().max(1.0);
        let of_event = |used: Duration| used.as_secs_f64() * 1e6 / events;
        for (part, used) in &used.parts {
            self = self.with(cpu(part), of_event(*used));
        }
        let parts = used.parts.iter().filter(|(part, _)| *part != BENCH);
        self.with(COST, of_event(parts.map(|(_, used)| *used).sum()))
    }

    #[must_use]
    pub(crate) fn with_memory(mut self, memory: &BTreeMap<String, Memory>) -> Self {
        for (part, memory) in memory {
            self = self.with(resident(part), memory.now).with(peak(part), memory.peak);
        }
        self
    }

    /// Latencies, their names behind a prefix.
    #[must_use]
    pub(crate) fn with_latency(self, prefix: &str, latency: &Latency) -> Self {
        if latency.is_empty() {
            return self;
        }
        let millis = |share| latency.quantile(share).as_secs_f64() * 1000.0;
        self.with(format!("{prefix}{P50}"), millis(0.5))
            .with(format!("{prefix}{P99}"), millis(0.99))
            .with(format!("{prefix}max_ms"), latency.max().as_secs_f64() * 1000.0)
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

/// A number over several repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// How far the values lie apart: (largest − smallest) / median; 0 where the
    /// median is.
    pub(crate) spread: f64,
    /// In the order of the repetitions.
    pub(crate) values: Vec<f64>,
}

impl Summary {
    /// None of nothing.
    pub(crate) fn of(values: Vec<f64>) -> Option<Self> {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (smallest, largest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        let spread = if median == 0.0 { 0.0 } else { (largest - smallest) / median.abs() };
        Some(Self { median, spread, values })
    }
}

/// Each number over the repetitions in which it was found.
pub(crate) fn summaries(repetitions: &[Figures]) -> BTreeMap<String, Summary> {
    let names = repetitions.iter().flat_map(Figures::names);
    let names: std::collections::BTreeSet<_> = names.collect();
    let of = |name: &String| repetitions.iter().filter_map(|one| one.get(name)).collect();
    names.into_iter().filter_map(|name| Some((name.clone(), Summary::of(of(name))?))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "no machine has 2^52 processors")]
fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

/// A count as a number to reckon with.
#[allow(clippy::cast_precision_loss, reason = "no run counts 2^52 events")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{COST, FOREIGN, Figures, PER_SECOND, Summary, cpu, summaries};
    use crate::bench::processes::Used;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn the_median_is_the_middle_and_the_spread_is_relative_to_it() {
        let odd = Summary::of(vec![30.0, 10.0, 20.0]).unwrap();
        assert_eq!((odd.median, odd.spread), (20.0, 1.0));
        assert_eq!(odd.values, [30.0, 10.0, 20.0]);
        let even = Summary::of(vec![1.0, 3.0]).unwrap();
        assert_eq!((even.median, even.spread), (2.0, 1.0));
        assert!(Summary::of(vec![0.0]).unwrap().spread.abs() < f64::EPSILON);
        assert_eq!(Summary::of(vec![]), None);
    }

    #[test]
    fn rates_and_costs_are_by_the_events_that_were_measured() {
        let millis = |millis| Duration::from_millis(millis);
        let parts = [("x", 500), ("banco", 300)];
        let parts = parts.map(|(part, used)| (part.to_owned(), millis(used)));
        let used = Used { parts: BTreeMap::from(parts), foreign: millis(20) };
        let figures = Figures::of(1000, Duration::from_secs(2)).with_cpu(&used);
        assert_eq!(figures.get(PER_SECOND), Some(500.0));
        assert_eq!(figures.get(&cpu("x")), Some(500.0));
        assert_eq!(figures.get(COST), Some(500.0), "the bench is no part of it");
        let foreign = figures.get(FOREIGN).unwrap() * super::cores();
        assert!((foreign - 0.01).abs() < 1e-9, "{foreign}");
        assert_eq!(figures.get("missing"), None);
    }

    #[test]
    fn a_number_that_was_found_once_is_summed_up_too() {
        let all = [Figures::default().with("a", 1.0), Figures::default().with("b", 2.0)];
        let summaries = summaries(&all);
        assert_eq!(summaries.len(), 2);
        assert_eq!(summaries["b"].values, [2.0]);
    }
}
