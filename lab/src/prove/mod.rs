//! The proof: a whole laboratory is broken in every way there is, under load,
//! and what was confirmed is compared with what was counted.
//!
//! - [`scenario`]: the list of faults.
//! - [`processes`], [`broker`], [`lines`], [`poison`], [`storage`], [`edges`]:
//!   the faults themselves.
//! - [`mistakes`]: deliberate errors that the checker must see.
//! - [`world`]: the laboratory that is broken, and what breaks it.
//! - [`traffic`]: the load meanwhile.
//! - [`outcome`]: what was found, and the table.

mod broker;
mod edges;
mod lines;
mod mistakes;
mod outcome;
mod poison;
mod processes;
mod scenario;
mod storage;
mod traffic;
mod wait;
mod world;

use crate::cli::ProveArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::signals::Interrupts;
use crate::{tools, ui};
use anyhow::Result;
use outcome::Outcome;
use scenario::Named;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use world::{Size, World};

/// A row of the table, as JSON.
#[derive(Serialize)]
struct Row<'a> {
    scenario: &'a str,
    ok: bool,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Names of all scenarios, for `--list`.
pub(crate) fn list() -> String {
    scenario::list()
}

/// Proves; whether all held.
pub(crate) async fn run(
    layout: &Layout,
    args: &ProveArgs,
    interrupts: &mut Interrupts,
) -> Result<bool> {
    let chosen = scenario::choose(&args.scenarios)?;
    let binaries = tokio::select! {
        binaries = prepare(layout, args, &chosen) => binaries?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    ui::note("… poniendo en marcha un laboratorio aparte");
    ui::hush();
    let size = if args.short || args.mistakes { Size::Short } else { Size::Full };
    let world = World::start(layout, size, binaries, interrupts).await?;
    let proved = tokio::select! {
        proved = prove(&world, &chosen, args) => proved.map(Some),
        () = interrupts.next() => Ok(None),
    };
    let failed = !matches!(proved, Ok(Some(true) | None));
    if failed {
        ui::alert(format!("Los registros quedan en {}", world.logs().display()));
    }
    world.stop(failed).await?;
    Ok(proved?.ok_or_else(Failure::interrupted)?)
}

/// What has to be there first: nothing left of before, packages, binaries.
async fn prepare(
    layout: &Layout,
    args: &ProveArgs,
    chosen: &[Named],
) -> Result<BTreeMap<String, PathBuf>> {
    world::remove_remains(layout).await?;
    get_faketime(chosen).await;
    match &args.binaries {
        Some(folder) => world::binaries_in(folder),
        None if args.mistakes => tools::cargo::build_mistaken_services(layout.root()).await,
        None => tools::cargo::build_services(layout.root()).await,
    }
}

/// Only one scenario needs it, and says so where it cannot be had.
async fn get_faketime(chosen: &[Named]) {
    let wanted = chosen.iter().any(|(name, ..)| *name == "reloj");
    if wanted && edges::faketime().is_none() {
        let installed = tools::apt::install(&["libfaketime"], "el escenario «reloj»").await;
        if let Err(error) = installed {
            ui::note(format!("• {error:#}"));
        }
    }
}

async fn prove(world: &World, chosen: &[Named], args: &ProveArgs) -> Result<bool> {
    let began = Instant::now();
    if !args.json {
        ui::say(outcome::heading());
    }
    let rows = if args.mistakes {
        make_mistakes(world, args.json).await?
    } else {
        run_scenarios(world, chosen, args.json).await?
    };
    let held = rows.iter().all(|row| row.ok);
    if args.json {
        ui::say(serde_json::to_string_pretty(&rows)?);
    } else {
        ui::say(conclusion(&rows, args.mistakes, began.elapsed()));
    }
    Ok(held)
}

/// A scenario that cannot be carried out to its end is a failure like any
/// other; the next one still runs.
async fn run_scenarios(world: &World, chosen: &[Named], quiet: bool) -> Result<Vec<Row<'static>>> {
    let mut rows = Vec::new();
    for (name, _, scenario) in chosen {
        let outcome = carried_out(world, scenario(world).await).await?;
        show(name, &outcome, quiet);
        rows.push(Row { scenario: name, ok: outcome.is_ok(), outcome });
    }
    Ok(rows)
}

/// Each mistake must be seen as what it is: anything else is the failure here.
async fn make_mistakes(world: &World, quiet: bool) -> Result<Vec<Row<'static>>> {
    let mut rows = Vec::new();
    for mistake in &mistakes::ALL {
        let outcome = carried_out(world, mistake.make(world).await).await?;
        show(mistake.name, &outcome, quiet);
        rows.push(Row { scenario: mistake.name, ok: mistake.shows(&outcome.verdict), outcome });
    }
    Ok(rows)
}

/// What a scenario found, or why it could not go on; and all is whole again.
async fn carried_out(world: &World, found: Result<Outcome>) -> Result<Outcome> {
    let outcome =
        found.unwrap_or_else(|error| Outcome::default().check(false, format!("{error:#}")));
    match world.whole().await {
        Ok(()) => Ok(outcome),
        Err(error) => {
            ui::alert(format!("{outcome:?}"));
            Err(error.context("el laboratorio no volvió a estar como antes"))
        }
    }
}

fn show(name: &str, outcome: &Outcome, quiet: bool) {
    if !quiet {
        ui::say(outcome::row(name, outcome));
    }
}

fn conclusion(rows: &[Row], mistakes: bool, took: Duration) -> String {
    let held = rows.iter().all(|row| row.ok);
    let sentence = match (held, mistakes) {
        (true, false) => "✓ nada se perdió y nada se contó dos veces",
        (false, false) => "✗ algo falló: está arriba",
        (true, true) => "✓ cada error a propósito dejó el veredicto en rojo",
        (false, true) => "✗ un error a propósito pasó sin que se notara",
    };
    let skipped = rows.iter().filter(|row| row.outcome.skipped.is_some()).count();
    let skipped = if skipped > 0 { format!(", {skipped} omitidos") } else { String::new() };
    format!("\n{sentence} ({:.0} s{skipped})", took.as_secs_f64())
}
