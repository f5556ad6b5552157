//! A database that is locked, has no room left, or may not be written.

use super::outcome::Outcome;
use super::traffic::Traffic;
use super::wait::until;
use super::world::{PATIENCE, World};
use crate::part::Part;
use crate::tools::on_path;
use anyhow::{Context, Result, ensure};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// The locks of an SQLite connection that is open and about to write, as byte
/// ranges (SQLite, "WAL-mode File Format", §2.3, and `os_unix.c`): of the
/// database, those of who has it open; of the `-shm` file, that of who uses it
/// and the right to write.
const SHARED: (i64, i64) = (0x4000_0002, 510);
const IN_USE: (i64, i64) = (128, 1);
const WRITE: (i64, i64) = (120, 1);

/// Size of the disk that is filled.
const DISK: &str = "16m";

/// The locks that any other program holds which writes to the same SQLite file;
/// released when dropped.
pub(super) struct WriteLock {
    _files: [File; 2],
}

/// Keeps analytics from writing, as soon as it is between two writes.
pub(super) async fn hold_write_lock(world: &World) -> Result<WriteLock> {
    hold_write_lock_of(&world.native()?.database()).await
}

/// Keeps whoever has this SQLite file open from writing, as soon as he is between two writes.
pub(super) async fn hold_write_lock_of(path: &Path) -> Result<WriteLock> {
    until("el bloqueo de la base de datos", PATIENCE, async || {
        // The second one comes and goes with his connections.
        let (Ok(database), Ok(shared)) = (open(path), open(&path.with_extension("db-shm"))) else {
            return Ok(None);
        };
        let locked = try_lock(&database, libc::F_RDLCK, SHARED)
            && try_lock(&shared, libc::F_RDLCK, IN_USE)
            && try_lock(&shared, libc::F_WRLCK, WRITE);
        Ok(locked.then_some(WriteLock { _files: [database, shared] }))
    })
    .await
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

fn try_lock(file: &File, kind: libc::c_int, (start, length): (i64, i64)) -> bool {
    let lock = libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: start,
        l_len: length,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_SETLK(&lock)).is_ok()
}

/// Another program holds the database for a while.
pub(super) async fn locked(world: &World) -> Result<Outcome> {
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    let process = world.native()?.process(Part::Analytics)?;
    let lock = hold_write_lock(world).await?;
    world.until_unready(Part::Analytics, "database is locked").await?;
    let seconds = world.size.of(30, 4);
    sleep(Duration::from_secs(seconds)).await;
    let waiting = messages_wait(world, seconds).await?;
    drop(lock);
    let recovery = traffic.recovers(Instant::now()).await?;
    let same = world.native()?.process(Part::Analytics)? == process;
    let outcome = traffic.judge().await?.recovery(recovery);
    Ok(outlasted(outcome, waiting, same))
}

/// What every one of these faults is looked at for.
fn outlasted(outcome: Outcome, waiting: u64, same: bool) -> Outcome {
    outcome
        .check(true, format!("{waiting} eventos esperaban en la cola, sin acuse"))
        .check(same, "analítica siguió siendo el mismo proceso")
}

/// How many messages wait in the queue once as many do as were sent in `seconds`
/// of the usual load, or nearly: none of them was acknowledged.
async fn messages_wait(world: &World, seconds: u64) -> Result<u64> {
    let least = seconds * 200;
    until("mensajes en espera", PATIENCE, async || {
        Ok(world.ledger.waiting().await?.filter(|waiting| *waiting >= least))
    })
    .await
}

/// Runs a program in a mount namespace of its own, after `prepare`. As root
/// nothing else is needed; other users become root of that namespace only.
fn in_own_mounts(prepare: &str, folder: &str) -> Option<Vec<String>> {
    let unshare = on_path("unshare")?.to_string_lossy().into_owned();
    let mut wrapper = vec![unshare, "--mount".to_owned()];
    if !nix::unistd::geteuid().is_root() {
        wrapper.push("--map-root-user".to_owned());
    }
    let script = format!("set -e; {prepare}; shift; exec \"$@\"");
    wrapper.extend(["sh", "-c", &script, "sh", folder].map(str::to_owned));
    Some(wrapper)
}

/// Whether this user may have mounts of his own here.
async fn may_mount() -> bool {
    let Some(wrapper) = in_own_mounts("mount -t tmpfs tmpfs \"$1\"", "/mnt") else { return false };
    let tried = Command::new(&wrapper[0]).args(&wrapper[1..]).arg("true").output().await;
    tried.is_ok_and(|output| output.status.success())
}

pub(super) const NO_MOUNTS: &str = "aquí no se permiten espacios de montaje (unshare --mount)";

