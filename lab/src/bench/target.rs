//! What the bench is to show: ratios of numbers of one run, each with the value
//! that it should reach, and whether the run allows a conclusion. Pure.

use super::figures::{FOREIGN, Figures, Summary};
use serde::Serialize;
use std::collections::BTreeMap;

/// How far repetitions of a ratio may lie apart, (largest − smallest) / median,
/// before a run that has values on both sides of the target concludes nothing.
pub(crate) const NOISE: f64 = 0.25;

/// How much of the machine others may have used, 0 to 1, in either measurement of
/// a ratio, before it concludes nothing. Memory does not depend on it.
pub(crate) const OTHERS: f64 = 0.10;

/// What the names of numbers begin with that do not depend on who else works.
const MEMORY: &str = "peak_mib.";

/// A number of a measurement; or 1, to compare with a plain value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Of(&'static str, &'static str),
    /// The sum of two numbers of one measurement.
    Sum(&'static str, [&'static str; 2]),
    One,
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A ratio, and what it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) over: Number,
    pub(crate) under: Number,
    pub(crate) bound: Bound,
}

/// What a run says of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Reached,
    Missed,
    /// The repetitions disagree and lie too far apart, or others used the machine.
    TooNoisy,
}

/// A target, looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
    #[serde(flatten)]
    pub(crate) ratio: Summary,
    pub(crate) verdict: Verdict,
}

/// Each repetition's numbers, by measurement.
pub(crate) type Repetitions = BTreeMap<&'static str, Vec<Figures>>;

impl Number {
    fn of(self, repetitions: &Repetitions, turn: usize) -> Option<f64> {
        let get = |measurement, name| repetitions.get(measurement)?.get(turn)?.get(name);
        match self {
            Self::Of(measurement, name) => get(measurement, name),
            Self::Sum(measurement, [one, other]) => {
                Some(get(measurement, one)? + get(measurement, other)?)
            }
            Self::One => Some(1.0),
        }
    }

    /// How much others used the machine meanwhile, where that matters.
    fn foreign(self, repetitions: &Repetitions) -> f64 {
        let (Self::Of(measurement, name) | Self::Sum(measurement, [name, _])) = self else {
            return 0.0;
        };
        if name.starts_with(MEMORY) {
            return 0.0;
        }
        let figures = repetitions.get(measurement).map(Vec::as_slice).unwrap_or_default();
        let shares = figures.iter().filter_map(|one| one.get(FOREIGN)).collect();
        Summary::of(shares).map_or(0.0, |share| share.median)
    }

    fn turns(self, repetitions: &Repetitions) -> usize {
        match self {
            Self::Of(measurement, _) | Self::Sum(measurement, _) => {
                repetitions.get(measurement).map_or(0, Vec::len)
            }
            Self::One => 0,
        }
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl Target {
    /// Compares number by number of the same repetition: what slows the machine
    /// down for a while slows both. None where something was not measured.
    pub(crate) fn look(&self, repetitions: &Repetitions) -> Option<Finding> {
        let ratio = |turn| {
            let under = self.under.of(repetitions, turn).filter(|under| *under > 0.0)?;
            Some(self.over.of(repetitions, turn)? / under)
        };
        let turns = self.over.turns(repetitions);
        let ratio = Summary::of((0..turns).filter_map(ratio).collect())?;
        let foreign = [self.over, self.under].map(|number| number.foreign(repetitions));
        let verdict = self.verdict(&ratio, foreign.iter().any(|share| *share > OTHERS));
        Some(Finding { name: self.name, bound: self.bound, ratio, verdict })
    }

    fn verdict(&self, ratio: &Summary, disturbed: bool) -> Verdict {
        let held = ratio.values.iter().filter(|value| self.bound.holds(**value)).count();
        let disagree = held > 0 && held < ratio.values.len();
        if disturbed || disagree && ratio.spread > NOISE {
            Verdict::TooNoisy
        } else if self.bound.holds(ratio.median) {
            Verdict::Reached
        } else {
            Verdict::Missed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Number, Repetitions, Target, Verdict};
    use crate::bench::figures::{FOREIGN, Figures};

    fn repetitions(ours: &[f64], raw: &[f64]) -> Repetitions {
        let rates = |values: &[f64]| {
            values.iter().map(|value| Figures::default().with("rate", *value)).collect()
        };
        Repetitions::from([("ours", rates(ours)), ("raw", rates(raw))])
    }

    const TARGET: Target = Target {
        name: "t",
        over: Number::Of("ours", "rate"),
        under: Number::Of("raw", "rate"),
        bound: Bound::AtLeast(0.7),
    };

    #[test]
    fn numbers_of_the_same_repetition_are_compared() {
        let found = TARGET.look(&repetitions(&[8.0, 80.0, 4.0], &[10.0, 100.0, 5.0])).unwrap();
        assert_eq!(found.ratio.values, [0.8, 0.8, 0.8]);
        assert_eq!(found.verdict, Verdict::Reached);
    }

    #[test]
    fn values_far_apart_on_both_sides_of_the_target_conclude_nothing() {
        let verdict = |ours: &[f64]| TARGET.look(&repetitions(ours, &[1.0; 3])).unwrap().verdict;
        assert_eq!(verdict(&[0.6, 0.8, 0.9]), Verdict::TooNoisy);
        assert_eq!(verdict(&[0.69, 0.71, 0.72]), Verdict::Reached, "close together");
        assert_eq!(verdict(&[0.1, 0.3, 0.6]), Verdict::Missed, "all on one side");
        assert_eq!(verdict(&[0.8, 2.0, 9.0]), Verdict::Reached, "all on the other");
    }

    #[test]
    fn where_others_used_the_machine_only_memory_says_something() {
        let verdict = |share, name| {
            let ours = Figures::default().with(name, 1.0).with(FOREIGN, share);
            let target = Target { over: Number::Of("ours", name), under: Number::One, ..TARGET };
            target.look(&Repetitions::from([("ours", vec![ours])])).unwrap().verdict
        };
        assert_eq!(verdict(0.05, "rate"), Verdict::Reached);
        assert_eq!(verdict(0.5, "rate"), Verdict::TooNoisy);
        assert_eq!(verdict(0.5, "peak_mib.x"), Verdict::Reached);
    }

    #[test]
    fn what_was_not_measured_has_no_ratio() {
        assert!(TARGET.look(&repetitions(&[1.0], &[])).is_none());
        assert!(TARGET.look(&repetitions(&[1.0], &[0.0])).is_none());
        let alone = Target { under: Number::One, ..TARGET };
        assert_eq!(alone.look(&repetitions(&[0.5], &[])).unwrap().verdict, Verdict::Missed);
        let sum = Target { over: Number::Sum("ours", ["rate", "rate"]), ..TARGET };
        assert_eq!(sum.look(&repetitions(&[1.0], &[1.0])).unwrap().ratio.values, [2.0]);
    }
}
