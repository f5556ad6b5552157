//! Another program holds the proxy's database for a while.

use super::api::Audit;
use super::flow::Flow;
use super::systems::Names;
use crate::part::Part;
use crate::prove::outcome::Outcome;
use crate::prove::storage::hold_write_lock_of;
use crate::prove::world::World;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const NAMES: Names = Names {
    source: "sin-base-origen",
    destination: "sin-base-destino",
    mailbox: "buzon_sin-base-destino",
};

/// Nothing is kept meanwhile, and so nothing is forwarded: it waits in the queue.
pub(in crate::prove) async fn without_database(world: &World) -> Result<Outcome> {
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    flow.recovers(Instant::now()).await?;
    let process = world.native()?.process(Part::Audit)?;
    let lock = hold_write_lock_of(&world.native()?.audit_database()).await?;
    world.until_a_batch_fails(Part::Audit).await?;
    let (kept, before) = (audit.kept(NAMES.source).await?.len(), flow.count());
    sleep(Duration::from_secs(world.size.of(30, 4))).await;
    let waiting = flow.count() - before;
    let kept_meanwhile = audit.kept(NAMES.source).await?.len() - kept;
    drop(lock);
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

#[cfg(test)]
mod tests {
    use super::NAMES;
    use messages::names::mailbox;

    #[test]
    fn the_mailbox_is_that_of_the_destination() {
        assert_eq!(mailbox(&NAMES.destination.parse().unwrap()), NAMES.mailbox);
    }
}
