//! The laboratory that the trials share, profile after profile.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

use e2e::{Project, Stack, remains, remove_remains};
use futures_util::FutureExt;
use tokio::sync::Mutex;

use crate::scenarios::Scenario;

/// Exit code of whoever ends because of Ctrl-C.
const INTERRUPTED: i32 = 130;

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// One laboratory at a time: the machine need not hold two.
#[derive(Default)]
pub(super) struct Laboratories {
    current: Mutex<Current>,
}

#[derive(Default)]
enum Current {
    #[default]
    Nothing,
    /// Everything of a profile runs.
    Up(&'static str, Arc<Stack>),
    /// It did not come up, and is not tried once more for each trial.
    Broken(&'static str),
}

impl Laboratories {
    /// Runs a scenario on the laboratory of a profile. If it fails, the logs are
    /// printed, and the next scenario has a new laboratory.
    pub(super) async fn run(&self, profile: &'static str, scenario: Scenario) {
        let stack = self.of(profile).await;
        let ended = AssertUnwindSafe(scenario(&stack)).catch_unwind().await;
        if let Err(panic) = ended {
            eprintln!("{}", stack.last_lines().await);
            self.end().await;
            resume_unwind(panic);
        }
    }

    /// The laboratory of a profile, with everything running; that of another
    /// profile is taken down for it.
    async fn of(&self, profile: &'static str) -> Arc<Stack> {
        if IS_INTERRUPTED.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut current = self.current.lock().await;
        match &*current {
            Current::Up(found, stack) if *found == profile => return stack.clone(),
            Current::Broken(found) if *found == profile => panic!("{profile} did not come up"),
            _ => {}
        }
        *current = Current::Broken(profile);
        let stack = Arc::new(Stack::containers(Project::of(profile)));
        stack.bring_up("").await;
        *current = Current::Up(profile, stack.clone());
        stack
    }

    /// Takes down what is still there.
    pub(super) async fn end(&self) {
        *self.current.lock().await = Current::Nothing;
    }
}

/// On Ctrl-C removes what there is, and ends.
pub(super) async fn clear_away_when_interrupted() {
    tokio::signal::ctrl_c().await.expect("signals are told");
    IS_INTERRUPTED.store(true, Ordering::Relaxed);
    eprintln!("interrupted: removing containers, volumes and networks");
    remove_remains();
    std::process::exit(INTERRUPTED);
}

/// Whether nothing of this run is left; removes what is.
pub(super) fn nothing_is_left() -> bool {
    let left = remains();
    if !left.is_empty() {
        eprintln!("left after the end: {left:#?}");
        remove_remains();
    }
    left.is_empty()
}
