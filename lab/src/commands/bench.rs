//! `bench`: measures a laboratory of its own, prints what was found and writes it
//! down.

use crate::bench::{self, Measurements, Recorded};
use crate::cli::BenchArgs;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::scratch::laboratory;
use crate::signals::Interrupts;
use crate::tools;
use crate::ui;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) async fn run(layout: &Layout, args: &BenchArgs) -> Result<u8> {
    if args.list {
        ui::say(bench::list(args)?);
        return Ok(0);
    }
    if let (Some(file), Some(folder)) = (&args.plot_from, &args.plots) {
        return draw_recorded(file, folder);
    }
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    let binaries = match &args.binaries {
        Some(folder) => laboratory::binaries_in(folder)?,
        None => built(layout, &mut interrupts).await?,
    };
    let results = bench::run(layout, args, binaries, &mut interrupts).await?;
    if args.json {
        ui::say(serde_json::to_string_pretty(&results)?);
    } else {
        let output = bench::output(layout, args);
        ui::say(format!("\n{}\nComo JSON: {}", results.told(), output.display()));
    }
    if let Some(folder) = &args.plots {
        draw(&results.measurements, folder, args.json)?;
    }
    Ok(u8::from(!results.is_whole() || args.strict && results.misses_a_goal()))
}

/// Draws a run that was written down.
fn draw_recorded(file: &Path, folder: &Path) -> Result<u8> {
    let what = || format!("no se pudo leer {}", file.display());
    let text = fs::read_to_string(file).with_context(what)?;
    let Recorded { measurements } = serde_json::from_str(&text).with_context(what)?;
    Ok(u8::from(draw(&measurements, folder, false)? == 0))
}

/// Draws the series of a run; how many.
fn draw(measurements: &Measurements, folder: &Path, quiet: bool) -> Result<usize> {
    let written = bench::write_plots(measurements, folder)?;
    if written.is_empty() {
        ui::alert("No hay nada que dibujar: de ninguna serie se midieron dos puntos");
    }
    for path in written.iter().filter(|_| !quiet) {
        ui::say(format!("Dibujo: {}", path.display()));
    }
    Ok(written.len())
}

/// Builds the services, and this program as well, whose load generators would
/// cost too much otherwise: then it goes on as the released one.
async fn built(layout: &Layout, interrupts: &mut Interrupts) -> Result<BTreeMap<String, PathBuf>> {
    ui::note("… construyendo los servicios y el banco (cargo build --release)");
    let mut binaries = tokio::select! {
        biased;
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
        built = tools::cargo::build_released_with_lab(layout.root(), &laboratory::PARTS) => built?,
    };
    let lab = binaries.remove(tools::cargo::LAB).context("cargo no construyó el banco")?;
    if env::current_exe()? == lab {
        return Ok(binaries);
    }
    let folder = lab.parent().context("un programa sin carpeta")?;
    Err(go_on_as(&lab, folder))
}

/// Turns into that program, with the same arguments; comes back only where that
/// fails.
fn go_on_as(lab: &Path, binaries: &Path) -> anyhow::Error {
    let error =
        Command::new(lab).args(env::args_os().skip(1)).arg("--binaries").arg(binaries).exec();
    anyhow::Error::new(error).context(format!("no se pudo ejecutar {}", lab.display()))
}
