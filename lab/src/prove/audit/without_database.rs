//! The proxy cannot write for a while: another program holds its database, there is no room
//! left on its disk, or its server is gone.

use super::api::Audit;
use super::flow::Flow;
use super::systems::Names;
use crate::part::Part;
use crate::prove::outcome::Outcome;
use crate::prove::storage::{NO_MOUNTS, SmallDisk, hold_write_lock_of};
use crate::prove::world::World;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOCKED: Names = Names {
    source: "sin-base-origen",
    destination: "sin-base-destino",
    mailbox: "buzon_sin-base-destino",
};

const FULL: Names =
    Names { source: "lleno-origen", destination: "lleno-destino", mailbox: "buzon_lleno-destino" };

const KILLED: Names = Names {
    source: "sin-servidor-origen",
    destination: "sin-servidor-destino",
    mailbox: "buzon_sin-servidor-destino",
};

/// Another program holds the proxy's database.
pub(in crate::prove) async fn without_database(world: &World) -> Result<Outcome> {
    let file = world.native()?.audit_database();
    let lock = async || hold_write_lock_of(&file).await;
    let release = |lock| {
        drop(lock);
        Ok(())
    };
    outlasted(world, &LOCKED, "database is locked", lock, release).await
}

/// The proxy keeps messages on a small disk that somebody fills.
pub(in crate::prove) async fn full_disk(world: &World) -> Result<Outcome> {
    let Some(disk) = SmallDisk::under(world, Part::Audit).await? else {
        return Ok(Outcome::skipped(NO_MOUNTS));
    };
    let empty = |filler| Ok(std::fs::remove_file(filler)?);
    outlasted(world, &FULL, "full", async || disk.fill(world), empty).await
}

/// From `begin` to `end` nothing is kept, and so nothing is forwarded: it waits in the queue,
/// and the proxy says `why`.
async fn outlasted<Fault>(
    world: &World,
    names: &Names,
    why: &str,
    begin: impl AsyncFnOnce() -> Result<Fault>,
    end: impl FnOnce(Fault) -> Result<()>,
) -> Result<Outcome> {
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, names).await?;
    flow.recovers(Instant::now()).await?;
    let process = world.native()?.process(Part::Audit)?;
    let fault = begin().await?;
    world.until_unready(Part::Audit, why).await?;
    let (kept, before) = (audit.kept(names.source).await?.len(), flow.count());
    sleep(Duration::from_secs(world.size.of(30, 4))).await;
    let waiting = flow.count() - before;
    let kept_meanwhile = audit.kept(names.source).await?.len() - kept;
    end(fault)?;
    let recovery = flow.recovers(Instant::now()).await?;
    let same = world.native()?.process(Part::Audit)? == process;
    Ok(flow
        .judge()
        .await?
        .outcome()
        .recovery(recovery)
        .check(waiting > 0, format!("{waiting} mensajes publicados mientras tanto"))
        .check(kept_meanwhile == 0, format!("{kept_meanwhile} guardados mientras tanto"))
        .check(same, "la auditoría siguió siendo el mismo proceso"))
}

/// PostgreSQL dies, and comes back with all that was committed.
pub(in crate::prove) async fn database_killed(world: &World) -> Result<Outcome> {
    let times = world.size.of(3, 1);
    let containers = world.containers()?;
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &KILLED).await?;
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        flow.recovers(Instant::now()).await?;
        containers.end("postgres").await?;
        world.until_unready(Part::Audit, "no se puede guardar").await?;
        containers.launch("postgres").await?;
        let ended = Instant::now();
        longest = longest.max(flow.recovers(ended).await?);
        // The other one may have forwarded that.
        world.until_ready(Part::Audit).await?;
    }
    Ok(flow.judge().await?.outcome().times(times).recovery(longest))
}

#[cfg(test)]
mod tests {
    use super::{FULL, KILLED, LOCKED};
    use messages::names::mailbox;

    #[test]
    fn the_mailboxes_are_those_of_the_destinations() {
        for names in [LOCKED, FULL, KILLED] {
            assert_eq!(mailbox(&names.destination.parse().unwrap()), names.mailbox);
        }
    }
}
