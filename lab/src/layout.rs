//! Where everything lies: the workspace's own files, and the one git-ignored
//! folder that holds all state.

use crate::failure::Failure;
use crate::part::Part;
use anyhow::{Context, Result};
use nix::sys::stat::{Mode, umask};
use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The rights of a group and of everybody else.
const OTHERS: u32 = 0o077;

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
        for path in [&root, &dir] {
            check_path(path)?;
        }
        let layout = Self { root, dir };
        check_ours(&layout.dir, &fs::read_dir(layout.run()))?;
        Ok(layout)
    }

    /// The same workspace with its state in another folder.
    pub(crate) fn with_dir(&self, dir: PathBuf) -> Self {
        Self { root: self.root.clone(), dir }
    }

    /// Makes the folders that everything else expects, for this user alone. One that
    /// `LAB_DIR` names and that was there already keeps the rights that it has.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in self.folders() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("no se pudo crear {}", folder.display()))?;
        }
        Ok(())
    }

    /// Takes all that the laboratory keeps from the machine's other users: what there is,
    /// and what this process and those that it starts make from here on.
    pub(crate) fn make_private(&self) -> Result<()> {
        umask(Mode::S_IRWXG | Mode::S_IRWXO);
        self.create()?;
        if self.dir == self.root.join(".lab") {
            fs::set_permissions(&self.dir, Permissions::from_mode(0o700))?;
        }
        self.folders().iter().try_for_each(|folder| take_from_others(folder))
    }

    fn folders(&self) -> [PathBuf; 5] {
        [self.logs(), self.run(), self.data(), self.tools(), self.broker()]
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

/// A path has to fit into one line, and into a URL.
fn check_path(path: &Path) -> Result<(), Failure> {
    if path.to_str().is_some_and(|text| !text.contains(char::is_control)) {
        return Ok(());
    }
    let shown = path.to_string_lossy().replace(char::is_control, "·");
    Err(Failure::usage(format!(
        "la carpeta «{shown}» lleva caracteres de control u octetos que no son UTF-8: ponga el \
         laboratorio en otra (LAB_DIR=…)"
    )))
}

/// To who may not look into a laboratory, it is not the same as none.
fn check_ours(dir: &Path, looked: &io::Result<fs::ReadDir>) -> Result<(), Failure> {
    match looked {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Failure::usage(format!(
                "el laboratorio de {} es de otro usuario de esta máquina: úselo como él, o ponga \
                 uno propio en otra carpeta (LAB_DIR=…)",
                dir.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Links stay as they are, and so does what they lead to.
fn take_from_others(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if found.is_symlink() {
        return Ok(());
    }
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))
            .with_context(|| format!("no se pudo proteger {}", path.display()))?;
    }
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            take_from_others(&entry?.path())?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::{Layout, check_ours, check_path};
    use crate::part::Part;
    use std::ffi::OsStr;
    use std::fs::{self, Permissions};
    use std::io::ErrorKind;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    #[test]
    fn a_folder_that_does_not_fit_into_a_line_or_a_url_is_refused_in_one_line() {
        for good in
            ["/a/b c", "/ñandú", "/a$HOME`x`'\"\\;&|#%?*", &format!("/{}", "x/".repeat(200))]
        {
            check_path(Path::new(good)).unwrap();
        }
        let bad = ["/a\nb", "/a\tb"].map(Path::new);
        for path in bad.into_iter().chain([Path::new(OsStr::from_bytes(b"/a\xf1o"))]) {
            let told = check_path(path).unwrap_err().to_string();
            assert!(told.contains("LAB_DIR=") && told.lines().count() == 1, "{told}");
        }
    }

    #[test]
    fn a_laboratory_of_another_user_is_told_from_none() {
        let dir = Path::new("/a");
        for none in [fs::read_dir("/no such folder"), fs::read_dir("/")] {
            check_ours(dir, &none).unwrap();
        }
        let told = check_ours(dir, &Err(ErrorKind::PermissionDenied.into())).unwrap_err();
        let told = told.to_string();
        assert!(told.contains("de /a es de otro usuario") && told.contains("LAB_DIR="), "{told}");
    }

    #[test]
    fn what_the_laboratory_keeps_is_for_its_user_alone_also_what_was_there() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new());
        let elsewhere = elsewhere.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let lab = Layout::find().unwrap().with_dir(folder.path().join("a/lab"));
        let old = lab.data().join("analiticas.db");
        fs::create_dir_all(lab.data()).unwrap();
        fs::write(&old, "").unwrap();
        fs::set_permissions(lab.data(), Permissions::from_mode(0o755)).unwrap();
        for path in [old.as_path(), elsewhere.path()] {
            fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        }
        symlink(elsewhere.path(), lab.data().join("link")).unwrap();
        lab.make_private().unwrap();
        fs::write(lab.log(Part::Audit), "").unwrap();
        assert_eq!((mode(&lab.data()), mode(&old)), (0o700, 0o600));
        assert_eq!((mode(&lab.broker()), mode(&lab.log(Part::Audit))), (0o700, 0o600));
        assert_eq!(mode(elsewhere.path()), 0o666, "where a link leads is not ours");
    }

    #[test]
    fn a_new_folder_is_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let lab = Layout::find().unwrap().with_dir(folder.path().join("lab"));
        lab.create().unwrap();
        assert_eq!(fs::metadata(lab.dir()).unwrap().mode() & 0o777, 0o700);
    }
}
