//! `down`: asks the supervisor to stop everything, or does it itself where the
//! supervisor is gone.

use crate::layout::Layout;
use crate::lock;
use crate::part::Part;
use crate::process::ProcessId;
use crate::record::{Record, Watcher};
use crate::supervisor::stop;
use crate::ui;
use anyhow::{Result, bail};
use nix::sys::signal::Signal;
use std::time::Duration;

/// A supervisor with nothing left to stop ends within this time.
const SLACK: Duration = Duration::from_secs(10);

pub(crate) async fn run(layout: &Layout) -> Result<u8> {
    let watcher = Watcher::living(layout);
    let was_up = watcher.is_some() || is_anything_alive(layout);
    if let Some(watcher) = watcher {
        ask(layout, &watcher.process).await?;
    }
    let Some(_supervision) = lock::supervisor_within(layout, SLACK).await? else {
        bail!("otro proceso sigue a cargo del laboratorio; repite la orden");
    };
    let _command = lock::command(layout).await?;
    stop::all(layout).await?;
    stop::forget_all(layout)?;
    ui::say(if was_up {
        "El laboratorio está detenido; los datos se conservan."
    } else {
        "El laboratorio no estaba en marcha."
    });
    Ok(0)
}

/// Has the supervisor stop everything and shows how far it is. One that does
/// not come to an end is ended, and the parts are left to us.
async fn ask(layout: &Layout, supervisor: &ProcessId) -> Result<()> {
    supervisor.signal(Signal::SIGTERM)?;
    for part in Part::STOP_ORDER {
        let Some(record) = Record::load(layout, part) else {
            continue;
        };
        if !record.process.is_alive() {
            continue;
        }
        let step = ui::step(&format!("deteniendo {}", part.name()));
        if record.process.gone_within(part.stop_limit() + SLACK).await {
            step.done(&format!("{} detenido", part.name()));
        }
    }
    supervisor.end(Signal::SIGTERM, SLACK).await?;
    Ok(())
}

fn is_anything_alive(layout: &Layout) -> bool {
    Part::START_ORDER
        .iter()
        .any(|part| Record::load(layout, *part).is_some_and(|record| record.process.is_alive()))
}
