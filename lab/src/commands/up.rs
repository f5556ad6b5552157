//! `up`: gets what is missing, builds, checks the ports, starts what was asked for, and
//! stays with it, here or in the background. To a laboratory that runs, it adds.

use super::{control, watch};
use crate::failure::Failure;
use crate::first_password;
use crate::layout::Layout;
use crate::limits;
use crate::lock::{self, Lock};
use crate::parts::services;
use crate::plan::{Changes, Plan, Stack};
use crate::record::Watcher;
use crate::settings::{Port, Ports, Settings};
use crate::signals::Interrupts;
use crate::supervisor::stop;
use crate::tools;
use crate::ui::{self, table};
use crate::{part::Part, ports, record::Record};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// The longest that somebody else's `up` is waited for: its first build takes minutes.
const OTHER_START: Duration = Duration::from_mins(30);
const POLL: Duration = Duration::from_millis(100);

pub(crate) async fn run(layout: &Layout, parts: &[Part], detach: bool) -> Result<u8> {
    let settings = Settings::load(&layout.dotenv())?;
    layout.create()?;
    let Some((command, supervision)) = claim(layout).await? else {
        return add_missing(layout, settings, parts).await;
    };
    let mut interrupts = Interrupts::listen()?;
    Watcher::announce(layout, false)?;
    let stack = tokio::select! {
        stack = prepare(layout, settings, parts) => stack,
        () = interrupts.next() => Err(Failure::interrupted().into()),
    };
    let result = match stack {
        Ok(stack) if detach => watch::in_background(&stack, supervision, &mut interrupts).await,
        Ok(stack) => foreground(stack, command, supervision, &mut interrupts).await,
        Err(error) => Err(error),
    };
    Watcher::withdraw(layout)?;
    result.map(|()| 0)
}

/// The right to start the laboratory; none once it is up. Whoever is starting it holds
/// the first lock until it is up or has failed: then it is for us to try.
async fn claim(layout: &Layout) -> Result<Option<(Lock, Lock)>> {
    loop {
        let command = lock::command_within(layout, OTHER_START).await?;
        let command = command.context("otra orden de cargo lab sigue trabajando")?;
        if let Some(supervision) = lock::try_supervisor(layout)? {
            return Ok(Some((command, supervision)));
        }
        drop(command);
        if Watcher::living(layout).is_some_and(|watcher| watcher.ready) {
            return Ok(None);
        }
        sleep(POLL).await;
    }
}

async fn foreground(
    stack: Stack,
    command: Lock,
    supervision: Lock,
    interrupts: &mut Interrupts,
) -> Result<()> {
    let plan = stack.plan.clone();
    let ready = || {
        // From here on `stop`, `start` and `restart` may act.
        drop(command);
        welcome(&plan);
        ui::say("Ctrl-C detiene todo. En otra terminal: cargo lab status");
        Ok(())
    };
    watch::supervise(stack, &supervision, interrupts, ready).await
}

/// The table, after everything has become ready.
pub(crate) fn welcome(plan: &Plan) {
    ui::say("\nEl laboratorio está en marcha.");
    ui::say(table::welcome(&plan.ports, &plan.parts));
}

/// A second `up` is no error: what was asked for is so, once it is.
async fn add_missing(layout: &Layout, mut settings: Settings, wanted: &[Part]) -> Result<u8> {
    let plan = running_plan(layout)?;
    // What was stopped on purpose has a record, and stays so.
    let was_never_started = |part: &&Part| Record::load(layout, **part).is_none();
    let missing: Vec<Part> = wanted.iter().filter(was_never_started).copied().collect();
    if missing.is_empty() {
        ui::say("el laboratorio ya está en marcha");
        ui::say(table::welcome(&plan.ports, &plan.parts));
        return Ok(0);
    }
    settings.ports = plan.ports;
    services::check_databases(layout.root(), &settings)?;
    ports::choose(&settings, &missing, ports::probe)?;
    let built = build(layout, &missing).await?;
    // Not before: what runs can be stopped and started while others are built.
    let _command = lock::command(layout).await?;
    let plan = running_plan(layout)?.with(&missing, built);
    plan.save(layout)?;
    tell_first_password(layout, &settings, &missing)?;
    launch_beside(layout, &missing).await?;
    welcome(&plan);
    Ok(0)
}

fn running_plan(layout: &Layout) -> Result<Plan> {
    Plan::load(layout).context("falta el plan del laboratorio")
}

/// Starts parts beside those that run; the panel again, which is told at its start of which
/// labs there are pages.
async fn launch_beside(layout: &Layout, missing: &[Part]) -> Result<()> {
    for part in missing {
        control::launch(layout, *part).await?;
    }
    control::halt(layout, Part::Panel).await?;
    control::launch(layout, Part::Panel).await?;
    Ok(())
}

