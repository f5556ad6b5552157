//! `cargo lab bench`: what the laboratory costs, beside what the broker alone can
//! do and beside what classes usually build. In one run, on a laboratory of its
//! own, measurement after measurement and all of them again: what slows the
//! machine down for a while slows all of them, and ratios stay.
//!
//! - [`raw`]: AMQP at next to no cost, the broker's own limit.
//! - [`http`]: requests at next to no cost.
//! - [`classroom`]: Flask, pika and gunicorn.
//! - [`browsers`]: who looks at the panel.
//! - [`processes`]: what each process uses.
//! - [`ground`], [`guest`], [`partitions`]: the laboratory that is measured, who
//!   joins it, and several queues in place of one.
//! - [`audit`]: systems that exchange messages, and the audit between them.
//! - [`measure`]: the measurements.
//! - [`figures`], [`series`], [`target`], [`goals`]: numbers, ratios, what they
//!   should be.
//! - [`machine`], [`notebook`], [`results`], [`tables`], [`plots`]: what is told.
//! - [`flow`], [`apart`]: a load as others see it, and its thread.

pub(crate) mod apart;
mod audit;
mod browsers;
mod classroom;
mod figures;
mod flow;
mod goals;
mod ground;
mod guest;
mod http;
mod machine;
mod measure;
mod notebook;
mod partitions;
mod plots;
mod processes;
pub(crate) mod raw;
mod results;
mod series;
mod tables;
mod target;

pub(crate) use plots::write as write_plots;
pub(crate) use results::{Measurements, Recorded, Results};

use crate::cli::BenchArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::scratch::laboratory::{self, Laboratory};
use crate::signals::Interrupts;
use crate::{scratch, ui};
use anyhow::{Context, Result};
use figures::{Figures, PER_SECOND};
use ground::{Ground, Size};
use machine::Machine;
use measure::{Extent, Measurement};
use notebook::Notebook;
use results::Gaps;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The folder of these runs.
const KIND: &str = "bench";

/// Names of all measurements of such a run, for `--list`.
///
/// # Errors
/// When there is no such measurement.
pub(crate) fn list(args: &BenchArgs) -> Result<String, Failure> {
    Ok(measure::list(&measure::choose(&args.only, extent(args))?))
}

/// Measures.
///
/// # Errors
/// When the laboratory does not start, or the user interrupts; what could not be
/// measured is in the results.
pub(crate) async fn run(
    layout: &Layout,
    args: &BenchArgs,
    binaries: BTreeMap<String, PathBuf>,
    interrupts: &mut Interrupts,
) -> Result<Results> {
    let chosen = measure::choose(&args.only, extent(args))?;
    let (python, stack) = tokio::select! {
        biased;
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
        prepared = prepare(layout, &chosen, binaries) => prepared?,
    };
    ui::note("… poniendo en marcha un laboratorio aparte");
    ui::hush();
    let machine = Machine::here(&stack.plan);
    let mut notebook = Notebook::new(machine, chosen, output(layout, args));
    let laboratory = Laboratory::start(stack, interrupts).await?;
    let ground = Ground::on(laboratory, size(args), python)?;
    let measured = tokio::select! {
        biased;
        () = interrupts.next() => Ok(None),
        measured = measure_all(&ground, &mut notebook, args.json) => measured.map(Some),
    };
    let failed = match &measured {
        Ok(Some(())) => !notebook.gaps.failures.is_empty(),
        Ok(None) => false,
        Err(_) => true,
    };
    if let Some(kept) = ground.stop(failed).await? {
        ui::alert(format!("Los registros quedan en {kept}"));
    }
    if let Ok(Some(())) = measured {
        return notebook.finish();
    }
    if let Some(file) = notebook.left() {
        ui::alert(format!("Lo medido hasta aquí: {}", file.display()));
    }
    Err(measured.err().unwrap_or_else(|| Failure::interrupted().into()))
}

/// Where a run is written down.
pub(crate) fn output(layout: &Layout, args: &BenchArgs) -> PathBuf {
    args.output.clone().unwrap_or_else(|| layout.dir().join("bench.json"))
}

/// What has to be there first: nothing left of before, and the classroom's stack
/// where it is wanted and can be had.
async fn prepare(
    layout: &Layout,
    chosen: &[Measurement],
    binaries: BTreeMap<String, PathBuf>,
) -> Result<(Result<PathBuf, String>, crate::plan::Stack)> {
    for run in scratch::abandoned(layout, KIND) {
        guest::end_all(&run).await?;
    }
    laboratory::remove_remains(layout, KIND).await?;
    let python = if chosen.iter().any(|one| one.needs_python) {
        classroom::ensure(layout).await.map_err(|error| format!("{error:#}"))
    } else {
        Err("no hace falta".to_owned())
    };
    Ok((python, laboratory::stack(layout, KIND, binaries).await?))
}

