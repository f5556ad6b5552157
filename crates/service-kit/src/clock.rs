//! The time of day, as services tell it to people and to each other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The present, to the millisecond: as fine as an id tells the time.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The moment so long before the present; where there is none, the earliest of all.
#[must_use]
pub fn ago(time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    now().checked_sub(time).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_has_whole_milliseconds() {
        for _ in 0..100 {
            assert_eq!(now().subsec_nanosecond() % 1_000_000, 0);
        }
    }

    #[test]
    fn an_hour_ago_is_an_hour_before_the_present_and_before_all_time_is_its_beginning() {
        let (before, hour_ago, after) = (now(), ago(Duration::from_hours(1)), now());
        let later = hour_ago.saturating_add(SignedDuration::from_hours(1)).expect("in range");
        assert!((before..=after).contains(&later), "{before} <= {later} <= {after}");
        assert_eq!(ago(Duration::MAX), Timestamp::MIN);
    }
}
