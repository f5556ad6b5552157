//! What is written down about a part, between commands and across crashes.
//!
//! Only the supervisor writes records; `stop` and `start` leave requests. Each
//! file has one writer, so nothing is lost between them.

use crate::layout::Layout;
use crate::part::Part;
use crate::process::ProcessId;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The last process of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) process: ProcessId,
    /// How it ended, in words, once it has.
    pub(crate) ended: Option<String>,
}

impl Record {
    pub(crate) fn load(layout: &Layout, part: Part) -> Option<Self> {
        load(&record_path(layout, part))
    }

    pub(crate) fn save(&self, layout: &Layout, part: Part) -> Result<()> {
        save(&record_path(layout, part), self)
    }
}

/// Forgets a part that was stopped with the whole laboratory.
pub(crate) fn forget(layout: &Layout, part: Part) -> Result<()> {
    for path in [
        record_path(layout, part),
        request_path(layout, part, Request::Stop),
        request_path(layout, part, Request::Start),
    ] {
        remove(&path)?;
    }
    Ok(())
}

/// What a command asks of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// It was stopped on purpose: leave it so.
    Stop,
    /// Start it, even if it had been given up.
    Start,
}

pub(crate) fn request(layout: &Layout, part: Part, request: Request) -> Result<()> {
    save(&request_path(layout, part, request), &())
}

pub(crate) fn withdraw(layout: &Layout, part: Part, request: Request) -> Result<()> {
    remove(&request_path(layout, part, request))
}

pub(crate) fn is_requested(layout: &Layout, part: Part, request: Request) -> bool {
    request_path(layout, part, request).exists()
}

/// The process that supervises a laboratory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watcher {
    pub(crate) process: ProcessId,
    /// Whether everything had become ready.
    pub(crate) ready: bool,
}

impl Watcher {
    /// Writes down that this process supervises the laboratory.
    pub(crate) fn announce(layout: &Layout, ready: bool) -> Result<()> {
        let watcher = Self { process: ProcessId::own()?, ready };
        save(&watcher_path(layout), &watcher)
    }

    /// The supervisor that runs now.
    pub(crate) fn living(layout: &Layout) -> Option<Self> {
        load(&watcher_path(layout)).filter(|watcher: &Self| watcher.process.is_alive())
    }

    /// Takes the announcement back, if it is this process's.
    pub(crate) fn withdraw(layout: &Layout) -> Result<()> {
        let own = ProcessId::own()?;
        match load::<Self>(&watcher_path(layout)) {
            Some(watcher) if watcher.process == own => remove(&watcher_path(layout)),
            _ => Ok(()),
        }
    }
}

/// What to say and to do where the supervisor was killed and its parts go on; none where it
/// lives, or nothing runs.
pub(crate) fn unwatched(layout: &Layout) -> Option<String> {
    let is_alive =
        |part: &Part| Record::load(layout, *part).is_some_and(|record| record.process.is_alive());
    let alive: Vec<&str> =
        Part::START_ORDER.iter().filter(|part| is_alive(part)).map(|part| part.name()).collect();
    if Watcher::living(layout).is_some() || alive.is_empty() {
        return None;
    }
    Some(format!(
        "nadie vigila el laboratorio (su proceso fue terminado a la fuerza), y siguen en marcha:\n  \
         {}\ncargo lab up lo pone en marcha de nuevo; cargo lab down lo detiene",
        alive.join(", ")
    ))
}

fn watcher_path(layout: &Layout) -> PathBuf {
    layout.run().join("watcher.json")
}

fn record_path(layout: &Layout, part: Part) -> PathBuf {
    layout.run().join(format!("{}.json", part.name()))
}

fn request_path(layout: &Layout, part: Part, request: Request) -> PathBuf {
    let ending = match request {
        Request::Stop => "stop",
        Request::Start => "start",
    };
    layout.run().join(format!("{}.{ending}", part.name()))
}

/// A record that is missing or was half written by a crash says nothing.
fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Writes a whole file or none: readers never see a half.
fn save<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let folder = path.parent().context("un registro sin carpeta")?;
    let write = || -> Result<()> {
        fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, value)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("no se pudo escribir {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("no se pudo borrar {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Watcher, unwatched};
    use crate::layout::Layout;
    use crate::part::Part;
    use crate::process::ProcessId;
    use crate::running::Running;

    #[tokio::test]
    async fn parts_without_their_supervisor_are_told_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::find().unwrap().with_dir(folder.path().join("lab"));
        assert_eq!(unwatched(&layout), None, "nothing runs");
        let process = ProcessId::own().unwrap();
        Record { process, ended: None }.save(&layout, Part::Audit).unwrap();
        let told = unwatched(&layout).unwrap();
        for word in ["auditoria", "cargo lab up", "cargo lab down"] {
            assert!(told.contains(word), "{told}");
        }
        let refused = Running::find(&layout, false).await.err().unwrap().to_string();
        assert_eq!(refused, told, "every command says the same");
        Watcher::announce(&layout, false).unwrap();
        assert_eq!(unwatched(&layout), None, "somebody sees to it");
    }
}
