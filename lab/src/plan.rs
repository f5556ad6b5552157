//! What one `up` decided before it started anything: ports and programs.
//!
//! It is written down, so that the other commands speak of the laboratory that
//! runs and not of what `.env` says by now.

use crate::layout::Layout;
use crate::part::Part;
use crate::settings::{Port, Ports, Settings};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The ports in use and the programs to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) ports: Ports,
    /// The parts that run, in the order in which they start.
    pub(crate) parts: Vec<Part>,
    /// RabbitMQ's folder with `sbin/rabbitmq-server` inside.
    pub(crate) rabbitmq: PathBuf,
    pub(crate) traefik: PathBuf,
    /// Our own binaries, by package.
    pub(crate) binaries: BTreeMap<String, PathBuf>,
}

impl Plan {
    pub(crate) fn save(&self, layout: &Layout) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path(layout), text).context("no se pudo guardar el plan del laboratorio")
    }

    /// The same, with these parts and programs as well.
    pub(crate) fn with(mut self, parts: &[Part], binaries: BTreeMap<String, PathBuf>) -> Self {
        let is_planned = |part: &Part| self.parts.contains(part) || parts.contains(part);
        self.parts = Part::START_ORDER.into_iter().filter(is_planned).collect();
        self.binaries.extend(binaries);
        self
    }

    /// The plan of the last `up`, if there was one.
    pub(crate) fn load(layout: &Layout) -> Option<Self> {
        let text = fs::read_to_string(path(layout)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// The numbers of a part's ports, the most telling first.
pub(crate) fn ports_of(ports: &Ports, part: Part) -> Vec<u16> {
    part.ports().iter().map(|port| ports.get(*port)).collect()
}

fn path(layout: &Layout) -> PathBuf {
    layout.run().join("plan.json")
}

/// All that is needed to start any part.
#[derive(Clone)]
pub(crate) struct Stack {
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) plan: Plan,
    pub(crate) changes: Changes,
}

/// How parts are started otherwise than usual, from their next start on. Only
/// the proof changes anything.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<BTreeMap<Part, Change>>>);

/// What is different about one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its way to the broker: a port of this machine.
    pub(crate) amqp_port: Option<u16>,
    /// Further variables of its environment.
    pub(crate) env: Vec<(String, String)>,
    /// A program, with its arguments, that prepares something and then turns
    /// into the part.
    pub(crate) wrapper: Vec<String>,
}

impl Changes {
    pub(crate) fn of(&self, part: Part) -> Change {
        self.lock().get(&part).cloned().unwrap_or_default()
    }

    pub(crate) fn change(&self, part: Part, change: impl FnOnce(&mut Change)) {
        change(self.lock().entry(part).or_default());
    }

    /// Makes a part start as usual again, but for its way to the broker; whether
    /// that is a change.
    pub(crate) fn reset(&self, part: Part) -> bool {
        let mut changes = self.lock();
        let change = changes.entry(part).or_default();
        let usual = Change { amqp_port: change.amqp_port, ..Change::default() };
        std::mem::replace(change, usual.clone()) != usual
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Part, Change>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Stack {
    pub(crate) fn port(&self, port: Port) -> u16 {
        self.plan.ports.get(port)
    }

    /// An address that processes of this machine reach, whatever the bind.
    pub(crate) fn local_url(&self, port: Port) -> String {
        format!("http://127.0.0.1:{}", self.port(port))
    }

    /// What a direct port listens on.
    pub(crate) fn direct(&self, port: Port) -> String {
        format!("{}:{}", self.settings.direct_bind, self.port(port))
    }
}
