//! Stopping parts: politely, then by force, then what they left behind.

use crate::layout::Layout;
use crate::part::Part;
use crate::process::{Ended, Mark, sweep};
use crate::record::{self, Record};
use crate::ui;
use anyhow::{Result, anyhow};
use nix::sys::signal::Signal;

/// Stops every part in order and goes on past one that fails.
pub(crate) async fn all(layout: &Layout) -> Result<()> {
    let mut first_problem = None;
    for part in Part::STOP_ORDER {
        if let Err(error) = one(layout, part).await {
            ui::alert(format!("✗ {}: {error:#}", part.name()));
            first_problem.get_or_insert(error);
        }
    }
    match first_problem {
        Some(error) => Err(anyhow!("no todo se pudo detener: {error:#}")),
        None => Ok(()),
    }
}

/// Stops one part and its helpers; says whether it was running.
pub(crate) async fn one(layout: &Layout, part: Part) -> Result<Ended> {
    let ended = match Record::load(layout, part) {
        Some(record) if record.process.is_alive() => {
            let step = ui::step(&format!("deteniendo {}", part.name()));
            let ended = record.process.end(Signal::SIGTERM, part.stop_limit()).await?;
            tell(step, part, ended);
            ended
        }
        _ => Ended::WasNotRunning,
    };
    sweep(&Mark::new(layout.dir(), part)).await?;
    Ok(ended)
}

fn tell(step: ui::Step, part: Part, ended: Ended) {
    let name = part.name();
    if ended == Ended::Killed {
        let limit = part.stop_limit().as_secs();
        drop(step);
        ui::alert(format!("! {name} no terminó en {limit} s: se terminó a la fuerza"));
    } else {
        step.done(&format!("{name} detenido"));
    }
}

/// Forgets every part: the whole laboratory is down.
pub(crate) fn forget_all(layout: &Layout) -> Result<()> {
    Part::STOP_ORDER.into_iter().try_for_each(|part| record::forget(layout, part))
}
