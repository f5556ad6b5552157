//! A system's credentials in a file that a shell can read as well, and nobody else may:
//! `set -a; . redmine.env`.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, anyhow};

use super::account::Account;

/// What the file calls the broker's address.
pub(crate) const VARIABLE: &str = "AMQP_URL";

/// The credentials in a file; none where there is no file.
///
/// # Errors
/// When it cannot be read, or holds no credentials.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<Account>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("no se pudo leer {}", path.display()))?,
    };
    let url = text.lines().find_map(|line| line.strip_prefix(VARIABLE)?.strip_prefix('='));
    let url = url.with_context(|| format!("{} no tiene {VARIABLE}", path.display()))?;
    let account = url.trim().trim_matches('\'').parse();
    account.map(Some).map_err(|error: String| anyhow!("{}: {error}", path.display()))
}
