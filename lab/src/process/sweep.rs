//! Finds helpers that a part left behind.
//!
//! Every process of a part carries a mark in its environment, which its own
//! children inherit: Erlang's port mapper, for one, outlives the node that
//! started it.

use super::{Ended, ProcessId};
use crate::part::Part;
use anyhow::Result;
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long a helper may take to end.
const LIMIT: Duration = Duration::from_secs(2);

/// The variable that names the laboratory and the part.
const VARIABLE: &str = "RELEVO_LAB_PART";

/// The mark of one part of one laboratory.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new(dir: &Path, part: Part) -> Self {
        Self::named(dir, part.name())
    }

    /// The mark of something that is no part, such as a test's database.
    pub(crate) fn named(dir: &Path, name: &str) -> Self {
        Self(format!("{}:{name}", dir.display()))
    }

    /// The environment variable that a process gets.
    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (VARIABLE, &self.0)
    }

    fn is_on(&self, environment: &[u8]) -> bool {
        let wanted = format!("{VARIABLE}={}", self.0);
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    }
}

/// Ends every process that carries the mark; says how many there were.
pub(crate) async fn sweep(mark: &Mark) -> Result<usize> {
    let mut ended = 0;
    for process in marked(mark) {
        if process.end(Signal::SIGTERM, LIMIT).await? != Ended::WasNotRunning {
            ended += 1;
        }
    }
    Ok(ended)
}

/// The processes with the mark. One that ends while we look, or that belongs to
/// another user, has no readable environment and is not ours.
fn marked(mark: &Mark) -> Vec<ProcessId> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|found| mark.is_on(&found))
        })
        .filter_map(ProcessId::of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Mark, sweep};
    use std::path::Path;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn a_mark_is_a_whole_entry() {
        let mark = Mark::named(Path::new("/a"), "x");
        assert!(mark.is_on(b"PATH=/bin\0RELEVO_LAB_PART=/a:x\0HOME=/"));
        assert!(!mark.is_on(b"RELEVO_LAB_PART=/a:xy\0OTHER=/a:x"));
    }

    #[tokio::test]
    async fn only_marked_processes_are_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::named(dir.path(), "x");
        let (name, value) = mark.variable();
        let mut ours = Command::new("sleep").arg("600").env(name, value).spawn().unwrap();
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        // A child carries the environment only once it has replaced its image.
        let environ = format!("/proc/{}/environ", ours.id());
        let began = Instant::now();
        while !std::fs::read(&environ).is_ok_and(|found| mark.is_on(&found)) {
            assert!(began.elapsed() < Duration::from_secs(10), "no mark appeared");
            std::thread::yield_now();
        }
        assert_eq!(sweep(&mark).await.unwrap(), 1);
        ours.wait().unwrap();
        assert_eq!(other.try_wait().unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