async fn build(layout: &Layout, parts: &[Part]) -> Result<BTreeMap<String, PathBuf>> {
    ui::note("… construyendo los servicios (la primera vez tarda minutos)");
    let built = tools::cargo::build_services(layout.root(), parts).await?;
    ui::note("✓ servicios construidos");
    Ok(built)
}

/// Everything that comes before the first part is started.
async fn prepare(layout: &Layout, settings: Settings, wanted: &[Part]) -> Result<Stack> {
    limits::raise()?;
    services::check_databases(layout.root(), &settings)?;
    stop_remains(layout).await?;
    // Asked first, since what follows may take minutes, and again at the end.
    ports::choose(&settings, wanted, ports::probe)?;
    let rabbitmq = tools::rabbitmq::ensure().await?;
    let traefik = tools::traefik::ensure(layout).await?;
    let binaries = build(layout, wanted).await?;
    let ports = ports::choose(&settings, wanted, ports::probe)?;
    tell_other_door(&settings.ports, &ports);
    let plan = Plan { ports, parts: wanted.to_vec(), rabbitmq, traefik, binaries };
    plan.save(layout)?;
    tell_first_password(layout, &settings, wanted)?;
    Ok(Stack { layout: layout.clone(), settings, plan, changes: Changes::default() })
}

/// Parts whose supervisor was killed still run, and nobody would restart them.
async fn stop_remains(layout: &Layout) -> Result<()> {
    let alive =
        |part: &Part| Record::load(layout, *part).is_some_and(|record| record.process.is_alive());
    if Part::START_ORDER.iter().any(alive) {
        ui::note("• quedaban servicios de una ejecución anterior; los detengo primero");
    }
    stop::all(layout).await.context("quedaba algo de una ejecución anterior")?;
    stop::forget_all(layout)
}

/// Once, when it is made.
fn tell_first_password(layout: &Layout, settings: &Settings, parts: &[Part]) -> Result<()> {
    if parts.contains(&Part::Audit) && !first_password::path(layout).exists() {
        let password = first_password::of(layout, settings)?;
        let account = first_password::ACCOUNT;
        ui::note(format!("• la auditoría tiene una primera cuenta: {account}, clave {password}"));
    }
    Ok(())
}

fn tell_other_door(wanted: &Ports, chosen: &Ports) {
    let (wanted, chosen) = (wanted.get(Port::Http), chosen.get(Port::Http));
    if wanted != chosen {
        ui::note(format!(
            "• este usuario no puede abrir el puerto {wanted}: la puerta queda en {chosen}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::claim;
    use crate::layout::Layout;
    use crate::lock;
    use crate::record::Watcher;
    use std::time::Duration;
    use tokio::time::timeout;

    /// A moment in which a second `up` that did not wait would have ended.
    const MOMENT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn a_second_up_waits_until_the_first_is_up_and_then_it_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::find().unwrap().with_dir(folder.path().join("lab"));
        let (command, _supervision) = claim(&layout).await.unwrap().expect("nobody else");
        Watcher::announce(&layout, false).unwrap();
        let second = claim(&layout);
        tokio::pin!(second);
        assert!(timeout(MOMENT, &mut second).await.is_err(), "it waits");
        Watcher::announce(&layout, true).unwrap();
        drop(command);
        assert!(second.await.unwrap().is_none(), "it is up");
    }

    #[tokio::test]
    async fn where_the_first_fails_the_second_tries() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::find().unwrap().with_dir(folder.path().join("lab"));
        let first = claim(&layout).await.unwrap().expect("nobody else");
        Watcher::announce(&layout, false).unwrap();
        let second = claim(&layout);
        tokio::pin!(second);
        assert!(timeout(MOMENT, &mut second).await.is_err(), "it waits");
        Watcher::withdraw(&layout).unwrap();
        drop(first);
        assert!(second.await.unwrap().is_some(), "it may start");
    }

    /// A supervisor that is alone with its lock, as between `up --detach` and its child, is
    /// neither up nor gone.
    #[tokio::test]
    async fn a_supervisor_that_is_not_ready_is_waited_for_without_the_first_lock_too() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::find().unwrap().with_dir(folder.path().join("lab"));
        let supervision = lock::try_supervisor(&layout).unwrap().expect("free");
        let second = claim(&layout);
        tokio::pin!(second);
        assert!(timeout(MOMENT, &mut second).await.is_err(), "it waits");
        drop(supervision);
        assert!(second.await.unwrap().is_some(), "it may start");
    }
}
