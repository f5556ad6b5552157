//! Where the pilot keeps what must be there the next time.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use database::DatabaseUrl;

use super::credentials::VARIABLE;

/// Who may read credentials: their owner.
const OWNER_ONLY: u32 = 0o600;

/// The pilot's folder.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("no se pudo crear la carpeta {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// The file of a system's credentials.
    pub(crate) fn credentials(&self, system: &str) -> PathBuf {
        self.0.join(format!("{system}.env"))
    }

    /// A system's own database.
    ///
    /// # Errors
    /// When the folder's name cannot be part of its address.
    pub(crate) fn database(&self, system: &str) -> anyhow::Result<DatabaseUrl> {
        let url = format!("sqlite://{}", self.0.join(format!("{system}.db")).display());
        url.parse().map_err(|error: String| anyhow!("{url}: {error}"))
    }

    /// Keeps a system's credentials, instead of those there were.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn keep(&self, system: &str, amqp: &str) -> anyhow::Result<()> {
        let path = self.credentials(system);
        let text = format!(
            "{VARIABLE}='{amqp}'\nPILOT_DATABASE_URL='sqlite://{}'\n",
            self.0.join(format!("{system}.db")).display()
        );
        write(&path, &text).with_context(|| format!("no se pudo escribir {}", path.display()))
    }
}

/// Whole or not at all, and for nobody else at any moment.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&new)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}
