//! The proof: a whole laboratory is broken in every way there is, under load,
//! and what was confirmed is compared with what was counted.
//!
//! - [`scenario`]: the list of faults.
//! - [`processes`], [`broker`], [`lines`], [`poison`], [`storage`], [`edges`]:
//!   the faults themselves; [`engine`]: those that only containers have.
//! - [`audit`]: those of the audit proxy, with a load and a comparison of its own.
//! - [`mistakes`]: deliberate errors that the checker must see.
//! - [`world`]: the laboratory that is broken, and what breaks it.
//! - [`traffic`]: the load meanwhile.
//! - [`outcome`]: what was found, and the table.

mod audit;
mod broker;
mod edges;
mod engine;
mod lines;
mod mistakes;
mod outcome;
mod poison;
mod processes;
mod scenario;
mod storage;
mod traffic;
pub(crate) mod wait;
mod world;

use crate::cli::ProveArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::scratch::laboratory;
use crate::signals::Interrupts;
use crate::{compose, images, tools, ui};
use anyhow::Result;
use outcome::Outcome;
use scenario::Named;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use world::containers::{self, Profile};
use world::{Size, World, native};

/// A row of the table, as JSON.
#[derive(Serialize)]
struct Row<'a> {
    scenario: &'a str,
    ok: bool,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Names of all scenarios, for `--list`.
pub(crate) fn list(compose: bool) -> String {
    scenario::list(compose)
}

/// Proves; whether all held.
pub(crate) async fn run(
    layout: &Layout,
    args: &ProveArgs,
    interrupts: &mut Interrupts,
) -> Result<bool> {
    let chosen = scenario::choose(&args.scenarios, args.compose)?;
    let began = Instant::now();
    let size = if args.short || args.mistakes { Size::Short } else { Size::Full };
    let rows = if args.compose {
        in_containers(layout, &chosen, args, size, interrupts).await?
    } else {
        natively(layout, &chosen, args, size, interrupts).await?
    };
    if args.json {
        ui::say(serde_json::to_string_pretty(&rows)?);
    } else {
        ui::say(conclusion(&rows, args.mistakes, began.elapsed()));
    }
    Ok(rows.iter().all(|row| row.ok))
}

async fn natively(
    layout: &Layout,
    chosen: &[Named],
    args: &ProveArgs,
    size: Size,
    interrupts: &mut Interrupts,
) -> Result<Vec<Row<'static>>> {
    let binaries = tokio::select! {
        binaries = prepare(layout, args, chosen) => binaries?,
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
    };
    begin("… poniendo en marcha un laboratorio aparte", args);
    let world = native::start(layout, size, binaries, interrupts).await?;
    on(world, chosen, args, interrupts).await
}

/// One laboratory after another, each of another profile.
async fn in_containers(
    layout: &Layout,
    chosen: &[Named],
    args: &ProveArgs,
    size: Size,
    interrupts: &mut Interrupts,
) -> Result<Vec<Row<'static>>> {
    ui::note("… construyendo las imágenes (docker compose build)");
    tokio::select! {
        // First: where both happen, the one is why the other failed.
        biased;
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
        prepared = prepare_containers(layout) => prepared?,
    }
    begin("… poniendo en marcha otro laboratorio en contenedores", args);
    let mut rows = Vec::new();
    for profile in [Profile::Basico, Profile::Cluster] {
        let of_it: Vec<Named> =
            chosen.iter().filter(|named| named.is_of(profile)).copied().collect();
        if !of_it.is_empty() {
            let world = containers::start(layout, profile, size, interrupts).await?;
            rows.extend(on(world, &of_it, args, interrupts).await?);
        }
    }
    Ok(rows)
}

fn begin(note: &str, args: &ProveArgs) {
    ui::note(note);
    ui::hush();
    if !args.json {
        ui::say(outcome::heading());
    }
}

/// Breaks one laboratory, and ends it.
async fn on(
    world: World,
    chosen: &[Named],
    args: &ProveArgs,
    interrupts: &mut Interrupts,
) -> Result<Vec<Row<'static>>> {
    let proved = tokio::select! {
        biased;
        () = interrupts.next() => Ok(None),
        proved = prove(&world, chosen, args) => proved.map(Some),
    };
    let failed = match &proved {
        Ok(Some(rows)) => rows.iter().any(|row| !row.ok),
        Ok(None) => false,
        Err(_) => true,
    };
    if let Some(kept) = world.stop(failed).await? {
        ui::alert(format!("Los registros quedan en {kept}"));
    }
    Ok(proved?.ok_or_else(Failure::interrupted)?)
}

async fn prepare_containers(layout: &Layout) -> Result<()> {
    tools::engine::answers().await?;
    images::plugins::ensure_compose(layout).await?;
    containers::remove_remains(layout).await?;
    images::tell_stand_ins().await?;
    compose::build(layout).await
}

/// What has to be there first: nothing left of before, packages, binaries.
async fn prepare(
    layout: &Layout,
    args: &ProveArgs,
    chosen: &[Named],
) -> Result<BTreeMap<String, PathBuf>> {
    native::remove_remains(layout).await?;
    get_faketime(chosen).await;
    match &args.binaries {
        Some(folder) => laboratory::binaries_in(folder),
        None if args.mistakes => {
            tools::cargo::build_mistaken_services(layout.root(), &laboratory::PARTS).await
        }
        None => tools::cargo::build_services(layout.root(), &laboratory::PARTS).await,
    }
}

/// Only one scenario needs it, and says so where it cannot be had.
async fn get_faketime(chosen: &[Named]) {
    let wanted = chosen.iter().any(|named| named.name == "reloj");
    if wanted && edges::faketime().is_none() {
        let installed = tools::apt::install(&["libfaketime"], "el escenario «reloj»").await;
        if let Err(error) = installed {
            ui::note(format!("• {error:#}"));
        }
    }
}

async fn prove(world: &World, chosen: &[Named], args: &ProveArgs) -> Result<Vec<Row<'static>>> {
    if args.mistakes {
        make_mistakes(world, args.json).await
    } else {
        run_scenarios(world, chosen, args.json).await
    }
}

/// A scenario that cannot be carried out to its end is a failure like any
/// other; the next one still runs.
async fn run_scenarios(world: &World, chosen: &[Named], quiet: bool) -> Result<Vec<Row<'static>>> {
    let mut rows = Vec::new();
    for Named { name, scenario, .. } in chosen {
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
    let outcome = world.with_restarts(outcome).await?;
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
