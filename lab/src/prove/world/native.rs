//! A laboratory of processes, for the proof: lines to the broker that can be cut,
//! files that can be locked, environments that can be changed.

use super::{Ground, Line, PATIENCE, Size, World};
use crate::commands::control;
use crate::layout::Layout;
use crate::part::Part;
use crate::parts::rabbitmq;
use crate::plan::{Change, Changes, Plan, Stack};
use crate::process::{Ended, ProcessId};
use crate::prove::wait::until;
use crate::record::{self, Record, Request, Watcher};
use crate::running::Running;
use crate::scratch;
use crate::settings::{Port, Settings};
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::{Context, Result, ensure};
use cut_proxy::CutProxy;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The folder of these runs.
const KIND: &str = "prove";

/// Processes of this machine.
pub(in crate::prove) struct Native {
    stack: Stack,
    senders_line: CutProxy,
    analytics_line: CutProxy,
    watching: Watching,
}

/// The supervisor, at work in the background.
struct Watching {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Supervisor>,
}

/// Stops and removes what earlier proofs left that could not end in order.
pub(in crate::prove) async fn remove_remains(layout: &Layout) -> Result<()> {
    for run in scratch::abandoned(layout, KIND) {
        stop::all(&run).await?;
        scratch::remove(run.dir())?;
    }
    Ok(())
}

/// Builds nothing: `binaries` are there. Starts every part.
pub(in crate::prove) async fn start(
    layout: &Layout,
    size: Size,
    binaries: BTreeMap<String, PathBuf>,
    interrupts: &mut Interrupts,
) -> Result<World> {
    let stack = stack(layout, binaries).await?;
    stack.layout.create()?;
    stack.plan.save(&stack.layout)?;
    let broker = format!("127.0.0.1:{}", stack.port(Port::Amqp));
    let senders_line = CutProxy::to(broker.clone()).await?;
    let analytics_line = CutProxy::to(broker).await?;
    for (part, line) in [
        (Part::ClienteX, &senders_line),
        (Part::ClienteUno, &senders_line),
        (Part::Analytics, &analytics_line),
    ] {
        let port = line.address().port();
        stack.changes.change(part, |change| change.amqp_port = Some(port));
    }
    let mut supervisor = Supervisor::new(stack.clone())?;
    Watcher::announce(&stack.layout, false)?;
    if let Err(error) = supervisor.start(&Part::START_ORDER, interrupts).await {
        // What it says holds the last words of the part that failed.
        scratch::remove(stack.layout.dir())?;
        return Err(error);
    }
    Watcher::announce(&stack.layout, true)?;
    let running = Running::native(stack.plan.ports.clone());
    let watching = Watching::start(supervisor);
    let native = Native { stack, senders_line, analytics_line, watching };
    World::on(Ground::Native(Box::new(native)), running, size)
}

impl Native {
    pub(super) fn line(&self, line: Line) -> &CutProxy {
        match line {
            Line::Senders => &self.senders_line,
            Line::Analytics => &self.analytics_line,
        }
    }

    /// The way from `cliente_x` and `cliente_uno` to the broker.
    pub(in crate::prove) fn senders_line(&self) -> &CutProxy {
        &self.senders_line
    }

    /// The way from analytics to the broker.
    pub(in crate::prove) fn analytics_line(&self) -> &CutProxy {
        &self.analytics_line
    }

    /// Its folders.
    pub(in crate::prove) fn layout(&self) -> &Layout {
        &self.stack.layout
    }

    /// The file that analytics counts in.
    pub(in crate::prove) fn database(&self) -> PathBuf {
        self.stack.layout.data().join("analiticas.db")
    }

    /// Undoes what scenarios changed; the parts that have to be started anew.
    pub(super) fn restored(&self) -> Vec<Part> {
        self.senders_line.restore();
        self.analytics_line.restore();
        Part::START_ORDER.into_iter().filter(|part| self.stack.changes.reset(*part)).collect()
    }

    /// The folder stays when it may explain something.
    pub(super) async fn stop(self, keep: bool) -> Result<Option<String>> {
        let watched = self.watching.end().await;
        // Also what a supervisor that died has left.
        let stopped = stop::all(&self.stack.layout).await;
        watched.and(stopped)?;
        if keep {
            return Ok(Some(self.stack.layout.logs().display().to_string()));
        }
        scratch::remove(self.stack.layout.dir())?;
        Ok(None)
    }

