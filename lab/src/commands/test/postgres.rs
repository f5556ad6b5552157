//! A private PostgreSQL for one run of the tests.

use crate::layout::Layout;
use crate::parts::{self, Launch};
use crate::process::{Mark, ProcessId};
use crate::ui;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// What its log and its mark are called.
pub(super) const NAME: &str = "postgres";

/// The user whom PostgreSQL runs as where we are root, which it refuses.
const USER: &str = "postgres";

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// The running server. Its data is removed with it.
pub(super) struct Postgres {
    port: u16,
    child: Child,
    process: ProcessId,
    _folder: TempDir,
}

impl Postgres {
    pub(super) async fn start(layout: &Layout) -> Result<Self> {
        let step = ui::step("poniendo en marcha PostgreSQL");
        let programs = programs().context("PostgreSQL no está en /usr/lib/postgresql")?;
        let folder = reachable_folder(layout)?;
        initialize(&programs, folder.path()).await?;
        let port = free_port()?;
        let launch = server(&programs, folder.path(), port);
        let mark = Mark::named(layout.dir(), NAME);
        let child = parts::spawn(&launch, &log(layout), &mark)?;
        let process = parts::id_of(&child)?;
        let mut postgres = Self { port, child, process, _folder: folder };
        if let Err(error) = postgres.wait_until_ready(&programs, layout).await {
            postgres.stop().await?;
            return Err(error);
        }
        step.done("PostgreSQL listo");
        Ok(postgres)
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// SIGINT is its "fast shutdown": it does not wait for clients.
    pub(super) async fn stop(&mut self) -> Result<()> {
        self.process.end(Signal::SIGINT, STOP_LIMIT).await?;
        self.child.wait()?;
        Ok(())
    }

    async fn wait_until_ready(&mut self, programs: &Path, layout: &Layout) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !self.accepts(programs).await? {
            if self.child.try_wait()?.is_some() || Instant::now() >= deadline {
                let lines = parts::last_words(&log(layout), 10).join("\n  | ");
                bail!("PostgreSQL no se puso en marcha:\n  | {lines}");
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn accepts(&self, programs: &Path) -> Result<bool> {
        let status = Command::new(programs.join("pg_isready"))
            .args(["--quiet", "--host=127.0.0.1"])
            .arg(format!("--port={}", self.port))
            .status()
            .await
            .context("no se pudo ejecutar pg_isready")?;
        Ok(status.success())
    }
}

/// Debian keeps the server's programs out of `PATH`, one folder per version.
pub(super) fn programs() -> Option<PathBuf> {
    fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max()
        .map(|(_, bin)| bin)
}

/// Removes the data of a run that could not do it.
pub(super) fn remove_data(layout: &Layout) -> Result<()> {
    match fs::read_link(link(layout)) {
        Ok(folder) if folder.exists() => {
            fs::remove_dir_all(&folder).context("no se pudo borrar un PostgreSQL anterior")
        }
        _ => Ok(()),
    }
}

fn log(layout: &Layout) -> PathBuf {
    layout.logs().join(format!("{NAME}.log"))
}

/// Names the data's folder, for a later run to remove if this one cannot.
fn link(layout: &Layout) -> PathBuf {
    layout.dir().join(NAME)
}

/// A folder that the server's user reaches (the workspace may lie in a home
/// that others cannot enter), with a path short enough for its socket.
fn reachable_folder(layout: &Layout) -> Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("relevo-postgres-")
        .tempdir()
        .context("no se pudo crear una carpeta temporal")?;
    symlink(folder.path(), link(layout))?;
    if nix::unistd::geteuid().is_root() {
        let status = std::process::Command::new("chown").arg(USER).arg(folder.path()).status()?;
        ensure!(status.success(), "no se pudo dar la carpeta a {USER}");
    }
    Ok(folder)
}

/// Data that lives for minutes needs no fsync.
async fn initialize(programs: &Path, folder: &Path) -> Result<()> {
    let launch = as_server_user(
        programs.join("initdb"),
        vec![
            "--username=postgres".into(),
            "--auth=trust".into(),
            "--encoding=UTF8".into(),
            "--locale=C".into(),
            "--no-sync".into(),
            "--pgdata".into(),
            folder.join("data").into(),
        ],
    );
    let output = Command::new(&launch.program)
        .args(&launch.args)
        .current_dir(folder)
        .output()
        .await
        .context("no se pudo ejecutar initdb")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "initdb falló:\n{}", errors.trim());
    Ok(())
}

fn server(programs: &Path, folder: &Path, port: u16) -> Launch {
    let mut args: Vec<OsString> = vec!["-D".into(), folder.join("data").into()];
    args.extend(["-h", "127.0.0.1", "-k"].map(OsString::from));
    args.push(folder.into());
    args.extend(["-p".into(), port.to_string().into()]);
    for setting in
        ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
    {
        args.extend(["-c", setting].map(OsString::from));
    }
    as_server_user(programs.join("postgres"), args)
}

/// `setpriv` (util-linux) becomes the program: the child is the server.
fn as_server_user(program: PathBuf, args: Vec<OsString>) -> Launch {
    let mut launch = Launch::default();
    if nix::unistd::geteuid().is_root() {
        launch.program = "/usr/bin/setpriv".into();
        for option in ["--reuid", "--regid"] {
            launch.args.extend([option, USER].map(OsString::from));
        }
        launch.args.push("--init-groups".into());
        launch.args.push(program.into());
    } else {
        launch.program = program;
    }
    launch.args.extend(args);
    launch
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no hay puertos libres")?;
    Ok(listener.local_addr()?.port())
}
