//! Further processes beside the laboratory's own parts: each in a session of its
//! own, with a log among theirs, and found again by its mark.

use super::processes::Sessions;
use crate::layout::Layout;
use crate::parts::{Launch, id_of, last_words, spawn};
use crate::process::{Mark, ProcessId, sweep};
use crate::prove::wait::until;
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Lines shown of one that did not start.
const LAST_LINES: usize = 10;

/// Everybody who may be a guest: whom a run that was killed may have left.
pub(crate) const NAMES: [&str; 10] = [
    "flask", "gunicorn", "emisor-1", "emisor-2", "emisor-3", "emisor-4", "emisor-5", "emisor-6",
    "emisor-7", "emisor-8",
];

/// A process that listens.
pub(crate) struct Guest {
    name: &'static str,
    layout: Layout,
    child: Child,
    process: ProcessId,
    pub(crate) address: SocketAddr,
}

impl Guest {
    /// Starts one that was told to listen on this address.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub(crate) async fn start(
        layout: &Layout,
        name: &'static str,
        launch: &Launch,
        address: SocketAddr,
    ) -> Result<Self> {
        let child = spawn(launch, &log(layout, name), &Mark::named(layout.dir(), name))?;
        let process = id_of(&child)?;
        let mut guest = Self { name, layout: layout.clone(), child, process, address };
        match guest.until_it_listens().await {
            Ok(()) => Ok(guest),
            Err(error) => {
                guest.stop().await?;
                Err(error)
            }
        }
    }

    async fn until_it_listens(&mut self) -> Result<()> {
        until(self.name, START_LIMIT, async || {
            if self.child.try_wait()?.is_some() {
                let words = last_words(&log(&self.layout, self.name), LAST_LINES).join("\n  ");
                bail!("{} terminó al empezar:\n  {words}", self.name);
            }
            Ok(TcpStream::connect(self.address).await.ok())
        })
        .await?;
        Ok(())
    }

    /// Its processes, by name.
    pub(crate) fn session(&self) -> Sessions {
        Sessions::from([(self.name.to_owned(), self.process.pid)])
    }

    /// Ends it and its children.
    ///
    /// # Errors
    /// When they cannot be ended.
    pub(crate) async fn stop(mut self) -> Result<()> {
        sweep(&Mark::named(self.layout.dir(), self.name)).await?;
        self.child.wait().with_context(|| format!("{} no terminó", self.name))?;
        Ok(())
    }
}

/// Ends every guest that an interrupted run has left.
///
/// # Errors
/// When one cannot be ended.
pub(crate) async fn end_all(layout: &Layout) -> Result<()> {
    for name in NAMES {
        sweep(&Mark::named(layout.dir(), name)).await?;
    }
    Ok(())
}

/// An address that is free now, on this machine alone.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no hay puertos libres")?;
    Ok(listener.local_addr()?)
}

fn log(layout: &Layout, name: &str) -> PathBuf {
    layout.logs().join(format!("{name}.log"))
}