fn extent(args: &BenchArgs) -> Extent {
    if args.quick {
        Extent::Quick
    } else if args.full {
        Extent::Full
    } else {
        Extent::Usual
    }
}

fn size(args: &BenchArgs) -> Size {
    let usual = Size {
        repetitions: 3,
        warm_up: Duration::from_secs(1),
        window: Duration::from_secs(4),
        clients: 100_000,
        backlog: if args.full { 1_000_000 } else { 200_000 },
        growth: 200_000,
        browsers: 50,
        messages: 50_000,
        kept: 5_000_000,
        timed: Duration::from_secs(20),
    };
    let quick = Size {
        repetitions: 1,
        warm_up: Duration::from_millis(300),
        window: Duration::from_millis(700),
        clients: 500,
        backlog: 20_000,
        growth: 20_000,
        browsers: 5,
        messages: 5_000,
        kept: 5_000,
        timed: Duration::from_secs(3),
    };
    let size = if args.quick { quick } else { usual };
    Size {
        repetitions: args.repetitions.unwrap_or(size.repetitions),
        backlog: args.backlog.unwrap_or(size.backlog),
        growth: args.backlog.unwrap_or(size.growth),
        kept: args.backlog.unwrap_or(size.kept),
        ..size
    }
}

/// Everything, again and again; what changes the counts themselves comes last.
async fn measure_all(ground: &Ground, notebook: &mut Notebook, quiet: bool) -> Result<()> {
    let able = possible(ground, notebook);
    let (growing, usual): (Vec<_>, Vec<_>) = able.into_iter().partition(|one| one.grows);
    if !usual.is_empty() {
        ground.know_all_clients().await.context("al dar a conocer los clientes")?;
    }
    for together in [usual, growing] {
        repeat(ground, &together, quiet, notebook).await?;
    }
    Ok(())
}

/// What can be measured here; what cannot is noted down.
fn possible(ground: &Ground, notebook: &mut Notebook) -> Vec<Measurement> {
    let mut able = notebook.chosen().to_vec();
    if let Err(why) = &ground.python {
        let skipped = able.extract_if(.., |one| one.needs_python);
        notebook.gaps.skipped = skipped.map(|one| (one.name, why.clone())).collect();
    }
    able
}

/// Every repetition of these measurements.
async fn repeat(
    ground: &Ground,
    together: &[Measurement],
    quiet: bool,
    notebook: &mut Notebook,
) -> Result<()> {
    for turn in 0..ground.size.repetitions {
        for one in in_turn(together, turn, ground.size.repetitions) {
            let found = measured(ground, &one, &mut notebook.gaps).await?;
            if !quiet {
                ui::say(progress(turn, &one, &found));
            }
            notebook.note(&one, found)?;
        }
    }
    Ok(())
}

/// What fails is told in the end; the rest is still measured.
async fn measured(ground: &Ground, one: &Measurement, gaps: &mut Gaps) -> Result<Figures> {
    ground.settle().await?;
    match (one.measure)(ground).await {
        Ok(figures) => Ok(figures),
        Err(error) => {
            gaps.failures.push(format!("{}: {error:#}", one.name));
            ground.recover().await?;
            Ok(Figures::default())
        }
    }
}

/// The measurements, begun at another place in each repetition.
fn in_turn(chosen: &[Measurement], turn: usize, repetitions: usize) -> Vec<Measurement> {
    let mut order = chosen.to_vec();
    if !order.is_empty() {
        order.rotate_left(turn * chosen.len() / repetitions.max(1) % chosen.len());
    }
    order
}

fn progress(turn: usize, one: &Measurement, found: &Figures) -> String {
    let rate = found.get(PER_SECOND).map_or("falló".to_owned(), |rate| format!("{rate:.0}/s"));
    format!("{:>2}  {:<17} {:<46} {rate:>10}", turn + 1, one.name, one.what)
}

#[cfg(test)]
mod tests {
    use super::{in_turn, measure};
    use std::collections::BTreeSet;

    #[test]
    fn each_repetition_begins_elsewhere_and_leaves_nothing_out() {
        let firsts: BTreeSet<_> = (0..3)
            .map(|turn| {
                let order = in_turn(&measure::ALL, turn, 3);
                let names: BTreeSet<_> = order.iter().map(|one| one.name).collect();
                assert_eq!(names.len(), measure::ALL.len());
                order[0].name
            })
            .collect();
        assert_eq!(firsts.len(), 3);
        assert!(in_turn(&[], 0, 3).is_empty());
    }
}
