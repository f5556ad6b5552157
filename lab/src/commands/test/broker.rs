//! A private broker node for one run of the tests, on ports of its own.

use crate::layout::Layout;
use crate::part::Part;
use crate::plan::{Changes, Plan, Stack};
use crate::process::{Mark, sweep};
use crate::scratch;
use crate::settings::{Port, Settings};
use crate::signals::Interrupts;
use crate::supervisor::{Supervisor, stop};
use crate::tools;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of these runs.
const KIND: &str = "test";

/// The running node; its folder is removed when it stops.
pub(super) struct Broker {
    stack: Stack,
    supervisor: Supervisor,
}

impl Broker {
    pub(super) async fn start(layout: &Layout, interrupts: &mut Interrupts) -> Result<Self> {
        let stack = Stack {
            layout: scratch::own(layout, KIND),
            // The laboratory's defaults: tests do not depend on anybody's .env.
            settings: Settings::from_lookup(|_| None)?,
            plan: Plan {
                ports: scratch::free_ports()?,
                rabbitmq: tools::rabbitmq::ensure().await?,
                traefik: PathBuf::new(),
                binaries: BTreeMap::new(),
            },
            changes: Changes::default(),
        };
        stack.layout.create()?;
        let mut supervisor = Supervisor::new(stack.clone())?;
        let started = supervisor.start(&[Part::RabbitMq], interrupts).await;
        if let Err(error) = started {
            scratch::remove(stack.layout.dir())?;
            return Err(error);
        }
        Ok(Self { stack, supervisor })
    }

    pub(super) async fn stop(&mut self) -> Result<()> {
        self.supervisor.stop().await?;
        scratch::remove(self.stack.layout.dir())
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
    for run in scratch::abandoned(layout, KIND) {
        stop::all(&run).await?;
        sweep(&Mark::named(run.dir(), super::postgres::NAME)).await?;
        super::postgres::remove_data(&run)?;
        scratch::remove(run.dir())?;
    }
    Ok(())
}
