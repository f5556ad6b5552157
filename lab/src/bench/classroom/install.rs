//! Flask, pika and gunicorn from the Python package index, pinned and checked by
//! hash, in a folder that nobody else uses.

use crate::layout::Layout;
use crate::ui;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The folder's name; another one whenever the pins change.
fn folder_name() -> String {
    let pins = REQUIREMENTS.lines().filter_map(|line| line.split_once("=="));
    let version = |wanted: &str| {
        let found = pins.clone().find(|(name, _)| *name == wanted);
        found.and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default().to_owned()
    };
    format!("classroom-{}-{}-{}", version("flask"), version("pika"), version("gunicorn"))
}

/// A Python that has the packages, after getting them if need be.
///
/// # Errors
/// When Python or the packages cannot be had; it says what to do.
pub(crate) async fn ensure(layout: &Layout) -> Result<PathBuf> {
    let folders = [layout.tools(), layout.shared_tools()].map(|tools| tools.join(folder_name()));
    if let Some(found) = folders.iter().find(|folder| complete(folder).is_file()) {
        return Ok(python(found));
    }
    let [folder, _] = &folders;
    if folder.exists() {
        // An interrupted installation.
        fs::remove_dir_all(folder).context("no se pudo borrar una instalación a medias")?;
    }
    let step = ui::step("instalando Flask, pika y gunicorn");
    install(folder).await?;
    step.done("Flask, pika y gunicorn instalados y comprobados");
    Ok(python(folder))
}

async fn install(folder: &Path) -> Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    run(venv, "hacen falta python3 y venv (en Debian: apt install python3-venv)").await?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).context("no se pudo escribir requirements.txt")?;
    let mut pip = Command::new(python(folder));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--no-deps", "--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(&requirements);
    run(pip, "pip no pudo instalar Flask, pika y gunicorn").await?;
    fs::write(complete(folder), "").context("no se pudo terminar la instalación")
}

/// Runs a program that must succeed; `otherwise` is what is said first.
async fn run(mut command: Command, otherwise: &str) -> Result<()> {
    let output = command.kill_on_drop(true).output().await;
    let output = output.with_context(|| otherwise.to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let last = told.trim().lines().last().unwrap_or_default();
    bail!("{otherwise}: {last}");
}

/// Written last: without it an installation is not whole.
fn complete(folder: &Path) -> PathBuf {
    folder.join("complete")
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

#[cfg(test)]
mod tests {
    use super::{REQUIREMENTS, folder_name, run};
    use tokio::process::Command;

    #[test]
    fn every_package_is_pinned_and_has_hashes() {
        let mut packages = 0;
        for line in REQUIREMENTS.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with("    --hash=sha256:") {
                continue;
            }
            assert!(line.contains("==") && line.ends_with('\\'), "{line}");
            packages += 1;
        }
        assert!(packages >= 3, "{packages}");
        let name = folder_name();
        assert!(name.split('-').skip(1).all(|version| version.contains('.')), "{name}");
    }

    #[tokio::test]
    async fn what_is_missing_is_said_in_words() {
        let missing = run(Command::new("no-such-python"), "hace falta Python").await;
        assert_eq!(missing.unwrap_err().to_string(), "hace falta Python");
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo first; echo last >&2; exit 1"]);
        let failed = run(failing, "no se pudo").await.unwrap_err().to_string();
        assert_eq!(failed, "no se pudo: last");
    }
}
