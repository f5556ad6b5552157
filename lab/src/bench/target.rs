//! What the bench is to show: ratios of numbers of one run, each with the value
//! that it should reach, and whether the run allows a conclusion. Pure.

use super::figures::{FOREIGN, Figures, Summary};
use super::series::Series;
use serde::Serialize;
use std::collections::BTreeMap;

/// How far repetitions of a ratio may lie apart, (largest − smallest) / median,
/// before a run that has values on both sides of the target concludes nothing.
pub(crate) const NOISE: f64 = 0.25;

/// How much of the machine others may have used, 0 to 1, in either measurement of
/// a ratio, before that repetition says nothing. Memory does not depend on it.
pub(crate) const OTHERS: f64 = 0.10;

/// What the names of numbers begin with that do not depend on who else works.
const MEMORY: &str = "peak_mib.";

/// A number of a measurement; or 1, to compare with a plain value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Of(&'static str, &'static str),
    /// The sum of two numbers of one measurement.
    Sum(&'static str, [&'static str; 2]),
    /// Of the largest in a series that a run had, other than the first.
    Largest(&'static Series, &'static str),
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
    /// The repetitions disagree and lie too far apart, or others used the machine in
    /// each of them.
    TooNoisy,
}

/// A target, looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) bound: Bound,
    #[serde(flatten)]
    pub(crate) ratio: Summary,
    pub(crate) verdict: Verdict,
    /// Repetitions that were left out, as others used the machine; where there is
    /// no other, none is.
    pub(crate) disturbed: usize,
}

/// Each repetition's numbers, by measurement.
pub(crate) type Repetitions = BTreeMap<&'static str, Vec<Figures>>;

impl Number {
    fn of(self, repetitions: &Repetitions, turn: usize) -> Option<f64> {
        let get = |name| repetitions.get(self.measurement(repetitions)?)?.get(turn)?.get(name);
        match self {
            Self::Of(_, name) | Self::Largest(_, name) => get(name),
            Self::Sum(_, [one, other]) => Some(get(one)? + get(other)?),
            Self::One => Some(1.0),
        }
    }

    /// The measurement that it is taken from.
    fn measurement(self, repetitions: &Repetitions) -> Option<&'static str> {
        match self {
            Self::Of(measurement, _) | Self::Sum(measurement, _) => Some(measurement),
            Self::Largest(series, _) => {
                let names = series.points[1..].iter().rev().map(|(name, _)| *name);
                names.into_iter().find(|name| repetitions.contains_key(name))
            }
            Self::One => None,
        }
    }

    /// Whether others used the machine meanwhile, where that matters.
    fn is_disturbed(self, repetitions: &Repetitions, turn: usize) -> bool {
        let figures = self.measurement(repetitions).and_then(|name| repetitions.get(name));
        let foreign = figures.and_then(|figures| figures.get(turn)?.get(FOREIGN));
        foreign.is_some_and(|foreign| foreign > OTHERS) && !self.is_memory()
    }

    fn is_memory(self) -> bool {
        match self {
            Self::Of(_, name) | Self::Sum(_, [name, _]) | Self::Largest(_, name) => {
                name.starts_with(MEMORY)
            }
            Self::One => false,
        }
    }

    fn turns(self, repetitions: &Repetitions) -> usize {
        let figures = self.measurement(repetitions).and_then(|name| repetitions.get(name));
        figures.map_or(0, Vec::len)
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
        let turns: Vec<usize> = (0..self.over.turns(repetitions)).collect();
        let is_quiet = |turn: &usize| {
            ![self.over, self.under].iter().any(|one| one.is_disturbed(repetitions, *turn))
        };
        let quiet: Vec<usize> = turns.iter().copied().filter(is_quiet).collect();
        let never_alone = quiet.is_empty();
        let disturbed = if never_alone { 0 } else { turns.len() - quiet.len() };
        let ratios = if never_alone { turns } else { quiet };
        let ratios = ratios.into_iter().filter_map(|turn| self.ratio(repetitions, turn));
        let ratio = Summary::of(ratios.collect())?;
        let verdict = self.verdict(&ratio, never_alone);
        let name = self.told(repetitions);
        Some(Finding { name, bound: self.bound, ratio, verdict, disturbed })
    }

    /// Its name; of a series, with the two measurements that were compared.
    fn told(&self, repetitions: &Repetitions) -> String {
        let measurements = [self.over, self.under].map(|number| number.measurement(repetitions));
        match (self.over, measurements) {
            (Number::Largest(..), [Some(largest), Some(first)]) => {
                format!("{}, {largest} ÷ {first}", self.name)
            }
            _ => self.name.to_owned(),
        }
    }

    fn ratio(&self, repetitions: &Repetitions, turn: usize) -> Option<f64> {
        let under = self.under.of(repetitions, turn).filter(|under| *under > 0.0)?;
        Some(self.over.of(repetitions, turn)? / under)
    }

    fn verdict(&self, ratio: &Summary, never_alone: bool) -> Verdict {
        let held = ratio.values.iter().filter(|value| self.bound.holds(**value)).count();
        let disagree = held > 0 && held < ratio.values.len();
        if never_alone || disagree && ratio.spread > NOISE {
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
    use crate::bench::series::SENDERS;

    const EMISORES_1: Number = Number::Of("emisores-1", "rate");

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
    fn a_repetition_in_which_others_used_the_machine_is_left_out() {
        let figures = |rate, share| Figures::default().with("rate", rate).with(FOREIGN, share);
        let ours = vec![figures(9.0, 0.0), figures(1.0, 0.0), figures(8.0, 0.0)];
        let raw = vec![figures(10.0, 0.0), figures(10.0, 0.4), figures(10.0, 0.1)];
        let found = TARGET.look(&Repetitions::from([("ours", ours), ("raw", raw)])).unwrap();
        assert_eq!((found.ratio.values, found.disturbed), (vec![0.9, 0.8], 1));
        assert_eq!(found.verdict, Verdict::Reached);
    }

    #[test]
    fn the_end_of_a_series_is_the_largest_that_the_run_had() {
        let of = |rate| vec![Figures::default().with("rate", rate)];
        let first = ("emisores-1", of(10.0));
        let target =
            Target { over: Number::Largest(&SENDERS, "rate"), under: EMISORES_1, ..TARGET };
        let found = |end: &[(&'static str, Vec<Figures>)]| {
            target.look(&end.iter().cloned().chain([first.clone()]).collect())
        };
        let four = found(&[("emisores-2", of(20.0)), ("emisores-4", of(40.0))]).unwrap();
        assert_eq!((&*four.name, four.ratio.median), ("t, emisores-4 ÷ emisores-1", 4.0));
        assert!(found(&[]).is_none(), "the first alone says nothing");
        let failed = found(&[("emisores-2", of(20.0)), ("emisores-4", vec![Figures::default()])]);
        assert!(failed.is_none(), "nor does another in place of one that failed");
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
