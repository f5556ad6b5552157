//! Where everything lies: the workspace's own files, and the one git-ignored
//! folder that holds all state.

use crate::part::Part;
use anyhow::{Context, Result};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of one laboratory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    dir: PathBuf,
}

impl Layout {
    /// The laboratory of the workspace around the current folder; `LAB_DIR`
    /// puts its state elsewhere, so that a second one can run beside it.
    pub(crate) fn find() -> Result<Self> {
        let root = workspace_root()?;
        let dir = match env::var_os("LAB_DIR").filter(|value| !value.is_empty()) {
            Some(dir) => std::path::absolute(dir).context("LAB_DIR no es una carpeta")?,
            None => root.join(".lab"),
        };
        Ok(Self { root, dir })
    }

    /// The same workspace with its state in another folder.
    pub(crate) fn with_dir(&self, dir: PathBuf) -> Self {
        Self { root: self.root.clone(), dir }
    }

    /// Makes the folders that everything else expects.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in [self.logs(), self.run(), self.data(), self.tools()] {
            fs::create_dir_all(&folder)
                .with_context(|| format!("no se pudo crear {}", folder.display()))?;
        }
        Ok(())
    }

    /// The workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All state of this laboratory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the user configures.
    pub(crate) fn dotenv(&self) -> PathBuf {
        self.root.join(".env")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// What a part writes.
    pub(crate) fn log(&self, part: Part) -> PathBuf {
        self.logs().join(format!("{}.log", part.name()))
    }

    /// Records of processes, requests, locks.
    pub(crate) fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// Databases of the services.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Everything of the private broker node.
    pub(crate) fn broker(&self) -> PathBuf {
        self.dir.join("rabbitmq")
    }

    /// Downloaded programs.
    pub(crate) fn tools(&self) -> PathBuf {
        self.dir.join("tools")
    }

    /// Downloaded programs that any laboratory of this workspace may use.
    pub(crate) fn shared_tools(&self) -> PathBuf {
        self.root.join(".lab/tools")
    }
}

/// The nearest folder upwards, from where we are or where this program lies,
/// that is the workspace.
fn workspace_root() -> Result<PathBuf> {
    let here = env::current_dir().context("no se pudo leer la carpeta actual")?;
    let program = env::current_exe().context("no se pudo leer la ruta de este programa")?;
    here.ancestors()
        .chain(program.ancestors())
        .find(|folder| folder.join("lab/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .context("esta carpeta no es la de Relevo; entra en ella y repite la orden")
}
