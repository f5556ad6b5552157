//! Debian packages, as root or through sudo.

use super::on_path;
use crate::ui;
use anyhow::{Context, Result, anyhow, bail};
use std::io::{self, IsTerminal};
use tempfile::NamedTempFile;
use tokio::process::Command;

/// How many lines are shown of what went wrong.
const LAST_LINES: usize = 5;

const SCRIPT: &str = include_str!("install.sh");

/// Installs packages; where that is not possible, says what to type.
pub(crate) async fn install(packages: &[&str], reason: &str) -> Result<()> {
    let advice = advice(packages, reason);
    let (Some(_), Some(mut command)) = (on_path("apt-get"), as_root()) else {
        bail!("{advice}");
    };
    ui::note(format!("… instalo {} ({reason}); tarda un minuto o dos", packages.join(", ")));
    let log = tempfile::Builder::new().prefix("cargo-lab-apt-").suffix(".log").tempfile();
    let log = log.context("no se pudo crear un registro para apt-get")?;
    let status = command
        .args(["sh", "-c", SCRIPT, "install.sh"])
        .args(packages)
        .stdout(log.as_file().try_clone()?)
        .stderr(log.as_file().try_clone()?)
        .status()
        .await
        .context("no se pudo ejecutar apt-get")?;
    if !status.success() {
        return Err(failed(log, &advice)?);
    }
    ui::note(format!("✓ instalado: {}", packages.join(", ")));
    Ok(())
}

/// Keeps what apt-get has said, for whoever has to find out why.
fn failed(log: NamedTempFile, advice: &str) -> Result<anyhow::Error> {
    let (_, path) = log.keep()?;
    let said = ui::last_lines(&path, LAST_LINES).join("\n  | ");
    let path = path.display();
    Ok(anyhow!(
        "apt-get no pudo instalarlo; todo lo que dijo está en {path}:\n  | {said}\n{advice}"
    ))
}

fn advice(packages: &[&str], reason: &str) -> String {
    format!(
        "falta {reason}. En Debian se instala, como root o con sudo, con\n  \
         apt-get update\n  \
         apt-get install --no-install-recommends {}\n\
         Después, repite la orden.",
        packages.join(" ")
    )
}

/// The start of a command that runs as root, where there is a way to do it.
pub(crate) fn as_root() -> Option<Command> {
    if nix::unistd::geteuid().is_root() {
        // `env` runs what follows it: the same arguments fit both ways.
        return Some(Command::new("env"));
    }
    on_path("sudo")?;
    let mut command = Command::new("sudo");
    if !io::stdin().is_terminal() {
        // Nobody is there to type a password: fail instead of waiting.
        command.arg("-n");
    }
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn the_advice_is_a_command_to_type() {
        let text = advice(&["python3", "python3-pip"], "python3 con pip");
        assert!(text.contains("install --no-install-recommends python3 python3-pip\n"));
    }
}
