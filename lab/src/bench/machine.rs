//! The machine that was measured on: figures mean little without it.

use crate::plan::Plan;
use serde::Serialize;
use std::fs;

/// Its shape.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// The broker's folder: its name holds the version.
    pub(crate) rabbitmq: String,
    /// When the run began (RFC 3339, UTC).
    pub(crate) began: String,
    /// Whether the bench itself is a release build: its clients cost more otherwise.
    pub(crate) optimised: bool,
}

impl Machine {
    /// This one. What cannot be read is left empty.
    pub(crate) fn here(plan: &Plan) -> Self {
        let folder = plan.rabbitmq.file_name().unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            processor: value("/proc/cpuinfo", "model name"),
            memory_mib: kibibytes(&value("/proc/meminfo", "MemTotal")) / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| String::new(), |text| text.trim().to_owned()),
            rabbitmq: folder.to_string_lossy().into_owned(),
            began: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// The value behind a name and a colon.
fn value(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

fn kibibytes(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
