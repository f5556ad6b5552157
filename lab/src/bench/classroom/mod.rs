//! The stack that classes usually build, for comparison: Flask with pika, as
//! tutorials write it, and the same behind gunicorn with confirms.
//!
//! - [`install`]: the packages, in a folder of the bench's own.
//! - [`Server`]: one of the two, running.

mod install;

pub(crate) use install::ensure;

use super::processes::Sessions;
use crate::layout::Layout;
use crate::parts::{Launch, id_of, last_words, spawn};
use crate::process::{Mark, ProcessId, sweep};
use crate::prove::wait::until;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Lines shown of one that did not start.
const LAST_LINES: usize = 10;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Flask's own server; a connection to the broker for each request.
    Tutorial,
    /// gunicorn with 2 workers of 8 threads, connections that stay, confirms.
    Confirmed,
}

impl Style {
    const ALL: [Self; 2] = [Self::Tutorial, Self::Confirmed];

    /// The name that its processes, its log and its program carry.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tutorial => "flask",
            Self::Confirmed => "gunicorn",
        }
    }

    /// Its program: a name that no package of Python has, and the text.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Tutorial => ("tutorial.py", include_str!("tutorial.py")),
            Self::Confirmed => ("confirmed.py", include_str!("confirmed.py")),
        }
    }

    fn args(self, program: &Path, port: u16) -> Vec<OsString> {
        match self {
            Self::Tutorial => vec![program.into()],
            Self::Confirmed => {
                let bind = format!("127.0.0.1:{port}");
                let folder = program.parent().unwrap_or(program).to_string_lossy().into_owned();
                let args = [
                    "-m",
                    "gunicorn",
                    "--workers",
                    "2",
                    "--threads",
                    "8",
                    "--bind",
                    &bind,
                    "--chdir",
                    &folder,
                    "confirmed:app",
                ];
                args.map(OsString::from).to_vec()
            }
        }
    }
}

/// A server that listens.
pub(crate) struct Server {
    style: Style,
    layout: Layout,
    child: Child,
    process: ProcessId,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one with this Python, to publish to that broker.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub(crate) async fn start(
        layout: &Layout,
        python: &Path,
        style: Style,
        amqp_url: &str,
    ) -> Result<Self> {
        let address = free_address()?;
        let program = write_program(layout, style)?;
        let mut launch = Launch::clean(python.to_owned());
        launch.args = style.args(&program, address.port());
        launch.set("AMQP_URL", amqp_url);
        launch.set("PORT", address.port().to_string());
        let child = spawn(&launch, &log(layout, style), &mark(layout, style))?;
        let process = id_of(&child)?;
        let mut server = Self { style, layout: layout.clone(), child, process, address };
        match server.until_it_listens().await {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop().await?;
                Err(error)
            }
        }
    }

    async fn until_it_listens(&mut self) -> Result<()> {
        until(self.style.name(), START_LIMIT, async || {
            if self.child.try_wait()?.is_some() {
                let words = last_words(&log(&self.layout, self.style), LAST_LINES).join("\n  ");
                bail!("{} terminó al empezar:\n  {words}", self.style.name());
            }
            Ok(TcpStream::connect(self.address).await.ok())
        })
        .await?;
        Ok(())
    }

    /// Its processes, by name.
    pub(crate) fn session(&self) -> Sessions {
        Sessions::from([(self.style.name().to_owned(), self.process.pid)])
    }

    /// Ends it and its workers.
    ///
    /// # Errors
    /// When they cannot be ended.
    pub(crate) async fn stop(mut self) -> Result<()> {
        sweep(&mark(&self.layout, self.style)).await?;
        self.child.wait().context("un servidor de Python no terminó")?;
        Ok(())
    }
}

/// Ends what an interrupted run has left running.
///
/// # Errors
/// When it cannot be ended.
pub(crate) async fn end_all(layout: &Layout) -> Result<()> {
    for style in Style::ALL {
        sweep(&mark(layout, style)).await?;
    }
    Ok(())
}

fn log(layout: &Layout, style: Style) -> PathBuf {
    layout.logs().join(format!("{}.log", style.name()))
}

fn mark(layout: &Layout, style: Style) -> Mark {
    Mark::named(layout.dir(), style.name())
}

fn write_program(layout: &Layout, style: Style) -> Result<PathBuf> {
    let folder = layout.dir().join("classroom");
    fs::create_dir_all(&folder).context("no se pudo crear una carpeta")?;
    let (name, text) = style.program();
    let program = folder.join(name);
    fs::write(&program, text).context("no se pudo escribir un programa de Python")?;
    Ok(program)
}

/// A port that is free now, on this machine alone.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no hay puertos libres")?;
    Ok(listener.local_addr()?)
}
