//! Supervising a laboratory: in the foreground for `up`, or as `watch` in a
//! session of its own for `up --detach`.

use super::up;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::plan::{Changes, Plan, Stack};
use crate::process::ProcessId;
use crate::record::Watcher;
use crate::settings::Settings;
use crate::signals::Interrupts;
use crate::supervisor::Supervisor;
use crate::ui;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use std::env;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::sleep;

const POLL: Duration = Duration::from_millis(100);

/// How long the lock may take to pass from `up` to the one it starts.
const HANDOVER: Duration = Duration::from_secs(5);

/// Starts every part, says so, watches until asked to stop, stops every part.
pub(crate) async fn supervise(
    stack: Stack,
    _supervision: &Lock,
    interrupts: &mut Interrupts,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let layout = stack.layout.clone();
    let mut supervisor = Supervisor::new(stack)?;
    supervisor.start(interrupts).await?;
    let told = Watcher::announce(&layout, true).and_then(|()| ready());
    if told.is_ok() {
        supervisor.watch(interrupts.next()).await;
        ui::note("\n• deteniendo el laboratorio");
    }
    supervisor.stop().await?;
    ui::note("✓ todo detenido; los datos se conservan");
    told
}

/// The hidden command: supervises what `up --detach` has prepared.
pub(crate) async fn run(layout: &Layout) -> Result<u8> {
    let mut interrupts = Interrupts::listen()?;
    let supervision = lock::supervisor_within(layout, HANDOVER)
        .await?
        .context("otro proceso ya vigila el laboratorio")?;
    let stack = Stack {
        layout: layout.clone(),
        settings: Settings::load(&layout.dotenv())?,
        plan: Plan::load(layout).context("falta el plan; se inicia con: cargo lab up --detach")?,
        changes: Changes::default(),
    };
    Watcher::announce(layout, false)?;
    let result = supervise(stack, &supervision, &mut interrupts, || leave_terminal(layout)).await;
    Watcher::withdraw(layout)?;
    result.map(|()| 0)
}

/// From here on everything that is told goes to a log: the terminal, or the
/// pipe that somebody reads, is let go.
fn leave_terminal(layout: &Layout) -> Result<()> {
    let path = layout.logs().join("lab.log");
    let log = File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("no se pudo abrir {}", path.display()))?;
    nix::unistd::dup2_stdout(&log)?;
    nix::unistd::dup2_stderr(&log)?;
    Ok(())
}

/// Starts the supervisor in a session of its own and waits until all is ready.
/// Its progress shows in this terminal.
pub(crate) async fn in_background(
    stack: &Stack,
    supervision: Lock,
    interrupts: &mut Interrupts,
) -> Result<()> {
    Watcher::withdraw(&stack.layout)?;
    drop(supervision);
    let mut child = Command::new("setsid")
        .arg(env::current_exe()?)
        .arg("watch")
        .env("LAB_DIR", stack.layout.dir())
        .current_dir(stack.layout.root())
        .stdin(Stdio::null())
        .spawn()
        .context("no se pudo ejecutar setsid (paquete util-linux)")?;
    let ended = tokio::select! {
        ended = until_ready(&stack.layout, &mut child) => ended?,
        () = interrupts.next() => Some(interrupt(&mut child).await?),
    };
    match ended {
        None => {
            up::welcome(&stack.plan);
            ui::say("Sigue en segundo plano. Se detiene con: cargo lab down");
            Ok(())
        }
        // What went wrong was told by the supervisor itself.
        Some(status) => Err(ended_early(status).into()),
    }
}

fn ended_early(status: ExitStatus) -> Failure {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Failure::with_code(
        code.filter(|code| *code > 0).unwrap_or(1),
        "el laboratorio no se puso en marcha",
    )
}

/// None once all is ready, else how the supervisor ended.
async fn until_ready(layout: &Layout, child: &mut Child) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Watcher::living(layout).is_some_and(|watcher| watcher.ready) {
            return Ok(None);
        }
        sleep(POLL).await;
    }
}

/// The supervisor is not reached by Ctrl-C: it is asked, and stops everything.
async fn interrupt(child: &mut Child) -> Result<ExitStatus> {
    if let Some(process) = i32::try_from(child.id()).ok().and_then(ProcessId::of) {
        process.signal(Signal::SIGTERM)?;
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(POLL).await;
    }
}
