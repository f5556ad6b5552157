//! There is no way to the destination's mailbox for a while.

use super::api::Audit;
use super::flow::Flow;
use super::systems::Names;
use crate::prove::outcome::Outcome;
use crate::prove::wait::until;
use crate::prove::world::{PATIENCE, World};
use anyhow::Result;
use messages::names::DELIVERY_EXCHANGE;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const NAMES: Names = Names {
    source: "sin-buzon-origen",
    destination: "sin-buzon-destino",
    mailbox: "buzon_sin-buzon-destino",
};

/// The state of what is kept and not forwarded.
const WAITING: &str = "recibido";

/// Messages wait then, kept, and go once there is a way again.
pub(in crate::prove) async fn without_mailbox(world: &World) -> Result<Outcome> {
    let times = world.size.of(5, 2);
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    flow.recovers(Instant::now()).await?;
    let (mut longest, mut waited) = (Duration::ZERO, 0);
    for _ in 0..times {
        unbind(world).await?;
        let id = flow.goes_on().await?;
        let state = until("un mensaje guardado", PATIENCE, async || audit.state(id).await).await?;
        waited += u32::from(state == WAITING);
        bind(world).await?;
        longest = longest.max(flow.recovers(Instant::now()).await?);
    }
    let outcome = flow.judge().await?.outcome().times(times).recovery(longest);
    Ok(outcome.check(waited == times, format!("{waited} de {times} veces esperaban, guardados")))
}

async fn bind(world: &World) -> Result<()> {
    let path = format!("bindings/%2F/e/{DELIVERY_EXCHANGE}/q/{}", NAMES.mailbox);
    let binding = json!({ "routing_key": NAMES.destination });
    world.broker(Method::POST, &path, Some(binding)).await?;
    Ok(())
}

async fn unbind(world: &World) -> Result<()> {
    let Names { destination, mailbox, .. } = NAMES;
    let path = format!("bindings/%2F/e/{DELIVERY_EXCHANGE}/q/{mailbox}/{destination}");
    world.broker(Method::DELETE, &path, None).await?;
    Ok(())
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
