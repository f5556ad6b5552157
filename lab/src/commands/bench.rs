//! `bench`: measures a laboratory of its own, prints what was found and writes it
//! down.

use crate::bench;
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
        ui::say(bench::list());
        return Ok(0);
    }
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    let binaries = match &args.binaries {
        Some(folder) => laboratory::binaries_in(folder)?,
        None => built(layout, &mut interrupts).await?,
    };
    let results = bench::run(layout, args, binaries, &mut interrupts).await?;
    let json = serde_json::to_string_pretty(&results)?;
    let output = args.output.clone().unwrap_or_else(|| layout.dir().join("bench.json"));
    fs::write(&output, &json)
        .with_context(|| format!("no se pudo escribir {}", output.display()))?;
    if args.json {
        ui::say(json);
    } else {
        ui::say(format!("\n{}\nComo JSON: {}", results.told(), output.display()));
    }
    Ok(u8::from(!results.is_whole()))
}

/// Builds the services, and this program as well, whose load generators would
/// cost too much otherwise: then it goes on as the released one.
async fn built(layout: &Layout, interrupts: &mut Interrupts) -> Result<BTreeMap<String, PathBuf>> {
    ui::note("… construyendo los servicios y el banco (cargo build --release)");
    let mut binaries = tokio::select! {
        biased;
        () = interrupts.next() => return Err(Failure::interrupted_command().into()),
        built = tools::cargo::build_with_lab(layout.root()) => built?,
    };
    let lab = binaries.remove(tools::cargo::LAB).context("cargo no construyó el banco")?;
    if cfg!(debug_assertions) {
        let folder = lab.parent().context("un programa sin carpeta")?;
        return Err(go_on_as(&lab, folder));
    }
    Ok(binaries)
}

/// Turns into that program, with the same arguments; comes back only where that
/// fails.
fn go_on_as(lab: &Path, binaries: &Path) -> anyhow::Error {
    let error =
        Command::new(lab).args(env::args_os().skip(1)).arg("--binaries").arg(binaries).exec();
    anyhow::Error::new(error).context(format!("no se pudo ejecutar {}", lab.display()))
}
