//! What is drawn: for each part that an event costs something, its cost along a
//! series. Pure.

use crate::bench::figures::{COST, Summary, cpu};
use crate::bench::results::{Measurements, Numbers};
use crate::bench::series::Series;
use crate::part::Part;

/// One part, or all of them.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<Point>,
}

/// What an event cost in the repetitions of one measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// What grows, as a number and as a place on the axis.
    pub(super) number: u64,
    pub(super) place: f64,
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Which numbers are added up.
type Picks<'a> = &'a dyn Fn(&str) -> bool;

/// What further senders are called, behind the laboratory's own.
const FURTHER_SENDERS: &str = "emisor-";

/// The lines of a series, the sum first; without the points that were not measured.
pub(super) fn of(series: &Series, measurements: &Measurements) -> Vec<Line> {
    let is = |part: Part| move |name: &str| name == cpu(part.name());
    let sender = |name: &str| is(Part::ClienteX)(name) || name.starts_with(&cpu(FURTHER_SENDERS));
    let kinds: [(_, Picks<'_>); 4] = [
        ("sum", &|name| name == COST),
        ("broker", &is(Part::RabbitMq)),
        ("senders", &sender),
        ("analytics", &is(Part::Analytics)),
    ];
    kinds.map(|(name, is)| Line { name, points: points(series, measurements, is) }).into()
}

fn points(series: &Series, measurements: &Measurements, is: impl Fn(&str) -> bool) -> Vec<Point> {
    let point = |(name, number): &(&str, u64)| {
        let cost = sum(measurements.get(*name)?, &is)?;
        let (least, most) = cost
            .values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most): (f64, f64), value| {
                (least.min(*value), most.max(*value))
            });
        let place = place(series, *number);
        Some(Point { number: *number, place, median: cost.median, least, most })
    };
    series.points.iter().filter_map(point).collect()
}

/// The sum of several numbers, repetition by repetition.
fn sum(numbers: &Numbers, is: impl Fn(&str) -> bool) -> Option<Summary> {
    let found: Vec<&Summary> =
        numbers.iter().filter(|(name, _)| is(name)).map(|(_, found)| found).collect();
    let repetitions = found.iter().map(|one| one.values.len()).min()?;
    let of = |turn: usize| found.iter().map(|one| one.values[turn]).sum();
    Summary::of((0..repetitions).map(of).collect())
}

/// Where a number is on a logarithmic axis; 0, which is not on it, as far from the
/// next as that is from the one behind it.
fn place(series: &Series, number: u64) -> f64 {
    let place = |number: u64| crate::bench::figures::as_f64(number).log10();
    match series.points {
        [(_, 0), (_, next), (_, behind), ..] if number == 0 => 2.0 * place(*next) - place(*behind),
        _ => place(number),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Point, of};
    use crate::bench::figures::Summary;
    use crate::bench::results::Measurements;
    use crate::bench::series::{IDS, SENDERS};

    /// A number's values, in the order of the repetitions.
    type Values<'a> = (&'a str, &'a [f64]);

    /// Measurements with these values of these numbers.
    pub(in crate::bench::plots) fn measurements(found: &[(&str, &[Values<'_>])]) -> Measurements {
        let summary = |values: &[f64]| Summary::of(values.to_vec()).unwrap();
        let numbers = |numbers: &[(&str, &[f64])]| {
            numbers.iter().map(|(name, values)| ((*name).to_owned(), summary(values))).collect()
        };
        found.iter().map(|(name, found)| ((*name).to_owned(), numbers(found))).collect()
    }

    #[test]
    fn senders_are_added_up_in_each_repetition() {
        let numbers: [(&str, &[f64]); 3] = [
            ("cpu_us.cliente_x", &[0.5, 1.0, 0.0]),
            ("cpu_us.emisor-1", &[10.0, 20.0, 40.0]),
            ("cpu_us.emisor-2", &[1.0, 2.0, 3.0]),
        ];
        let lines = of(&SENDERS, &measurements(&[("emisores-2", &numbers)]));
        let [sum, broker, senders, analytics] = &lines[..] else { panic!("{lines:?}") };
        assert!([sum, broker, analytics].iter().all(|line| line.points.is_empty()), "{lines:?}");
        let place = 2.0_f64.log10();
        let wanted = Point { number: 2, place, median: 23.0, least: 11.5, most: 43.0 };
        assert_eq!((senders.name, &senders.points[..]), ("senders", &[wanted][..]));
    }

    #[test]
    fn none_is_one_step_before_the_first_of_a_logarithmic_axis() {
        let numbers: [(&str, &[f64]); 1] = [("cost_us", &[1.0])];
        let found = ["ids-0", "ids-1e5", "ids-1e7"].map(|name| (name, &numbers[..]));
        let places: Vec<_> =
            of(&IDS, &measurements(&found))[0].points.iter().map(|point| point.place).collect();
        assert_eq!(places, [4.0, 5.0, 7.0]);
    }
}
