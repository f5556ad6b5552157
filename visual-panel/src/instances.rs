//! Whether several processes answer at one address, as they do where analytics
//! shares its work. Pure.

use std::time::Duration;

use crate::clock::Clock;

/// How long a process that came back is remembered: connections are kept, so an
/// address may lead to the same process for a while.
const WINDOW: Duration = Duration::from_mins(2);

/// The processes that answered last.
#[derive(Debug, Clone, Default)]
pub struct Instances {
    last: Option<String>,
    before: Option<String>,
    came_back: Option<Clock>,
}

impl Instances {
    /// One of them answered. A process that was replaced never comes back: if it
    /// does, there are several.
    pub fn see(&mut self, process: &str, now: Clock) {
        if self.last.as_deref() == Some(process) {
            return;
        }
        if self.before.as_deref() == Some(process) {
            self.came_back = Some(now);
        }
        self.before = self.last.replace(process.to_owned());
    }

    /// Whether there are several, as far as it was seen lately.
    #[must_use]
    pub fn are_several(&self, now: &Clock) -> bool {
        self.came_back.is_some_and(|then| now.since(&then) <= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_comes_back_was_never_away() {
        let start = Clock::at("2025-04-13T12:00:00Z");
        let mut instances = Instances::default();
        for process in ["a", "a", "b", "b", "c"] {
            instances.see(process, start);
            assert!(!instances.are_several(&start), "restarted: {process}");
        }
        instances.see("b", start);
        assert!(instances.are_several(&start.later(WINDOW)));
        assert!(!instances.are_several(&start.later(WINDOW + Duration::from_secs(1))));
    }
}
