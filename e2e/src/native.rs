//! What is particular to a laboratory of `cargo lab`: its `up`, and processes.

use std::time::Duration;

use test_support::eventually_within;
use tokio::process::Child;

use crate::Stack;

/// How long the first `up` may take: it builds everything.
const UP_PATIENCE: Duration = Duration::from_mins(15);

impl Stack {
    /// Starts `cargo lab up` in the foreground.
    ///
    /// # Panics
    /// When there is no bash.
    #[must_use]
    pub fn up(&self) -> Child {
        let log = std::fs::File::create(self.path("up.log")).expect("a file");
        self.shell("exec cargo lab up")
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("bash starts")
    }

    /// Waits until all is ready, or `up` has ended.
    ///
    /// # Panics
    /// When neither happens.
    pub async fn is_up(&self, up: &mut Child) -> bool {
        eventually_within(UP_PATIENCE, "the laboratory is up", || {
            let ended = up.try_wait().expect("a child of ours").is_some();
            async move {
                if ended {
                    return Ok(false);
                }
                self.all_running().await?;
                // Interrupted before it says so, it would not have come up.
                let said = self.up_log();
                if said.contains("El laboratorio está en marcha") { Ok(true) } else { Err(said) }
            }
        })
        .await
    }

    /// What `cargo lab up` has printed.
    #[must_use]
    pub fn up_log(&self) -> String {
        std::fs::read_to_string(self.path("up.log")).unwrap_or_default()
    }

    /// Process id of a part that runs.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn pid(&self, part: &str) -> i32 {
        let status = self.status().await.expect("a status");
        let pid = status.get(part).and_then(|part| part["pid"].as_i64());
        pid.and_then(|pid| pid.try_into().ok()).unwrap_or_else(|| panic!("{part}: {status:?}"))
    }
}
