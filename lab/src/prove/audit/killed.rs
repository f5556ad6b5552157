//! The proxy dies at every point of a message's way, again and again.

use super::api::Audit;
use super::flow::{Flow, Stretch};
use super::systems::Names;
use crate::part::Part;
use crate::prove::outcome::Outcome;
use crate::prove::storage::{WriteLock, hold_write_lock_of};
use crate::prove::wait::until;
use crate::prove::world::{PATIENCE, World};
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

const NAMES: Names = Names {
    source: "matada-origen",
    destination: "matada-destino",
    mailbox: "buzon_matada-destino",
};

/// Where it dies, in the order in which a message comes there.
const POINTS: [&str; 6] = ["recibido", "guardado", "publicado", "confirmado", "anotado", "acusado"];

/// It dies while systems go on publishing.
pub(in crate::prove) async fn killed(world: &World) -> Result<Outcome> {
    let times = world.size.of(20, 2);
    let audit = Audit::mortal(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    let (mut longest, mut begins) = (Duration::ZERO, Vec::new());
    for point in POINTS {
        begins.push(flow.count());
        // What was published until then is over: it owes nothing to this point.
        flow.recovers(Instant::now()).await?;
        longest = longest.max(dies_again_and_again(&audit, &flow, point, times).await?);
    }
    begins.push(flow.count());
    let judged = flow.judge().await?;
    let mut outcome = judged.outcome();
    for (point, stretch) in POINTS.iter().zip(begins.windows(2)) {
        let Stretch { confirmed, lost, again } = judged.of(stretch[0]..stretch[1])?;
        let mut found =
            format!("{point}: {times} muertes, {confirmed} mensajes, {again} reenviados otra vez");
        if lost > 0 {
            found = format!("{found}, {lost} perdidos");
        }
        outcome = outcome.check(lost == 0, found);
    }
    Ok(outcome.times(times * u32::try_from(POINTS.len())?).recovery(longest))
}

/// The longest time until a later message was forwarded.
async fn dies_again_and_again(
    audit: &Audit<'_>,
    flow: &Flow<'_>,
    point: &str,
    times: u32,
) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for _ in 0..times {
        let began = Instant::now();
        audit.dies_at(point, async || Ok(())).await?;
        longest = longest.max(flow.recovers(began).await?);
    }
    Ok(longest)
}

/// It dies between having a batch and having stored it, as somebody else has its database.
pub(in crate::prove) async fn killed_with_a_batch(world: &World) -> Result<Outcome> {
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    let lock = lock_before_a_batch(world, &flow).await?;
    world.kill(Part::Audit).await?;
    drop(lock);
    world.until_ready(Part::Audit).await?;
    Ok(flow.judge().await?.outcome())
}

/// Locks the database of a proxy that was started anew, while it has a batch that is not
/// stored.
async fn lock_before_a_batch(world: &World, flow: &Flow<'_>) -> Result<WriteLock> {
    let file = world.native()?.audit_database();
    until("un lote que no se puede guardar", PATIENCE, async || {
        flow.recovers(Instant::now()).await?;
        let lock = hold_write_lock_of(&file).await?;
        world.until_unready(Part::Audit, "no se puede guardar").await?;
        // Else it was about to write down what it had forwarded: nothing of that can be lost.
        let failed = world.metric(Part::Audit, "broker_batches_failed_total ").await?;
        Ok((failed > 0.0).then_some(lock))
    })
    .await
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
