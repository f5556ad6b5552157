//! `up`: gets what is missing, builds, checks the ports, starts everything, and
//! stays with it, here or in the background.

use super::watch;
use crate::failure::Failure;
use crate::first_password;
use crate::layout::Layout;
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

pub(crate) async fn run(layout: &Layout, detach: bool) -> Result<u8> {
    let settings = Settings::load(&layout.dotenv())?;
    layout.create()?;
    let Some(supervision) = lock::try_supervisor(layout)? else {
        return Ok(already_up(layout, &settings));
    };
    let mut interrupts = Interrupts::listen()?;
    let command = lock::command(layout).await?;
    Watcher::announce(layout, false)?;
    let stack = tokio::select! {
        stack = prepare(layout, settings) => stack,
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

async fn foreground(
    stack: Stack,
    command: Lock,
    supervision: Lock,
    interrupts: &mut Interrupts,
) -> Result<()> {
    let ports = stack.plan.ports.clone();
    let ready = || {
        // From here on `stop`, `start` and `restart` may act.
        drop(command);
        welcome(&ports);
        ui::say("Ctrl-C detiene todo. En otra terminal: cargo lab status");
        Ok(())
    };
    watch::supervise(stack, &supervision, interrupts, ready).await
}

/// The table, after everything has become ready.
pub(crate) fn welcome(ports: &Ports) {
    ui::say("\nEl laboratorio está en marcha.");
    ui::say(table::welcome(ports));
}

/// A second `up` is no error: what was asked for is so.
fn already_up(layout: &Layout, settings: &Settings) -> u8 {
    if Watcher::living(layout).is_some_and(|watcher| !watcher.ready) {
        ui::say("el laboratorio ya se está poniendo en marcha en otra terminal");
        return 0;
    }
    ui::say("el laboratorio ya está en marcha");
    let plan = Plan::load(layout);
    let ports = plan.map_or_else(|| settings.ports.clone(), |plan| plan.ports);
    ui::say(table::welcome(&ports));
    0
}

/// Everything that comes before the first part is started.
async fn prepare(layout: &Layout, settings: Settings) -> Result<Stack> {
    services::check_databases(layout.root(), &settings)?;
    stop_remains(layout).await?;
    // Asked first, since what follows may take minutes, and again at the end.
    ports::choose(&settings, ports::probe)?;
    let rabbitmq = tools::rabbitmq::ensure().await?;
    let traefik = tools::traefik::ensure(layout).await?;
    ui::note("… construyendo los servicios (cargo build --release)");
    let binaries = tools::cargo::build_services(layout.root(), &Part::START_ORDER).await?;
    ui::note("✓ servicios construidos");
    let ports = ports::choose(&settings, ports::probe)?;
    tell_other_door(&settings.ports, &ports);
    let plan = Plan { ports, rabbitmq, traefik, binaries };
    plan.save(layout)?;
    tell_first_password(layout, &settings)?;
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
fn tell_first_password(layout: &Layout, settings: &Settings) -> Result<()> {
    if !first_password::path(layout).exists() {
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
