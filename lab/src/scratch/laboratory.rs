//! A whole laboratory of processes for one run, apart from the one that may be
//! up: a folder and ports of its own, and a supervisor at work in the background.

use super::{abandoned, free_ports, own, remove};
use crate::layout::Layout;
use crate::part::Part;
use crate::plan::{Changes, Plan, Stack};
use crate::process::ProcessId;
use crate::record::{Record, Watcher};
use crate::settings::Settings;
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What it is made of.
pub(crate) const PARTS: [Part; 8] = Part::START_ORDER;

/// Every part of it runs.
pub(crate) struct Laboratory {
    stack: Stack,
    watching: Watching,
}

/// The supervisor, at work in the background.
struct Watching {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Supervisor>,
}

/// Stops and removes what earlier runs of this kind left that could not end in
/// order.
pub(crate) async fn remove_remains(layout: &Layout, kind: &str) -> Result<()> {
    for run in abandoned(layout, kind) {
        stop::all(&run).await?;
        remove(run.dir())?;
    }
    Ok(())
}

/// What a laboratory of this kind of run is made of; nothing is started yet.
pub(crate) async fn stack(
    layout: &Layout,
    kind: &str,
    binaries: BTreeMap<String, PathBuf>,
) -> Result<Stack> {
    let stack = Stack {
        layout: own(layout, kind),
        // The laboratory's defaults: a run does not depend on anybody's .env.
        settings: Settings::from_lookup(|_| None)?,
        plan: Plan {
            ports: free_ports()?,
            parts: PARTS.to_vec(),
            rabbitmq: tools::rabbitmq::ensure().await?,
            traefik: tools::traefik::ensure(layout).await?,
            binaries,
        },
        changes: Changes::default(),
    };
    stack.layout.create()?;
    stack.plan.save(&stack.layout)?;
    Ok(stack)
}

/// The services' binaries in a folder, by package.
pub(crate) fn binaries_in(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let packages = PARTS.iter().filter_map(|part| part.package());
    packages
        .map(|package| {
            let path = std::path::absolute(folder.join(package))?;
            ensure!(path.is_file(), "falta el programa {}", path.display());
            Ok((package.to_owned(), path))
        })
        .collect()
}

impl Laboratory {
    /// Starts them all; if one fails, nothing is left.
    pub(crate) async fn start(stack: Stack, interrupts: &mut Interrupts) -> Result<Self> {
        let mut supervisor = Supervisor::new(stack.clone())?;
        Watcher::announce(&stack.layout, false)?;
        if let Err(error) = supervisor.start(interrupts).await {
            // What it says holds the last words of the part that failed.
            remove(stack.layout.dir())?;
            return Err(error);
        }
        Watcher::announce(&stack.layout, true)?;
        Ok(Self { stack, watching: Watching::start(supervisor) })
    }

    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Its folders.
    pub(crate) fn layout(&self) -> &Layout {
        &self.stack.layout
    }

    pub(crate) fn process(&self, part: Part) -> Result<ProcessId> {
        let record = Record::load(self.layout(), part);
        Ok(record.with_context(|| format!("{} no está en marcha", part.name()))?.process)
    }

    /// Stops every part. The folder stays where it may explain something: then
    /// its logs are named.
    pub(crate) async fn stop(self, keep: bool) -> Result<Option<String>> {
        let watched = self.watching.end().await;
        // Also what a supervisor that died has left.
        let stopped = stop::all(&self.stack.layout).await;
        watched.and(stopped)?;
        if keep {
            return Ok(Some(self.stack.layout.logs().display().to_string()));
        }
        remove(self.stack.layout.dir())?;
        Ok(None)
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
