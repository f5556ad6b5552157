//! `stop`, `start`, `restart`: what a class does to a running part.

use crate::failure::Failure;
use crate::layout::Layout;
use crate::lock;
use crate::part::Part;
use crate::parts::readiness::Prober;
use crate::plan::Plan;
use crate::process::{Ended, ProcessId};
use crate::record::{self, Record, Request, Watcher};
use crate::running::Administrator;
use crate::supervisor::{stop as stopping, with_log};
use crate::ui;
use anyhow::{Context, Result, bail};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(100);

/// Stops a part and keeps it stopped.
pub(crate) async fn stop(layout: &Layout, part: Part) -> Result<u8> {
    let _command = lock::command(layout).await?;
    supervised(layout)?;
    if halt(layout, part).await? == Ended::WasNotRunning {
        ui::say(format!("{} ya estaba detenido", part.name()));
    }
    Ok(0)
}

/// Starts a part that was stopped or has died.
pub(crate) async fn start(layout: &Layout, part: Part) -> Result<u8> {
    let _command = lock::command(layout).await?;
    supervised(layout)?;
    planned(layout, part)?;
    if living(layout, part).is_some() {
        ui::say(format!("{} ya está en marcha", part.name()));
        return Ok(0);
    }
    launch(layout, part).await
}

/// Stops a part and starts it again.
pub(crate) async fn restart(layout: &Layout, part: Part) -> Result<u8> {
    let _command = lock::command(layout).await?;
    supervised(layout)?;
    planned(layout, part)?;
    halt(layout, part).await?;
    launch(layout, part).await
}

/// That its lab is among those that run.
fn planned(layout: &Layout, part: Part) -> Result<(), Failure> {
    match Plan::load(layout) {
        Some(plan) if !plan.parts.contains(&part) => {
            let name = part.name();
            Err(Failure::usage(format!(
                "{name} no se puso en marcha; se añade con: cargo lab up todo"
            )))
        }
        _ => Ok(()),
    }
}

fn supervised(layout: &Layout) -> Result<(), Failure> {
    match Watcher::living(layout) {
        Some(_) => Ok(()),
        None => Err(Failure::not_up(layout)),
    }
}

/// Stops a part. The request comes first: the supervisor must not take the end for a crash.
pub(crate) async fn halt(layout: &Layout, part: Part) -> Result<Ended> {
    record::withdraw(layout, part, Request::Start)?;
    record::request(layout, part, Request::Stop)?;
    stopping::one(layout, part).await
}

/// Starts a part that does not run, and waits until it is ready.
pub(crate) async fn launch(layout: &Layout, part: Part) -> Result<u8> {
    let before = Record::load(layout, part).map(|record| record.process);
    // In this order one of the two always stands: the supervisor must not take
    // the end of a restarted part for a crash.
    record::request(layout, part, Request::Start)?;
    record::withdraw(layout, part, Request::Stop)?;
    let step = ui::step(&format!("poniendo en marcha {}", part.name()));
    wait_until_ready(layout, part, before.as_ref()).await?;
    step.done(&format!("{} listo", part.name()));
    Ok(0)
}

/// Waits for a process other than the one before, and until it is ready.
async fn wait_until_ready(layout: &Layout, part: Part, before: Option<&ProcessId>) -> Result<()> {
    let plan = Plan::load(layout).context("falta el plan del laboratorio")?;
    let prober = Prober::new(Administrator::guest())?;
    let deadline = Instant::now() + part.start_limit();
    loop {
        let record = Record::load(layout, part).filter(|record| Some(&record.process) != before);
        match record {
            Some(Record { ended: Some(how), .. }) => {
                let sentence = format!("{} terminó al empezar ({how})", part.name());
                bail!(with_log(layout, part, &sentence));
            }
            Some(_) if prober.is_ready(&plan.ports, part).await => return Ok(()),
            _ => {}
        }
        supervised(layout)?;
        if Instant::now() >= deadline {
            let limit = part.start_limit().as_secs();
            let sentence = format!("{} no está listo tras {limit} s", part.name());
            bail!(with_log(layout, part, &sentence));
        }
        sleep(POLL).await;
    }
}

pub(crate) fn living(layout: &Layout, part: Part) -> Option<Record> {
    Record::load(layout, part).filter(|record| record.process.is_alive())
}
