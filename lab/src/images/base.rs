//! The image that the others stand on: a minimal Debian 13, made by debootstrap
//! as root or through sudo.

use crate::tools::{apt, on_path};
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::path::Path;
use tokio::process::Command;

const SCRIPT: &str = include_str!("../../images/debian/debian.sh");

/// Where Debian keeps the certificates that it trusts.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What writes the image's files as a tar.
pub(super) async fn source() -> Result<Command> {
    ensure_debootstrap().await?;
    let mut command = as_root().await?;
    command.args(["sh", "-c", SCRIPT, "debian.sh"]).arg(certificates());
    Ok(command)
}

async fn ensure_debootstrap() -> Result<()> {
    if has_debootstrap() {
        return Ok(());
    }
    if on_path("apt-get").is_none() {
        bail!(
            "las imágenes se hacen con debootstrap, que falta aquí y que solo Debian y\n\
             Ubuntu instalan con apt. En esta máquina hace falta un registro de imágenes:\n  \
             docker compose pull"
        );
    }
    apt::install(&["debootstrap", "debian-archive-keyring"], "debootstrap").await
}

/// An ordinary user's `PATH` does not have the folder where it lies.
fn has_debootstrap() -> bool {
    on_path("debootstrap").is_some() || Path::new("/usr/sbin/debootstrap").is_file()
}

/// The start of a command that runs as root and asks for nothing any more.
async fn as_root() -> Result<Command> {
    let root = || {
        apt::as_root()
            .context("debootstrap pide ser root: instala sudo, o repite la orden como root")
    };
    // The password is asked for now, not in the middle of a step.
    let status = root()?.arg("true").status().await.context("no se pudo ejecutar sudo")?;
    if !status.success() {
        bail!("debootstrap pide ser root, y sudo no lo permitió");
    }
    root()
}

fn certificates() -> OsString {
    let set = env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
    set.unwrap_or_else(|| CERTIFICATES.into())
}
