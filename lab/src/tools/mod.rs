//! What has to be there before anything can start: installed, downloaded, built.

pub(crate) mod apt;
pub(crate) mod cargo;
pub(crate) mod engine;
pub(crate) mod rabbitmq;
pub(crate) mod traefik;

use std::env;
use std::path::PathBuf;

/// The first file of that name on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
