//! One part under supervision: its process, and when to start it again.

use crate::failure::{CONFLICT, USAGE};
use crate::layout::Layout;
use crate::part::Part;
use crate::parts;
use crate::parts::readiness::Prober;
use crate::plan::Stack;
use crate::record::{self, Record, Request};
use crate::ui;
use anyhow::Result;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;
use tokio::time::Instant;

/// The first wait before a part is started again; it doubles with each failure.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A part that has run this long is healthy: its next failure is a first one.
const HEALTHY: Duration = Duration::from_secs(30);

/// What is worth telling.
#[derive(Debug)]
pub(super) enum Event {
    Died { exit: Exit, delay: Duration },
    GivenUp { exit: Exit },
    Stopped,
    Ready,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit(ExitStatus);

impl Exit {
    /// Starting again would only end the same way: what is wrong is outside.
    fn is_final(self) -> bool {
        self.0.code().is_some_and(|code| code == i32::from(USAGE) || code == i32::from(CONFLICT))
    }
}

impl Exit {
    /// What to do about an end that only the user can prevent.
    pub(super) fn advice(self, layout: &Layout) -> String {
        if self.0.code() != Some(i32::from(CONFLICT)) {
            return String::new();
        }
        format!(
            "\n  para que el broker empiece vacío (se pierden sus mensajes):\n  \
             rm -r {}",
            layout.broker().join("data").display()
        )
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "código {code}"),
            (None, Some(signal)) => write!(f, "señal {signal}"),
            (None, None) => f.write_str("sin código"),
        }
    }
}

#[derive(Debug)]
enum State {
    /// `announce` says whether its becoming ready is news.
    Running {
        child: Child,
        since: Instant,
        announce: bool,
    },
    Waiting {
        until: Instant,
    },
    Resting,
}

/// A part and what it is doing.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) part: Part,
    state: State,
    failures: u32,
}

impl Slot {
    pub(super) fn start(stack: &Stack, part: Part) -> Result<Self> {
        let mut slot = Self::resting(part);
        slot.run(stack, false)?;
        Ok(slot)
    }

    /// One that waits until somebody asks for its start.
    pub(super) fn resting(part: Part) -> Self {
        Self { part, state: State::Resting, failures: 0 }
    }

    fn run(&mut self, stack: &Stack, announce: bool) -> Result<()> {
        self.state = State::Running {
            child: parts::start(stack, self.part)?,
            since: Instant::now(),
            announce,
        };
        Ok(())
    }

    /// One look: collects what ended, starts what is due, obeys requests.
    pub(super) async fn look(&mut self, stack: &Stack, prober: &Prober) -> Result<Option<Event>> {
        if let State::Running { since, .. } = &self.state {
            let lasted = since.elapsed();
            if let Some(exit) = self.collect(stack)? {
                return Ok(Some(self.after(exit, lasted, stack)));
            }
            return Ok(self.became_ready(stack, prober).await);
        }
        self.start_if_due(stack)?;
        Ok(None)
    }

    /// Takes note of the process's end, if it has ended.
    pub(super) fn collect(&mut self, stack: &Stack) -> Result<Option<Exit>> {
        let State::Running { child, .. } = &mut self.state else {
            return Ok(None);
        };
        let Some(status) = child.try_wait()? else {
            return Ok(None);
        };
        self.state = State::Resting;
        let exit = Exit(status);
        if let Some(mut record) = Record::load(&stack.layout, self.part) {
            record.ended = Some(exit.to_string());
            record.save(&stack.layout, self.part)?;
        }
        Ok(Some(exit))
    }

    fn after(&mut self, exit: Exit, lasted: Duration, stack: &Stack) -> Event {
        // A restart asks to start before it takes back its asking to stop.
        let asked = |request| record::is_requested(&stack.layout, self.part, request);
        if asked(Request::Stop) || asked(Request::Start) {
            self.failures = 0;
            return Event::Stopped;
        }
        if exit.is_final() {
            return Event::GivenUp { exit };
        }
        if lasted >= HEALTHY {
            self.failures = 0;
        }
        let delay = self.wait();
        Event::Died { exit, delay }
    }

    fn wait(&mut self) -> Duration {
        let delay = delay_after(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { until: Instant::now() + delay };
        delay
    }

    /// A start that failed is tried again later.
    pub(super) fn put_off(&mut self, error: &anyhow::Error) {
        let delay = self.wait().as_secs_f32();
        let name = self.part.name();
        ui::alert(format!("✗ {name}: {error:#}; otro intento en {delay:.1} s"));
    }

    async fn became_ready(&mut self, stack: &Stack, prober: &Prober) -> Option<Event> {
        let State::Running { announce, .. } = &mut self.state else {
            return None;
        };
        if !*announce || !prober.is_ready(&stack.plan.ports, self.part).await {
            return None;
        }
        *announce = false;
        Some(Event::Ready)
    }

    fn start_if_due(&mut self, stack: &Stack) -> Result<()> {
        let layout = &stack.layout;
        if record::is_requested(layout, self.part, Request::Start) {
            record::withdraw(layout, self.part, Request::Start)?;
            self.failures = 0;
            return self.run(stack, true);
        }
        match self.state {
            State::Waiting { until } if Instant::now() >= until => {
                if record::is_requested(layout, self.part, Request::Stop) {
                    self.state = State::Resting;
                    return Ok(());
                }
                self.run(stack, true)
            }
            _ => Ok(()),
        }
    }
}

/// The wait after the first failure and those that follow it.
fn delay_after(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    FIRST_DELAY.saturating_mul(factor).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::{Exit, delay_after};
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    #[test]
    fn the_wait_doubles_up_to_five_seconds() {
        let waits: Vec<u128> = (0..6).map(|n| delay_after(n).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(delay_after(u32::MAX), Duration::from_secs(5));
    }

    #[test]
    fn wrong_configuration_and_differing_queues_are_final() {
        let code = |code: i32| Exit(ExitStatus::from_raw(code << 8));
        assert!(code(64).is_final());
        assert!(code(78).is_final());
        assert!(!code(1).is_final());
        assert!(!Exit(ExitStatus::from_raw(9)).is_final());
        assert_eq!(code(64).to_string(), "código 64");
        assert_eq!(Exit(ExitStatus::from_raw(9)).to_string(), "señal 9");
    }
}
