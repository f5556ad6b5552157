//! What time it is, as a value: the pure parts are given one and never look.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A moment on both clocks: ages come from the one that never jumps, times of
/// day from the other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    /// The moment as time of day.
    pub wall: Timestamp,
}

impl Clock {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        Self { instant: Instant::now(), wall: Timestamp::now() }
    }

    /// How long `earlier` is ago; zero if it is not earlier.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        self.instant.saturating_duration_since(earlier.instant)
    }
}

impl Clock {
    /// The same moment, `wait` earlier; as early as can be told.
    #[must_use]
    pub fn earlier(self, wait: Duration) -> Self {
        let instant = self.instant.checked_sub(wait).unwrap_or(self.instant);
        Self { instant, wall: self.wall.checked_sub(wait).unwrap_or(self.wall) }
    }
}

#[cfg(test)]
impl Clock {
    /// The same moment, `wait` later.
    pub(crate) fn later(self, wait: Duration) -> Self {
        Self { instant: self.instant + wait, wall: self.wall + wait }
    }

    /// Some moment with the given time of day.
    pub(crate) fn at(wall: &str) -> Self {
        Self { instant: Instant::now(), wall: wall.parse().expect("a timestamp") }
    }
}
