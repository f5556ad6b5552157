//! Whether several processes answer at one address, as they do where analytics
//! shares its work. Pure.

use std::{collections::VecDeque, time::Duration};

use crate::clock::Clock;

/// How long a process that came back is remembered: connections are kept, so an
/// address may lead to the same process for a while.
const WINDOW: Duration = Duration::from_mins(2);

/// Processes that are remembered: more than share a queue.
const REMEMBERED: usize = 16;

/// The processes that answered last.
#[derive(Debug, Clone, Default)]
pub struct Instances {
    lately: VecDeque<String>,
    came_back: Option<Clock>,
}

impl Instances {
    /// One of them answered. A process that was replaced never comes back: if it
    /// does, there are several.
    pub fn see(&mut self, process: &str, now: Clock) {
        if self.lately.back().is_some_and(|last| last == process) {
            return;
        }
        if self.lately.contains(&process.to_owned()) {
            self.came_back = Some(now);
            self.lately.retain(|other| other != process);
        }
        self.lately.push_back(process.to_owned());
        if self.lately.len() > REMEMBERED {
            self.lately.pop_front();
        }
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
        // The first of three.
        instances.see("a", start);
        assert!(instances.are_several(&start.later(WINDOW)));
        assert!(!instances.are_several(&start.later(WINDOW + Duration::from_secs(1))));
    }
}
