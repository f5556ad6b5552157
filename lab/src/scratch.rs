//! A laboratory for one run only: a folder named after the process that made
//! it, and ports that nobody uses; with [`laboratory`], a whole one that runs.

pub(crate) mod laboratory;

use crate::layout::Layout;
use crate::process::ProcessId;
use crate::settings::{Port, Ports};
use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where ports for one run are looked for.
const RANGE: Range<u16> = 20_000..32_000;

/// Where this process may keep everything of a run of that kind.
pub(crate) fn own(layout: &Layout, kind: &str) -> Layout {
    layout.with_dir(folder_of_runs(layout, kind).join(std::process::id().to_string()))
}

/// The runs of that kind whose process ended without cleaning up.
pub(crate) fn abandoned(layout: &Layout, kind: &str) -> Vec<Layout> {
    let Ok(entries) = fs::read_dir(folder_of_runs(layout, kind)) else {
        return Vec::new();
    };
    let is_abandoned = |path: &PathBuf| {
        let pid = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        pid.and_then(ProcessId::of).is_none()
    };
    let folders = entries.flatten().map(|entry| entry.path()).filter(is_abandoned);
    folders.map(|folder| layout.with_dir(folder)).collect()
}

/// Removes the folder of a run. Another run may have done so in the meantime.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("no se pudo borrar {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// As many ports that nobody uses as the laboratory has. They lie below those that
/// the kernel gives to outgoing connections: a part that is down for a moment finds
/// its port free when it comes back.
pub(crate) fn free_ports() -> Result<Ports> {
    let mut ports = Ports::default();
    // Runs at the same time begin at different places.
    let begin =
        u32::from(RANGE.start) + std::process::id() * 101 % u32::from(RANGE.end - RANGE.start);
    let mut candidates = (begin..u32::from(RANGE.end))
        .chain(u32::from(RANGE.start)..begin)
        .filter_map(|port| u16::try_from(port).ok())
        .filter(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok());
    for port in Port::ALL {
        ports.set(port, candidates.next().context("no hay puertos libres")?);
    }
    Ok(ports)
}

fn folder_of_runs(layout: &Layout, kind: &str) -> PathBuf {
    layout.dir().join(kind)
}
