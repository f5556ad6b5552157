//! Each node of the broker dies in turn while systems exchange messages.

use super::api::Audit;
use super::flow::Flow;
use super::systems::Names;
use crate::prove::engine::{NODES, until_replicated};
use crate::prove::outcome::Outcome;
use crate::prove::world::World;
use anyhow::Result;
use messages::names::AUDIT_QUEUE;
use std::time::Duration;
use tokio::time::Instant;

const NAMES: Names =
    Names { source: "nodos-origen", destination: "nodos-destino", mailbox: "buzon_nodos-destino" };

/// The systems and both proxies go on with the other two.
pub(in crate::prove) async fn node_killed(world: &World) -> Result<Outcome> {
    let rounds = world.size.of(3, 1);
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    let (mut longest, mut times) = (Duration::ZERO, 0);
    for _ in 0..rounds {
        for node in NODES {
            until_replicated(world, AUDIT_QUEUE).await?;
            until_replicated(world, NAMES.mailbox).await?;
            flow.recovers(Instant::now()).await?;
            let ended = Instant::now();
            world.containers()?.end(node).await?;
            longest = longest.max(flow.recovers(ended).await?);
            world.containers()?.launch(node).await?;
            times += 1;
        }
    }
    until_replicated(world, AUDIT_QUEUE).await?;
    Ok(flow.judge().await?.outcome().times(times).recovery(longest))
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
