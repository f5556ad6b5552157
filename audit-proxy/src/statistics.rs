//! How many messages there were, and how long they took, from what is counted of them as
//! they come. Pure.
//!
//! Durations are counted by size, eight sizes to each doubling, so that a percentile is
//! known to within 7 % whatever the number of messages (of large batches, a sample stands
//! for all); what is counted is never read from the messages again.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

/// Sizes of durations to each doubling.
const STEPS: u32 = 8;

/// Days that are told one by one; more of them by month.
const MOST_DAYS: i64 = 62;

/// A stage of a message's way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// From its creation until the proxy had it; compares two clocks.
    Arrival,
    /// From then until its destination's queue had it.
    Proxy,
    /// From then until the proxy learnt of its first final state.
    Processing,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Arrival, Self::Proxy, Self::Processing];

    /// The word for it on the wire and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrival => "llegada",
            Self::Proxy => "proxy",
            Self::Processing => "proceso",
        }
    }
}

/// A day, counted from 1970, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i64);

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_microsecond().div_euclid(DAY))
    }

    /// The first day that begins at `time` or later.
    #[must_use]
    pub fn from_then_on(time: Timestamp) -> Self {
        Self(-(-time.as_microsecond()).div_euclid(DAY))
    }

    /// When it begins.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        Timestamp::from_microsecond(self.0.saturating_mul(DAY)).unwrap_or_default()
    }

    fn date(self) -> Date {
        self.begin().to_zoned(TimeZone::UTC).date()
    }
}

/// The size of a duration in microseconds; a negative one has -1.
#[must_use]
pub fn size(from: Timestamp, to: Timestamp) -> i64 {
    let micros = to.as_microsecond().saturating_sub(from.as_microsecond());
    let Ok(micros) = u64::try_from(micros) else { return -1 };
    let micros = micros.max(1);
    let doubling = micros.ilog2();
    // The three bits behind the highest.
    let bits = if doubling < 3 { micros << (3 - doubling) } else { micros >> (doubling - 3) };
    i64::from(doubling * STEPS) + i64::try_from(bits % u64::from(STEPS)).unwrap_or_default()
}

/// The middle of what has this size, in milliseconds.
fn middle(size: i64) -> f64 {
    let size = u32::try_from(size).unwrap_or_default();
    let (doubling, step) = (size / STEPS, size % STEPS);
    2_f64.powi(doubling.cast_signed()) * (1.0 + (f64::from(step) + 0.5) / f64::from(STEPS)) / 1000.0
}

/// How long a stage took.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize, ToSchema)]
pub struct Etapa {
    /// Messages that went through it.
    pub mensajes: i64,
    /// Messages of which clocks tell the impossible; they are not among the others.
    pub desfasados: i64,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: Option<f64>,
    /// Nine of ten.
    pub p90_ms: Option<f64>,
    /// 99 of a hundred.
    pub p99_ms: Option<f64>,
}

impl Etapa {
    /// From how many messages have which size, in order of size.
    #[must_use]
    pub fn of(sizes: &[(i64, i64)]) -> Self {
        let counted = |is_meant: fn(i64) -> bool| {
            sizes.iter().filter(|(size, _)| is_meant(*size)).map(|(_, count)| count).sum()
        };
        let mensajes = counted(|size| size >= 0);
        let percentile = |percent| percentile(sizes, mensajes, percent);
        Self {
            mensajes,
            desfasados: counted(|size| size < 0),
            p50_ms: percentile(50),
            p90_ms: percentile(90),
            p99_ms: percentile(99),
        }
    }
}

fn percentile(sizes: &[(i64, i64)], total: i64, percent: i64) -> Option<f64> {
    let mut left = (total.saturating_mul(percent) + 99) / 100;
    for (size, count) in sizes.iter().filter(|(size, _)| *size >= 0) {
        left -= count;
        if left <= 0 {
            return Some(middle(*size));
        }
    }
    None
}

/// How many messages were received in a day or a month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Periodo {
    /// `2026-11-22` or `2026-11`, in UTC.
    pub periodo: String,
    /// Messages received then.
    pub mensajes: i64,
}

/// By day where there are few of them between the first and the last, else by month;
/// those without messages are left out.
#[must_use]
pub fn periods(days: &[(Day, i64)]) -> Vec<Periodo> {
    let ends = days.first().zip(days.last());
    let is_short = ends.is_none_or(|((first, _), (last, _))| last.0 - first.0 < MOST_DAYS);
    let format = if is_short { "%Y-%m-%d" } else { "%Y-%m" };
    let mut told: Vec<Periodo> = Vec::new();
    for (day, mensajes) in days {
        let periodo = day.date().strftime(format).to_string();
        match told.last_mut().filter(|last| last.periodo == periodo) {
            Some(last) => last.mensajes += mensajes,
            None => told.push(Periodo { periodo, mensajes: *mensajes }),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).expect("in range")
    }

    #[test]
    fn percentiles_are_those_of_the_messages_whose_clocks_agree() {
        let sizes: Vec<_> =
            [(-1, 5), (size(at(0), at(1000)), 90), (size(at(0), at(64_000)), 10)].into();
        let stage = Etapa::of(&sizes);
        assert_eq!((stage.mensajes, stage.desfasados), (100, 5));
        let near =
            |told: Option<f64>, is: f64| told.is_some_and(|told| (told / is - 1.0).abs() < 0.07);
        assert!(near(stage.p50_ms, 1.0) && near(stage.p90_ms, 1.0), "{stage:?}");
        assert!(near(stage.p99_ms, 64.0), "{stage:?}");
        assert_eq!(Etapa::of(&[]), Etapa::default());
    }

    #[test]
    fn days_are_told_one_by_one_and_months_where_there_are_many() {
        let first = Day::of("2026-10-31T23:59:59Z".parse().expect("a time"));
        let short = periods(&[(first, 2), (Day(first.0 + 1), 3)]);
        let named: Vec<_> = short.iter().map(|one| (&*one.periodo, one.mensajes)).collect();
        assert_eq!(named, [("2026-10-31", 2), ("2026-11-01", 3)]);
        let long = periods(&[
            (first, 2),
            (Day(first.0 + 1), 3),
            (Day(first.0 + 62), 4),
            (Day(first.0 + 63), 1),
        ]);
        let named: Vec<_> = long.iter().map(|one| (&*one.periodo, one.mensajes)).collect();
        assert_eq!(named, [("2026-10", 2), ("2026-11", 3), ("2027-01", 5)]);
        assert_eq!(periods(&[]), []);
    }

    #[test]
    fn a_day_has_its_ends() {
        let noon = "2026-11-22T12:00:00Z".parse().expect("a time");
        let day = Day::of(noon);
        assert_eq!(Day::from_then_on(noon), Day(day.0 + 1));
        assert_eq!(Day::from_then_on(day.begin()), day);
        assert_eq!(Day::of(at(-1)), Day(-1));
    }

    proptest! {
        #[test]
        fn a_size_tells_a_duration_to_within_seven_percent(micros in 1..10_000_000_000_000_i64) {
            let size = size(at(5), at(5 + micros));
            let is = Duration::from_micros(micros.unsigned_abs()).as_secs_f64() * 1000.0;
            prop_assert!(micros < 8 || (middle(size) / is - 1.0).abs() < 0.07, "{}", middle(size));
            prop_assert!(size <= super::size(at(5), at(6 + micros)));
        }
    }
}
