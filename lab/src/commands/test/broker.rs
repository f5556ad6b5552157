//! A private broker node for one run of the tests, on ports of its own.

use crate::layout::Layout;
use crate::part::Part;
use crate::plan::{Plan, Stack};
use crate::process::{Mark, sweep};
use crate::settings::{Port, Ports, Settings};
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// The running node; its folder is removed when it stops.
pub(super) struct Broker {
    stack: Stack,
    supervisor: Supervisor,
}

impl Broker {
    pub(super) async fn start(layout: &Layout, interrupts: &mut Interrupts) -> Result<Self> {
        let dir = folder_of_runs(layout).join(std::process::id().to_string());
        let stack = Stack {
            layout: layout.with_dir(dir),
            // The laboratory's defaults: tests do not depend on anybody's .env.
            settings: Settings::from_lookup(|_| None)?,
            plan: Plan {
                ports: free_ports()?,
                rabbitmq: tools::rabbitmq::ensure().await?,
                traefik: PathBuf::new(),
                binaries: BTreeMap::new(),
            },
        };
        stack.layout.create()?;
        let mut supervisor = Supervisor::new(stack.clone())?;
        let started = supervisor.start(&[Part::RabbitMq], interrupts).await;
        if let Err(error) = started {
            remove(stack.layout.dir())?;
            return Err(error);
        }
        Ok(Self { stack, supervisor })
    }

    pub(super) async fn stop(&mut self) -> Result<()> {
        self.supervisor.stop().await?;
        remove(self.stack.layout.dir())
    }

    /// Where this run keeps its files.
    pub(super) fn layout(&self) -> &Layout {
        &self.stack.layout
    }

    /// Without a virtual host: every test makes its own.
    pub(super) fn amqp(&self) -> String {
        let port = self.stack.port(Port::Amqp);
        format!("amqp://guest:guest@127.0.0.1:{port}")
    }

    pub(super) fn management(&self) -> String {
        self.stack.local_url(Port::Management)
    }
}

/// Stops and removes what earlier runs left that could not end in order.
pub(super) async fn remove_remains(layout: &Layout) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder_of_runs(layout)) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if pid.is_some_and(|pid| crate::process::ProcessId::of(pid).is_some()) {
            continue;
        }
        let run = layout.with_dir(entry.path());
        stop::all(&run).await?;
        sweep(&Mark::named(run.dir(), super::postgres::NAME)).await?;
        super::postgres::remove_data(&run)?;
        remove(run.dir())?;
    }
    Ok(())
}

fn folder_of_runs(layout: &Layout) -> PathBuf {
    layout.dir().join("test")
}

/// Another run may have removed it in the meantime.
fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("no se pudo borrar {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// As many ports that nobody uses as the laboratory has.
fn free_ports() -> Result<Ports> {
    let mut ports = Ports::default();
    // All are held until all are known, so that they differ.
    let mut held = Vec::new();
    for port in Port::ALL {
        let listener = TcpListener::bind("127.0.0.1:0").context("no hay puertos libres")?;
        ports.set(port, listener.local_addr()?.port());
        held.push(listener);
    }
    Ok(ports)
}
