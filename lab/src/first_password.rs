//! The password of the audit's first account, which the public door leads to: one that is
//! made for each laboratory at its first start, unless another is set.

use crate::failure::{Failure, NOT_UP};
use crate::layout::Layout;
use crate::settings::Settings;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write as _};
use std::path::PathBuf;

/// The account that it is of.
pub(crate) const ACCOUNT: &str = "admin";

/// The password of the first start. It stays the same as long as the data beside which it
/// lies: what is set later changes no account.
pub(crate) fn of(layout: &Layout, settings: &Settings) -> Result<String> {
    if let Some(kept) = kept(layout)? {
        return Ok(kept);
    }
    let password = match &settings.audit_admin_password {
        Some(set) => set.clone(),
        None => random_word::<8>()?,
    };
    keep(layout, &password)
        .with_context(|| format!("no se pudo guardar {}", path(layout).display()))?;
    Ok(password)
}

/// The password, of a laboratory that was started once.
pub(crate) fn shown(layout: &Layout) -> Result<String> {
    let none =
        || Failure::with_code(NOT_UP, "todavía no hay clave: la hace el primer cargo lab up");
    Ok(kept(layout)?.ok_or_else(none)?)
}

/// Where it is kept.
pub(crate) fn path(layout: &Layout) -> PathBuf {
    layout.data().join("auditoria.clave")
}

fn kept(layout: &Layout) -> Result<Option<String>> {
    let path = path(layout);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("no se pudo leer {}", path.display())),
    }
}

/// A whole file or none, which nobody else may read.
fn keep(layout: &Layout, password: &str) -> Result<()> {
    layout.create()?;
    let mut file = tempfile::NamedTempFile::new_in(layout.data())?;
    writeln!(file, "{password}")?;
    file.persist(path(layout))?;
    Ok(())
}

/// So many random octets, in hexadecimal.
pub(crate) fn random_word<const OCTETS: usize>() -> Result<String> {
    let mut random = [0_u8; OCTETS];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut word = String::new();
    for octet in random {
        write!(word, "{octet:02x}")?;
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::{of, path, shown};
    use crate::layout::Layout;
    use crate::settings::Settings;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    fn settings(set: Option<&str>) -> Settings {
        let lookup = |name: &str| set.filter(|_| name == "AUDIT_ADMIN_PASSWORD").map(str::to_owned);
        Settings::from_lookup(lookup).unwrap()
    }

    #[test]
    fn each_laboratory_makes_its_own_once_and_nobody_else_reads_it() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let labs = folders.each_ref().map(|at| Layout::find().unwrap().with_dir(at.path().into()));
        assert!(shown(&labs[0]).unwrap_err().to_string().contains("cargo lab up"));
        let [one, other] = labs.each_ref().map(|lab| of(lab, &settings(None)).unwrap());
        assert!(one.len() == 16 && one != other, "{one} {other}");
        assert_eq!(of(&labs[0], &settings(None)).unwrap(), one);
        assert_eq!(shown(&labs[0]).unwrap(), one);
        assert_eq!(fs::metadata(path(&labs[0])).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_one_that_is_set_at_the_first_start_is_the_one_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let lab = Layout::find().unwrap().with_dir(folder.path().into());
        for set in ["elegida en clase", "otra, que ya no vale"] {
            assert_eq!(of(&lab, &settings(Some(set))).unwrap(), "elegida en clase");
        }
        assert_eq!(shown(&lab).unwrap(), "elegida en clase");
    }
}
