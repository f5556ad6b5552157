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
//! - [`ground`], [`guest`]: the laboratory that is measured, and who joins it.
//! - [`measure`]: the measurements.
//! - [`figures`], [`target`], [`goals`]: numbers, ratios, what they should be.
//! - [`machine`], [`results`], [`tables`]: what is told.
//! - [`flow`], [`apart`]: a load as others see it, and its thread.

mod apart;
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
mod processes;
mod raw;
mod results;
mod tables;
mod target;

pub(crate) use results::Results;

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
use measure::Measurement;
use results::Gaps;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use target::Repetitions;

/// The folder of these runs.
const KIND: &str = "bench";

/// Names of all measurements, for `--list`.
pub(crate) fn list() -> String {
    measure::list()
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
    let chosen = measure::choose(&args.only)?;
    let (python, stack) = tokio::select! {
        biased;
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
        prepared = prepare(layout, &chosen, binaries) => prepared?,
    };
    ui::note("… poniendo en marcha un laboratorio aparte");
    ui::hush();
    let machine = Machine::here(&stack.plan);
    let laboratory = Laboratory::start(stack, interrupts).await?;
    let ground = Ground::on(laboratory, size(args), python)?;
    let measured = tokio::select! {
        biased;
        () = interrupts.next() => Ok(None),
        measured = measure_all(&ground, &chosen, args.json) => measured.map(Some),
    };
    let failed = match &measured {
        Ok(Some((_, gaps))) => !gaps.failures.is_empty(),
        Ok(None) => false,
        Err(_) => true,
    };
    if let Some(kept) = ground.stop(failed).await? {
        ui::alert(format!("Los registros quedan en {kept}"));
    }
    let (repetitions, gaps) = measured?.ok_or_else(Failure::interrupted)?;
    Ok(Results::of(machine, &chosen, &repetitions, gaps))
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

fn size(args: &BenchArgs) -> Size {
    let usual = Size {
        repetitions: 3,
        warm_up: Duration::from_secs(1),
        window: Duration::from_secs(4),
        clients: 100_000,
        backlog: if args.full { 1_000_000 } else { 200_000 },
        many_clients: if args.full { 1_000_000 } else { 100_000 },
        rows: if args.full { 10_000_000 } else { 1_000_000 },
        browsers: 50,
    };
    let quick = Size {
        repetitions: 1,
        warm_up: Duration::from_millis(300),
        window: Duration::from_millis(700),
        clients: 500,
        backlog: 20_000,
        many_clients: 20_000,
        rows: 20_000,
        browsers: 5,
    };
    let size = if args.quick { quick } else { usual };
    Size {
        repetitions: args.repetitions.unwrap_or(size.repetitions),
        backlog: args.backlog.unwrap_or(size.backlog),
        ..size
    }
}

/// Everything, again and again; what changes the counts themselves comes last.
async fn measure_all(
    ground: &Ground,
    chosen: &[Measurement],
    quiet: bool,
) -> Result<(Repetitions, Gaps)> {
    let (able, mut gaps) = possible(ground, chosen);
    let (growing, usual): (Vec<_>, Vec<_>) = able.into_iter().partition(|one| one.grows);
    if !usual.is_empty() {
        ground.know_all_clients().await.context("al dar a conocer los clientes")?;
    }
    let mut repetitions = Repetitions::new();
    for together in [usual, growing] {
        repeat(ground, &together, quiet, &mut repetitions, &mut gaps).await?;
    }
    Ok((repetitions, gaps))
}

/// What can be measured here, and what not.
fn possible(ground: &Ground, chosen: &[Measurement]) -> (Vec<Measurement>, Gaps) {
    let mut gaps = Gaps::default();
    let mut able = chosen.to_vec();
    if let Err(why) = &ground.python {
        able.retain(|one| !one.needs_python);
        let skipped = chosen.iter().filter(|one| one.needs_python);
        gaps.skipped = skipped.map(|one| (one.name, why.clone())).collect();
    }
    (able, gaps)
}

/// Every repetition of these measurements.
async fn repeat(
    ground: &Ground,
    together: &[Measurement],
    quiet: bool,
    repetitions: &mut Repetitions,
    gaps: &mut Gaps,
) -> Result<()> {
    for turn in 0..ground.size.repetitions {
        for one in in_turn(together, turn, ground.size.repetitions) {
            let found = measured(ground, &one, gaps).await?;
            if !quiet {
                ui::say(progress(turn, &one, &found));
            }
            repetitions.entry(one.name).or_default().push(found);
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
    format!("{:>2}  {:<14} {:<46} {rate:>10}", turn + 1, one.name, one.what)
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
