//! The present, as it is told to people.

use jiff::Timestamp;

/// The present, to the millisecond: as fine as an id tells the time.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
