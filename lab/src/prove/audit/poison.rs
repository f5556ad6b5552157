//! Messages that nobody can read, among others.

use super::api::Audit;
use super::flow::Flow;
use super::systems::Names;
use crate::bench::raw::{Octets, Unreadable};
use crate::prove::outcome::Outcome;
use crate::prove::world::World;
use anyhow::Result;
use messages::names::{ENTRY_EXCHANGE, REFUSED_QUEUE};
use tokio::time::Instant;
use uuid::Uuid;

const NAMES: Names = Names {
    source: "veneno-origen",
    destination: "veneno-destino",
    mailbox: "buzon_veneno-destino",
};

/// They are refused alone, and kept; the others go on.
pub(in crate::prove) async fn poison(world: &World) -> Result<Outcome> {
    let times = world.size.of(20, 2);
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    flow.recovers(Instant::now()).await?;
    let before = world.holds(REFUSED_QUEUE, 0).await?;
    for _ in 0..times {
        world.publish_octets(Unreadable::ALL.map(unreadable).to_vec()).await?;
        flow.goes_on().await?;
    }
    let outcome = flow.judge().await?.outcome().times(times);
    let wanted = u64::from(times) * Unreadable::ALL.len() as u64;
    let moved = match world.holds(REFUSED_QUEUE, before + wanted).await {
        Ok(held) => held - before,
        Err(error) => return Ok(outcome.check(false, format!("{error:#}"))),
    };
    let kept = audit.refused(NAMES.destination).await?;
    Ok(outcome
        .check(moved == wanted, format!("{moved} de {wanted} ilegibles en {REFUSED_QUEUE}"))
        .check(kept as u64 == wanted, format!("{kept} guardados como no admitidos")))
}

/// A message, but for a part that nobody can read.
fn unreadable(part: Unreadable) -> Octets {
    let id = Uuid::now_v7().to_string();
    let way = (ENTRY_EXCHANGE, NAMES.destination);
    Octets::unreadable(part, way, (&id, "prueba.v1"), b"{}".to_vec())
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
