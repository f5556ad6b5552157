//! What processes cost: time on the processor and memory, from `/proc`.
//!
//! Each part of the laboratory is started in a session of its own, so a part is
//! the sum of the processes of its session.

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A part by name, and the session that its processes are of.
pub(crate) type Sessions = BTreeMap<String, i32>;

/// The bench itself, with its load generators.
pub(crate) const BENCH: &str = "banco";

/// Processor time that was used until now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// By part, since it was started.
    parts: BTreeMap<String, Duration>,
    /// By everybody on this machine, and by whoever has it taken away.
    busy: Duration,
}

/// Processor time that was used between two moments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// By part; the bench is one of them.
    pub(crate) parts: BTreeMap<String, Duration>,
    /// By programs that have nothing to do with it.
    pub(crate) foreign: Duration,
}

impl Cpu {
    /// Of these sessions, and of the bench itself. A process that ended in the
    /// meantime is not in it.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub(crate) fn now(sessions: &Sessions) -> Result<Self> {
        let tick = tick()?;
        let own = std::process::id();
        let mut cpu: BTreeMap<String, Duration> = BTreeMap::new();
        for (pid, stat) in all()? {
            let part = if u32::try_from(pid) == Ok(own) {
                Some(BENCH)
            } else {
                part_of(sessions, stat.session)
            };
            if let Some(part) = part {
                *cpu.entry(part.to_owned()).or_default() += tick * stat.ticks;
            }
        }
        let stat = fs::read_to_string("/proc/stat").context("no se pudo leer /proc/stat")?;
        Ok(Self { parts: cpu, busy: tick * busy(&stat).context("/proc/stat sin cpu")? })
    }

    /// What was used between then and now.
    pub(crate) fn since(&self, then: &Self) -> Used {
        let used = |part: &String, now: Duration| {
            now.saturating_sub(then.parts.get(part).copied().unwrap_or_default())
        };
        let parts: BTreeMap<_, _> =
            self.parts.iter().map(|(part, now)| (part.clone(), used(part, *now))).collect();
        let own: Duration = parts.values().sum();
        Used { foreign: self.busy.saturating_sub(then.busy).saturating_sub(own), parts }
    }
}

/// Memory of a part, in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// Resident now (`VmRSS`).
    pub(crate) now: f64,
    /// The most that ever was resident (`VmHWM`), since [`forget_peaks`].
    pub(crate) peak: f64,
}

/// Memory of these sessions.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn memory(sessions: &Sessions) -> Result<BTreeMap<String, Memory>> {
    let mut memory: BTreeMap<String, Memory> = BTreeMap::new();
    for (pid, stat) in all()? {
        let Some(part) = part_of(sessions, stat.session) else { continue };
        // One that has just ended has none.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        let of_part = memory.entry(part.to_owned()).or_default();
        of_part.now += mebibytes(&status, "VmRSS:");
        of_part.peak += mebibytes(&status, "VmHWM:");
    }
    Ok(memory)
}

/// From here on peaks count anew (proc(5), `clear_refs`, value 5).
///
/// # Errors
/// When `/proc` cannot be read, or a process is not ours.
pub(crate) fn forget_peaks(sessions: &Sessions) -> Result<()> {
    for (pid, stat) in all()? {
        if part_of(sessions, stat.session).is_some() {
            let path = format!("/proc/{pid}/clear_refs");
            fs::write(&path, "5").with_context(|| format!("no se pudo escribir {path}"))?;
        }
    }
    Ok(())
}

/// A line of `/proc/<pid>/status`, which is in KiB; 0 where it is missing, as for
/// a process that has just ended.
fn mebibytes(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kibibytes = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}

fn part_of(sessions: &Sessions, session: i32) -> Option<&str> {
    sessions.iter().find(|(_, leader)| **leader == session).map(|(part, _)| part.as_str())
}

/// What of `/proc/<pid>/stat` is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    session: i32,
    /// Clock ticks in user and in kernel mode.
    ticks: u32,
}

/// Every process. One that ends while we look is left out.
fn all() -> Result<Vec<(i32, Stat)>> {
    let entries = fs::read_dir("/proc").context("no se pudo leer /proc")?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let stat = |pid: i32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, read(&text)?))
    };
    Ok(pids.filter_map(stat).collect())
}

/// Fields 6 (session), 14 (utime) and 15 (stime) of `/proc/<pid>/stat` (proc(5)).
fn read(stat: &str) -> Option<Stat> {
    // The second field is the program's name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    let session = fields.get(3)?.parse().ok()?;
    Some(Stat { session, ticks: number(14)?.checked_add(number(15)?)? })
}

/// Ticks in which some processor worked: the first line of `/proc/stat` (proc(5))
/// but for idle (4th) and iowait (5th). What a hypervisor takes (8th) is in it;
/// guests (9th and 10th) are in the first two already.
fn busy(stat: &str) -> Option<u32> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let of = |field: usize| ticks.get(field - 1).copied().unwrap_or_default();
    u32::try_from([1, 2, 3, 6, 7, 8].map(of).iter().sum::<u64>()).ok()
}

/// How long a clock tick is.
fn tick() -> Result<Duration> {
    let ticks = sysconf(SysconfVar::CLK_TCK)?.and_then(|ticks| u32::try_from(ticks).ok());
    Ok(Duration::from_secs(1) / ticks.context("sin CLK_TCK")?)
}

#[cfg(test)]
mod tests {
    use super::{BENCH, Cpu, Sessions, Stat, busy, forget_peaks, mebibytes, memory, read};
    use std::time::{Duration, Instant};

    #[test]
    fn session_and_ticks_are_found_behind_a_name_with_parentheses() {
        let stat = "42 (a (b) c) S 1 41 40 0 -1 4194560 1 0 0 0 7 8 3 4 20 0 1 0 98765 0";
        assert_eq!(read(stat), Some(Stat { session: 40, ticks: 15 }));
        assert_eq!(read("42 (a) S 1"), None);
    }

    #[test]
    fn waiting_and_idling_are_no_work() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9\n";
        assert_eq!(busy(stat), Some(63));
        assert_eq!(busy("intr 1"), None);
    }

    #[test]
    fn memory_is_read_in_mebibytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert!((mebibytes(status, "VmRSS:") - 1.0).abs() < 1e-9);
        assert!((mebibytes(status, "VmHWM:") - 2.0).abs() < 1e-9);
        assert!(mebibytes(status, "VmSwap:").abs() < 1e-9);
    }

    #[test]
    fn a_busy_process_is_seen_to_be_busy() {
        let before = Cpu::now(&Sessions::new()).unwrap();
        let began = Instant::now();
        let mut used = Duration::ZERO;
        while used < Duration::from_millis(30) {
            assert!(began.elapsed() < Duration::from_secs(20), "{used:?}");
            let now = Cpu::now(&Sessions::new()).unwrap();
            used = now.since(&before).parts[BENCH];
        }
    }

    #[test]
    fn a_session_has_memory_and_forgets_its_peak() {
        let own = nix::unistd::getsid(None).unwrap().as_raw();
        let sessions = Sessions::from([("x".to_owned(), own)]);
        let of_session = memory(&sessions).unwrap()["x"];
        assert!(of_session.now > 1.0 && of_session.peak >= of_session.now, "{of_session:?}");
        forget_peaks(&Sessions::new()).unwrap();
    }
}
