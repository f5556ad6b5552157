//! A laboratory of processes, for the proof: lines to the broker that can be cut,
//! files that can be locked, environments that can be changed.

use super::{Ground, Line, PATIENCE, Size, World};
use crate::commands::control;
use crate::layout::Layout;
use crate::part::Part;
use crate::parts::rabbitmq;
use crate::plan::{Change, Stack};
use crate::process::{Ended, ProcessId};
use crate::prove::wait::until;
use crate::record::{self, Record, Request};
use crate::running::Running;
use crate::scratch::laboratory::{self, Laboratory};
use crate::settings::{Port, Settings};
use crate::signals::Interrupts;
use anyhow::{Context, Result, ensure};
use cut_proxy::CutProxy;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use tokio::process::Command;

/// The folder of these runs.
const KIND: &str = "prove";

/// Processes of this machine.
pub(in crate::prove) struct Native {
    laboratory: Laboratory,
    senders_line: CutProxy,
    analytics_line: CutProxy,
}

/// Stops and removes what earlier proofs left that could not end in order.
pub(in crate::prove) async fn remove_remains(layout: &Layout) -> Result<()> {
    laboratory::remove_remains(layout, KIND).await
}

/// Builds nothing: `binaries` are there. Starts every part.
pub(in crate::prove) async fn start(
    layout: &Layout,
    size: Size,
    binaries: BTreeMap<String, PathBuf>,
    interrupts: &mut Interrupts,
) -> Result<World> {
    let stack = laboratory::stack(layout, KIND, binaries).await?;
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
    let running = Running::native(stack.plan.ports.clone());
    let laboratory = Laboratory::start(stack, interrupts).await?;
    let native = Native { laboratory, senders_line, analytics_line };
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

    fn stack(&self) -> &Stack {
        self.laboratory.stack()
    }

    /// Its folders.
    pub(in crate::prove) fn layout(&self) -> &Layout {
        self.laboratory.layout()
    }

    /// The file that analytics counts in.
    pub(in crate::prove) fn database(&self) -> PathBuf {
        self.layout().data().join("analiticas.db")
    }

    /// The file that the audit proxy keeps messages in.
    pub(in crate::prove) fn audit_database(&self) -> PathBuf {
        self.layout().data().join("auditoria.db")
    }

    /// What it was started with.
    pub(in crate::prove) fn settings(&self) -> &Settings {
        &self.stack().settings
    }

    /// Undoes what scenarios changed; the parts that have to be started anew.
    pub(super) fn restored(&self) -> Vec<Part> {
        self.senders_line.restore();
        self.analytics_line.restore();
        Part::START_ORDER.into_iter().filter(|part| self.stack().changes.reset(*part)).collect()
    }

    /// The folder stays when it may explain something.
    pub(super) async fn stop(self, keep: bool) -> Result<Option<String>> {
        self.laboratory.stop(keep).await
    }

    pub(super) async fn kill(&self, part: Part) -> Result<()> {
        let process = self.process(part)?;
        self.ends_by(part, async || process.signal(Signal::SIGKILL)).await
    }

    /// Does what ends a part, which is started again at once; waits for its new process.
    pub(in crate::prove) async fn ends_by(
        &self,
        part: Part,
        cause: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let process = self.process(part)?;
        record::request(self.layout(), part, Request::Start)?;
        cause().await?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok().filter(|new| *new != process && new.is_alive());
            Ok(new)
        })
        .await?;
        Ok(())
    }

    pub(in crate::prove) fn process(&self, part: Part) -> Result<ProcessId> {
        self.laboratory.process(part)
    }

    pub(super) async fn halt(&self, part: Part) -> Result<()> {
        let ended = control::halt(self.layout(), part).await?;
        ensure!(ended != Ended::Killed, "{} no terminó al recibir SIGTERM", part.name());
        Ok(())
    }

    pub(super) async fn launch(&self, part: Part) -> Result<()> {
        control::launch(self.layout(), part).await?;
        Ok(())
    }

    /// Has a part started anew, and without waiting for it to be ready.
    pub(in crate::prove) async fn launch_unready(&self, part: Part) -> Result<()> {
        let before = Record::load(self.layout(), part).map(|record| record.process);
        record::request(self.layout(), part, Request::Start)?;
        record::withdraw(self.layout(), part, Request::Stop)?;
        until("un proceso nuevo", PATIENCE, async || {
            let new = self.process(part).ok();
            Ok(new.filter(|new| Some(new) != before.as_ref() && new.is_alive()))
        })
        .await?;
        Ok(())
    }

    /// How a part is started from its next start on.
    pub(in crate::prove) fn change(&self, part: Part, change: impl FnOnce(&mut Change)) {
        self.stack().changes.change(part, change);
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
        let launch = rabbitmq::ctl(self.stack());
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
        command.args(args).current_dir(self.layout().root());
        command.env("LAB_DIR", self.layout().dir());
        super::output_of(command, args).await
    }
}