/// A disk of its own that a part has its database on.
pub(super) struct SmallDisk {
    part: Part,
    folder: String,
}

impl SmallDisk {
    /// Starts a part on one; none where this user may have no mounts.
    pub(super) async fn under(world: &World, part: Part) -> Result<Option<Self>> {
        if !may_mount().await {
            return Ok(None);
        }
        let folder = world.native()?.layout().dir().join("disco");
        std::fs::create_dir_all(&folder)?;
        let folder = folder.to_string_lossy().into_owned();
        let mount = format!("mount -t tmpfs -o size={DISK} tmpfs \"$1\"");
        let wrapper = in_own_mounts(&mount, &folder).context("falta unshare")?;
        world
            .native()?
            .restart_with(part, |change| {
                change.wrapper = wrapper;
                let variables = ["DATABASE_URL", "AUDIT_DATABASE_URL"];
                let url = format!("sqlite://{folder}/disco.db");
                change.env = variables.map(|name| (name.to_owned(), url.clone())).to_vec();
            })
            .await?;
        Ok(Some(Self { part, folder }))
    }

    /// Fills it; with what.
    pub(super) fn fill(&self, world: &World) -> Result<PathBuf> {
        let process = world.native()?.process(self.part)?;
        let filler = PathBuf::from(format!("/proc/{}/root{}/relleno", process.pid, self.folder));
        fill(&filler)?;
        Ok(filler)
    }
}

/// Analytics counts on a small disk that somebody fills.
pub(super) async fn full_disk(world: &World) -> Result<Outcome> {
    let Some(disk) = SmallDisk::under(world, Part::Analytics).await? else {
        return Ok(Outcome::skipped(NO_MOUNTS));
    };
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    let process = world.native()?.process(Part::Analytics)?;
    let filler = disk.fill(world)?;
    world.until_unready(Part::Analytics, "full").await?;
    let seconds = world.size.of(10, 2);
    sleep(Duration::from_secs(seconds)).await;
    let waiting = messages_wait(world, seconds).await?;
    std::fs::remove_file(&filler)?;
    let recovery = traffic.recovers(Instant::now()).await?;
    let same = world.native()?.process(Part::Analytics)? == process;
    let outcome = traffic.judge().await?.recovery(recovery);
    Ok(outlasted(outcome, waiting, same))
}

/// Writes until there is no room.
fn fill(path: &PathBuf) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("{}", path.display()))?;
    for size in [1 << 16, 1 << 8, 1] {
        let block = vec![0; size];
        while file.write_all(&block).is_ok() {}
    }
    Ok(())
}

/// Analytics starts with a folder that may not be written, which then may be.
pub(super) async fn read_only(world: &World) -> Result<Outcome> {
    if !may_mount().await || on_path("nsenter").is_none() {
        return Ok(Outcome::skipped(NO_MOUNTS));
    }
    let folder = world.native()?.layout().data().to_string_lossy().into_owned();
    let mount = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"";
    let wrapper = in_own_mounts(mount, &folder).context("falta unshare")?;
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    world.halt(Part::Analytics).await?;
    world.native()?.change(Part::Analytics, |change| change.wrapper = wrapper);
    world.native()?.launch_unready(Part::Analytics).await?;
    let (waiting, same) = while_read_only(world, &folder).await?;
    let recovery = traffic.recovers(Instant::now()).await?;
    let outcome = traffic.judge().await?.recovery(recovery);
    Ok(outlasted(outcome, waiting, same))
}

/// How much waits meanwhile, and whether the process is the same afterwards.
async fn while_read_only(world: &World, folder: &str) -> Result<(u64, bool)> {
    // In which words depends on the files that the process before has left.
    world.until_unready(Part::Analytics, "no se puede guardar").await?;
    let process = world.native()?.process(Part::Analytics)?;
    let seconds = world.size.of(10, 4);
    sleep(Duration::from_secs(seconds)).await;
    let waiting = messages_wait(world, seconds).await?;
    let same = world.native()?.process(Part::Analytics)? == process;
    make_writable(process.pid, folder).await?;
    Ok((waiting, same))
}

async fn make_writable(pid: i32, folder: &str) -> Result<()> {
    let pid = pid.to_string();
    let mut nsenter = Command::new("nsenter");
    nsenter.args(["--target", &pid, "--mount"]);
    if !nix::unistd::geteuid().is_root() {
        nsenter.args(["--user", "--preserve-credentials"]);
    }
    let remounted = nsenter.args(["mount", "-o", "remount,bind,rw", folder]).output().await?;
    let told = String::from_utf8_lossy(&remounted.stderr).into_owned();
    ensure!(remounted.status.success(), "no se pudo volver a permitir la escritura: {told}");
    Ok(())
}
