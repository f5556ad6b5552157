//! Processes, told apart from later ones that got the same number.

mod sweep;

pub(crate) use sweep::{Mark, sweep};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::fs;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a process that should end is looked at.
const POLL: Duration = Duration::from_millis(50);

/// A process for good: its number, when it began, and in which boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks between the machine's boot and the process's start.
    started: u64,
    boot: String,
}

/// What became of a request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was gone already.
    WasNotRunning,
    /// It ended after SIGTERM.
    Gracefully,
    /// It had to be killed.
    Killed,
}

impl ProcessId {
    /// The process that has this number now, unless it has ended.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let started = start_of_living(&stat)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, started, boot: boot.trim().to_owned() })
    }

    /// This very process.
    pub(crate) fn own() -> Result<Self> {
        let pid = nix::unistd::getpid().as_raw();
        Self::of(pid).context("no se pudo leer /proc")
    }

    /// Whether this process, and not a later one of that number, still runs.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends a signal; a process that has ended is no error.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        ignore_missing(kill(Pid::from_raw(self.pid), signal))
            .with_context(|| format!("no se pudo enviar {signal} al proceso {}", self.pid))
    }

    /// Ends the process: SIGTERM (or another polite signal), and SIGKILL to its
    /// whole group when it takes longer than `limit`.
    pub(crate) async fn end(&self, polite: Signal, limit: Duration) -> Result<Ended> {
        if !self.is_alive() {
            return Ok(Ended::WasNotRunning);
        }
        self.signal(polite)?;
        if self.gone_within(limit).await {
            return Ok(Ended::Gracefully);
        }
        ignore_missing(killpg(Pid::from_raw(self.pid), Signal::SIGKILL))?;
        self.signal(Signal::SIGKILL)?;
        self.gone_within(Duration::from_secs(5)).await;
        Ok(Ended::Killed)
    }

    /// Ends a whole group through its leader: politely, and by force when the
    /// leader takes longer than `limit`.
    pub(crate) async fn end_group(&self, polite: Signal, limit: Duration) -> Result<()> {
        let group = Pid::from_raw(self.pid);
        if self.is_alive() {
            ignore_missing(killpg(group, polite))?;
        }
        if !self.gone_within(limit).await {
            ignore_missing(killpg(group, Signal::SIGKILL))?;
        }
        Ok(())
    }

    /// Waits until the process has ended; false if it outlasts the limit.
    pub(crate) async fn gone_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(POLL).await;
        }
        true
    }
}

fn ignore_missing(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        Err(Errno::ESRCH) => Ok(()),
        other => other,
    }
}

/// The 22nd field of `/proc/<pid>/stat` (proc(5)); none for a zombie, which has
/// ended and only waits to be collected.
fn start_of_living(stat: &str) -> Option<u64> {
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Ended, ProcessId, start_of_living};
    use nix::sys::signal::Signal;
    use std::process::Command;
    use std::time::Duration;

    const STAT: &str = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 1 0 98765 0";

    #[test]
    fn the_start_time_is_found_behind_a_name_with_parentheses() {
        assert_eq!(start_of_living(STAT), Some(98_765));
    }

    #[test]
    fn a_zombie_does_not_live() {
        assert_eq!(start_of_living(&STAT.replace(" S ", " Z ")), None);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        let earlier = ProcessId { started: own.started - 1, ..own.clone() };
        assert!(!earlier.is_alive());
        let other_boot = ProcessId { boot: "another".into(), ..own };
        assert!(!other_boot.is_alive());
    }

    #[tokio::test]
    async fn a_process_that_ignores_sigterm_is_killed() {
        let mut child = Command::new("setsid")
            .args(["sh", "-c", "trap '' TERM; echo ready; while :; do read x; done"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let stdout = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(stdout, &mut ready).unwrap();
        let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        let limit = Duration::from_millis(200);
        assert_eq!(process.end(Signal::SIGTERM, limit).await.unwrap(), Ended::Killed);
        child.wait().unwrap();
    }
}
