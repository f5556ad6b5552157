//! Months of keys: on PostgreSQL, messages and payloads lie in a partition for each.
//! Pure.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use sqlx::{Any, any::AnyArguments, query::Query};

use super::Key;

/// A month, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Month(Date);

impl Month {
    /// The month that `time` lies in.
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// The month after this one.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1.month()))
    }

    /// The first key in it.
    pub(super) fn first(self) -> Key {
        let start = self.0.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        Key::first_at(start.unwrap_or(Timestamp::MAX))
    }

    /// The first key behind it.
    pub(super) fn end(self) -> Key {
        self.next().first()
    }

    /// The name of its partition of `table`.
    pub(super) fn partition(self, table: &str) -> String {
        format!("{table}_{:04}_{:02}", self.0.year(), self.0.month())
    }

    /// The month that a partition of `table` is of, unless it is of none.
    pub(super) fn of_partition(table: &str, name: &str) -> Option<Self> {
        let (year, month) = name.strip_prefix(table)?.strip_prefix('_')?.split_once('_')?;
        let month = Self(Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?);
        (month.partition(table) == name).then_some(month)
    }
}

/// The first and the last of some keys: told of them, PostgreSQL opens no other months.
#[derive(Clone, Copy, Debug)]
pub(super) struct Months {
    first: Key,
    last: Key,
}

impl Months {
    /// What a statement says of them, whose first two places these are.
    pub(super) const CONDITION: &str = "messages.key BETWEEN $1 AND $2";

    /// `None` where there are no keys.
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a Key> + Clone) -> Option<Self> {
        Some(Self { first: *keys.clone().min()?, last: *keys.max()? })
    }

    /// What goes into them.
    pub(super) fn ends(self) -> [i64; 2] {
        [self.first.as_i64(), self.last.as_i64()]
    }

    /// Fills them.
    pub(super) fn bind(self, query: Query<'_, Any, AnyArguments>) -> Query<'_, Any, AnyArguments> {
        self.ends().into_iter().fold(query, Query::bind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_and_are_known_by_their_partitions() {
        let month = Month::of("2026-12-31T23:59:59.999999Z".parse().expect("a time"));
        assert_eq!(month.partition("messages"), "messages_2026_12");
        assert_eq!(month.next().partition("payloads"), "payloads_2027_01");
        assert_eq!(month.end(), month.next().first());
        assert_eq!(month.end().received().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(month.first().received().to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(Month::of_partition("messages", "messages_2026_12"), Some(month));
        for other in ["messages_rest", "messages_2026_13", "messages_2026_1", "payloads_2026_12"] {
            assert_eq!(Month::of_partition("messages", other), None, "{other}");
        }
    }
}
