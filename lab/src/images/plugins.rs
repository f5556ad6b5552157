//! Compose (and Buildx) for a Docker client that has none: Debian 13's, taken out
//! of its packages, for this user alone.

use super::{Image, ensure_base, pipe};
use crate::layout::Layout;
use crate::tools::engine::docker;
use crate::ui;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const SCRIPT: &str = include_str!("../../images/debian/plugins.sh");

/// Gets the plugin `compose` where the client has none; with it `buildx`, likewise.
/// A plugin that is there is never replaced.
pub(crate) async fn ensure_compose(layout: &Layout) -> Result<()> {
    if answers("compose").await {
        return Ok(());
    }
    let folder = folder()?;
    let present = folder.join("docker-compose");
    if present.exists() {
        bail!("hay un plugin que no funciona; bórralo y repite la orden:\n  {}", present.display());
    }
    ensure_base(layout).await?;
    let step = ui::step("instalando docker compose");
    fs::create_dir_all(&folder)
        .with_context(|| format!("no se pudo crear {}", folder.display()))?;
    let fresh = tempfile::tempdir_in(&folder).context("no se pudo crear una carpeta")?;
    download(layout, fresh.path()).await?;
    for plugin in ["compose", "buildx"] {
        place(plugin, fresh.path(), &folder).await?;
    }
    if !answers("compose").await {
        bail!("docker compose no funciona, aunque está en {}", folder.display());
    }
    step.done(&format!("docker compose instalado en {}", folder.display()));
    Ok(())
}

async fn answers(plugin: &str) -> bool {
    let output = docker().args([plugin, "version"]).output().await;
    output.is_ok_and(|output| output.status.success())
}

/// Where the client looks for plugins of this user.
fn folder() -> Result<PathBuf> {
    let set = env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
    let config = set.map(PathBuf::from);
    let config = config.or_else(|| Some(env::home_dir()?.join(".docker")));
    Ok(config.context("no se sabe dónde está la carpeta de este usuario")?.join("cli-plugins"))
}

async fn download(layout: &Layout, folder: &Path) -> Result<()> {
    let mut packages = docker();
    packages.args(["run", "--rm", Image::Debian.tag(), "sh", "-c", SCRIPT]);
    let mut unpack = Command::new("tar");
    unpack.args(["--extract", "--no-same-owner", "-C"]).arg(folder);
    pipe::run(layout, packages, unpack, "descargar docker compose").await
}

async fn place(plugin: &str, from: &Path, into: &Path) -> Result<()> {
    let name = format!("docker-{plugin}");
    let target = into.join(&name);
    if target.exists() || answers(plugin).await {
        return Ok(());
    }
    fs::rename(from.join(&name), &target)
        .with_context(|| format!("no se pudo crear {}", target.display()))
}