    pub(super) async fn kill(&self, part: Part) -> Result<()> {
        let process = self.process(part)?;
        record::request(&self.stack.layout, part, Request::Start)?;
        process.signal(Signal::SIGKILL)?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok().filter(|new| *new != process && new.is_alive());
            Ok(new)
        })
        .await?;
        Ok(())
    }

    pub(in crate::prove) fn process(&self, part: Part) -> Result<ProcessId> {
        let record = Record::load(&self.stack.layout, part);
        Ok(record.with_context(|| format!("{} no está en marcha", part.name()))?.process)
    }

    pub(super) async fn halt(&self, part: Part) -> Result<()> {
        let ended = control::halt(&self.stack.layout, part).await?;
        ensure!(ended != Ended::Killed, "{} no terminó al recibir SIGTERM", part.name());
        Ok(())
    }

    pub(super) async fn launch(&self, part: Part) -> Result<()> {
        control::launch(&self.stack.layout, part).await?;
        Ok(())
    }

    /// Has a part started anew, and without waiting for it to be ready.
    pub(in crate::prove) async fn launch_unready(&self, part: Part) -> Result<()> {
        let before = Record::load(&self.stack.layout, part).map(|record| record.process);
        record::request(&self.stack.layout, part, Request::Start)?;
        record::withdraw(&self.stack.layout, part, Request::Stop)?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok();
            Ok(new.filter(|new| Some(new) != before.as_ref() && new.is_alive()))
        })
        .await?;
        Ok(())
    }

    /// How a part is started from its next start on.
    pub(in crate::prove) fn change(&self, part: Part, change: impl FnOnce(&mut Change)) {
        self.stack.changes.change(part, change);
    }

    /// Starts a part in another way from now on.
    pub(in crate::prove) async fn restart_with(
        &self,
        part: Part,
        change: impl FnOnce(&mut Change),
    ) -> Result<()> {
        self.halt(part).await?;
        self.change(part, change);
        self.launch(part).await
    }

    pub(super) fn resident(&self, part: Part) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process(part)?.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kib.context("sin VmRSS")?.parse::<u64>()? / 1024)
    }

    pub(super) async fn rabbitmqctl(&self, args: &[&str]) -> Result<()> {
        let launch = rabbitmq::ctl(&self.stack);
        let output = Command::new(&launch.program)
            .args(args)
            .env_clear()
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "rabbitmqctl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    pub(super) async fn lab(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(env::current_exe()?);
        command.args(args).current_dir(self.stack.layout.root());
        command.env("LAB_DIR", self.stack.layout.dir());
        super::output_of(command, args).await
    }
}

impl Watching {
    fn start(mut supervisor: Supervisor) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            supervisor.watch(stopped).await;
            supervisor
        });
        Self { stop, task }
    }

    async fn end(self) -> Result<()> {
        // It may have died: then the next line says so.
        let _ = self.stop.send(());
        let mut supervisor = self.task.await.context("la vigilancia se interrumpió")?;
        supervisor.stop().await
    }
}

async fn stack(layout: &Layout, binaries: BTreeMap<String, PathBuf>) -> Result<Stack> {
    Ok(Stack {
        layout: scratch::own(layout, KIND),
        // The laboratory's defaults: the proof does not depend on anybody's .env.
        settings: Settings::from_lookup(|_| None)?,
        plan: Plan {
            ports: scratch::free_ports()?,
            rabbitmq: tools::rabbitmq::ensure().await?,
            traefik: tools::traefik::ensure(layout).await?,
            binaries,
        },
        changes: Changes::default(),
    })
}

/// The services' binaries in a folder, by package.
pub(in crate::prove) fn binaries_in(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let packages = Part::START_ORDER.iter().filter_map(|part| part.package());
    packages
        .map(|package| {
            let path = std::path::absolute(folder.join(package))?;
            ensure!(path.is_file(), "falta el programa {}", path.display());
            Ok((package.to_owned(), path))
        })
        .collect()
}
