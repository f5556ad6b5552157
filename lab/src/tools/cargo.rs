//! Builds our services, with cargo's own progress in view.

use crate::part::Part;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
#[cfg(not(feature = "apparatus"))]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The cargo that runs us, else the one on `PATH`.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The profile of what `cargo lab` starts, this program among it.
const PROFILE: &str = "laboratory";

/// What this program is built with to be able to measure, prove and test.
pub(crate) const APPARATUS: &str = "lab/apparatus";

/// Builds the services of these parts for a laboratory; where each binary lies, by
/// package.
pub(crate) async fn build_services(
    root: &Path,
    parts: &[Part],
) -> Result<BTreeMap<String, PathBuf>> {
    build(root, parts, &["--profile", PROFILE]).await
}

/// The package of this very program.
pub(crate) const LAB: &str = env!("CARGO_PKG_NAME");

/// The same as they are released, and this program as well.
pub(crate) async fn build_released_with_lab(
    root: &Path,
    parts: &[Part],
) -> Result<BTreeMap<String, PathBuf>> {
    build(root, parts, &["--release", "--package", LAB, "--features", APPARATUS]).await
}

/// Turns into this program with its apparatus, with the same arguments; comes back only
/// where that fails.
#[cfg(not(feature = "apparatus"))]
pub(crate) fn go_on_with_apparatus(root: &Path) -> anyhow::Error {
    // In the folder that it was typed in: paths among the arguments are relative to it.
    let error = std::process::Command::new(program())
        .args(["run", "--profile", PROFILE, "--package", LAB, "--features", APPARATUS])
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .arg("--")
        .args(env::args_os().skip(1))
        .exec();
    anyhow::Error::new(error).context("no se pudo ejecutar cargo")
}

/// Builds them able to make mistakes, apart from the released ones.
pub(crate) async fn build_mistaken_services(
    root: &Path,
    parts: &[Part],
) -> Result<BTreeMap<String, PathBuf>> {
    build(root, parts, &["--features", MISTAKES]).await
}

/// What the services are built with to be able to make mistakes.
pub(crate) const MISTAKES: &str = "sender/mistakes,analytics-service/mistakes,audit-proxy/mistakes";

async fn build(root: &Path, parts: &[Part], options: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let packages: BTreeSet<&str> = parts.iter().filter_map(|part| part.package()).collect();
    let output = Command::new(program())
        .current_dir(root)
        // Cargo says itself where it puts binaries: the target folder may be
        // configured to lie anywhere.
        .args(["build", "--message-format", "json-render-diagnostics"])
        .args(options)
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("no se pudo ejecutar cargo")?;
    if !output.status.success() {
        bail!("cargo no pudo construir los servicios; arriba dice por qué");
    }
    let built = binaries(&String::from_utf8_lossy(&output.stdout));
    match packages.iter().find(|package| !built.contains_key(**package)) {
        Some(missing) => bail!("cargo no construyó el programa {missing}"),
        None => Ok(built),
    }
}

/// The executables that cargo's messages name, by the name of their target.
fn binaries(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?;
            let path = message["executable"].as_str()?;
            Some((name.to_owned(), PathBuf::from(path)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::binaries;

    #[test]
    fn executables_are_taken_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"x"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"sender"},"executable":"/t/sender"}
{"reason":"build-finished","success":true}"#;
        let found = binaries(messages);
        assert_eq!(found.len(), 1);
        assert_eq!(found["sender"], std::path::Path::new("/t/sender"));
    }
}
