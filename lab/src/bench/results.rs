//! A whole run: what was measured, what it says of the goals, what is missing.

use super::figures::{Summary, summaries};
use super::goals;
use super::machine::Machine;
use super::measure::Measurement;
use super::target::{Finding, Repetitions, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The numbers of a measurement, by name.
pub(super) type Numbers = BTreeMap<String, Summary>;

/// Numbers by measurement.
pub(crate) type Measurements = BTreeMap<String, Numbers>;

/// Everything that is told in the end.
#[derive(Serialize)]
pub(crate) struct Results {
    pub(super) machine: Machine,
    /// Whether the run came to its end.
    pub(super) finished: bool,
    pub(super) repetitions: usize,
    pub(crate) measurements: Measurements,
    pub(super) targets: Vec<Finding>,
    /// What was left out, with why.
    pub(super) skipped: BTreeMap<&'static str, String>,
    /// What failed, each time.
    pub(super) failures: Vec<String>,
    #[serde(skip)]
    pub(super) order: Vec<&'static str>,
}

/// What of a run that was written down is drawn.
#[derive(Deserialize)]
pub(crate) struct Recorded {
    pub(crate) measurements: Measurements,
}

/// What a run left undone.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    pub(crate) skipped: BTreeMap<&'static str, String>,
    pub(crate) failures: Vec<String>,
}

impl Results {
    pub(super) fn of(
        machine: &Machine,
        chosen: &[Measurement],
        repetitions: &Repetitions,
        gaps: &Gaps,
        finished: bool,
    ) -> Self {
        let measurements =
            repetitions.iter().map(|(name, figures)| ((*name).to_owned(), summaries(figures)));
        let measurements = measurements.filter(|(_, numbers)| !numbers.is_empty());
        Self {
            machine: machine.clone(),
            finished,
            repetitions: repetitions.values().map(Vec::len).max().unwrap_or_default(),
            measurements: measurements.collect(),
            targets: goals::ALL.iter().filter_map(|target| target.look(repetitions)).collect(),
            skipped: gaps.skipped.clone(),
            failures: gaps.failures.clone(),
            order: chosen.iter().map(|one| one.name).collect(),
        }
    }

    /// Whether everything that was begun was measured.
    pub(crate) fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether a goal is missed for certain.
    pub(crate) fn misses_a_goal(&self) -> bool {
        self.targets.iter().any(|found| found.verdict == Verdict::Missed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Gaps, Results};
    use crate::bench::figures::Figures;
    use crate::bench::machine::Machine;
    use crate::bench::measure;
    use crate::bench::target::Repetitions;
    use std::collections::BTreeMap;
    use std::time::Duration;

    pub(in crate::bench) fn machine() -> Machine {
        Machine {
            cores: 2,
            processor: "x".to_owned(),
            memory_mib: 24_576,
            kernel: "6".to_owned(),
            rabbitmq: "rabbitmq_server-4.0.5".to_owned(),
            began: "2026-01-01T00:00:00Z".to_owned(),
            optimised: true,
        }
    }

    /// Every measurement with large numbers, far apart.
    pub(in crate::bench) fn results() -> Results {
        let parts = ["rabbitmq", "cliente_x", "analiticas", "traefik", "banco"];
        let figures = |factor: u32| {
            let mut figures = Figures::of(1_000_000, Duration::from_secs(8) / factor)
                .with("p50_ms", 123.4)
                .with("p99_ms", 12_345.6)
                .with("report_p99_ms", 3.0 * f64::from(factor))
                .with("panel_p99_ms", 12_345.6)
                .with("added_p50_ms", 12_345.6)
                .with("added_p99_ms", 12_345.6)
                .with("bytes_per_message", 1234.0)
                .with("errors", 99.0);
            for part in parts {
                figures = figures.with(format!("cpu_us.{part}"), 1234.5);
                figures = figures.with(format!("peak_mib.{part}"), 1234.5);
            }
            figures.with("peak_mib.panel-visual", 1.0)
        };
        let all =
            measure::ALL.iter().map(|one| (one.name, vec![figures(1), figures(2), figures(4)]));
        let repetitions: Repetitions = all.collect();
        let gaps = Gaps {
            skipped: BTreeMap::from([("flask", "sin Python".to_owned())]),
            failures: vec!["send: cortado".to_owned()],
        };
        Results::of(&machine(), &measure::ALL, &repetitions, &gaps, true)
    }

    #[test]
    fn json_holds_medians_values_and_verdicts() {
        let json = serde_json::to_value(results()).unwrap();
        let rate = &json["measurements"]["send"]["per_second"];
        assert_eq!(rate["median"], 250_000.0);
        assert_eq!(rate["values"].as_array().unwrap().len(), 3);
        assert_eq!(json["targets"][0]["bound"]["at_least"], 0.7);
        assert_eq!(json["targets"][0]["verdict"], "reached");
        assert_eq!(json["machine"]["cores"], 2);
        assert!(!results().is_whole() && results().misses_a_goal());
    }
}
