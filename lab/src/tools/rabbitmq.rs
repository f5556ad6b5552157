//! Debian's RabbitMQ, installed where it is missing.

use super::apt;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian's package puts one folder per version.
const LIB: &str = "/usr/lib/rabbitmq/lib";

/// The folder of the newest installed RabbitMQ, with `sbin/` inside.
pub(crate) async fn ensure() -> Result<PathBuf> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    apt::install(&["rabbitmq-server"], "RabbitMQ").await?;
    installed().with_context(|| format!("rabbitmq-server no está en {LIB}"))
}

pub(crate) fn installed() -> Option<PathBuf> {
    newest_in(Path::new(LIB))
}

fn newest_in(lib: &Path) -> Option<PathBuf> {
    fs::read_dir(lib)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = version(entry.file_name().to_str()?)?;
            Some((version, entry.path()))
        })
        .filter(|(_, path)| path.join("sbin/rabbitmq-server").is_file())
        .max()
        .map(|(_, path)| path)
}

/// `rabbitmq_server-3.10.8` as numbers, so that 3.10 is newer than 3.9.
fn version(folder: &str) -> Option<Vec<u32>> {
    let text = folder.strip_prefix("rabbitmq_server-")?;
    text.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::newest_in;
    use std::fs;

    #[test]
    fn the_newest_version_with_a_server_script_is_taken() {
        let lib = tempfile::tempdir().unwrap();
        for version in ["3.9.13", "3.10.8"] {
            let sbin = lib.path().join(format!("rabbitmq_server-{version}/sbin"));
            fs::create_dir_all(&sbin).unwrap();
            fs::write(sbin.join("rabbitmq-server"), "").unwrap();
        }
        fs::create_dir_all(lib.path().join("rabbitmq_server-4.0.5")).unwrap();
        let found = newest_in(lib.path()).unwrap();
        assert!(found.ends_with("rabbitmq_server-3.10.8"));
    }

    #[test]
    fn without_a_package_there_is_none() {
        assert_eq!(newest_in("/nonexistent".as_ref()), None);
    }
}
