//! The time of day, as services tell it to people and to each other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, de::Error};

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

/// A moment that a parameter of a URL gives (RFC 3339), to the microsecond.
///
/// # Errors
/// What would be one, in Spanish. A `+` that was not escaped has become a space on its way.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        let meant = text.replacen(' ', "+", 1);
        if meant.parse::<Timestamp>().is_ok() {
            let written = meant.replacen('+', "%2B", 1);
            return format!("en una URL el «+» se escribe «%2B»: {written}");
        }
        "debe ser una hora como 2026-11-22T10:00:00Z (RFC 3339)".to_owned()
    })
}

/// Reads a [`moment`] that need not be given.
///
/// # Errors
/// When it is none.
pub fn optional_moment<'de, D>(deserializer: D) -> Result<Option<Timestamp>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| moment(&text).map_err(D::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_lost_its_plus_is_told_how_to_be_written() {
        let told = moment("2026-11-22T10:00:00 01:00").expect_err("no moment");
        assert!(told.ends_with("2026-11-22T10:00:00%2B01:00"), "{told}");
        for text in ["2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z", "2026-11-22 09:00:00Z"] {
            assert_eq!(
                moment(text).map(|time| time.to_string()),
                Ok("2026-11-22T09:00:00Z".into())
            );
        }
        for text in ["ayer", "", "2026-11-22 10:00", "2026-11-22T10:00:00 Z"] {
            assert!(moment(text).expect_err(text).contains("(RFC 3339)"), "{text}");
        }
    }

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
