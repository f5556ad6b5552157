//! A client tries to reach a mailbox past the audit, by further routing keys.

use super::api::{Audit, REFUSED};
use super::flow::Flow;
use super::systems::Names;
use crate::prove::outcome::Outcome;
use crate::prove::wait::until;
use crate::prove::world::World;
use anyhow::Result;
use messages::names::{ENTRY_EXCHANGE, NOTIFICATIONS};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const NAMES: Names =
    Names { source: "rodeo-origen", destination: "rodeo-destino", mailbox: "buzon_rodeo-destino" };

/// Routing key, and the headers that choose further ones.
const WAYS: [(&str, &[&str], &[&str]); 6] = [
    ("(sonda)", &[NAMES.destination], &[]),
    (NAMES.destination, &[], &["(sonda)"]),
    (NAMES.destination, &["(sonda)"], &[NAMES.mailbox]),
    (NOTIFICATIONS, &[], &[NAMES.destination]),
    (NAMES.mailbox, &[NAMES.destination], &[NAMES.destination]),
    ("", &[NAMES.mailbox, NAMES.destination], &["(sonda)"]),
];

/// How long the audit may take to refuse what came before a message that it has forwarded.
const SOON: Duration = Duration::from_secs(10);

/// None of it is in the mailbox, and all of it is known, refused.
pub(in crate::prove) async fn ways_round(world: &World) -> Result<Outcome> {
    let times = world.size.of(20, 3);
    let audit = Audit::of(world).await?;
    let flow = Flow::start(&audit, &NAMES).await?;
    flow.recovers(Instant::now()).await?;
    let mut tried = Vec::new();
    for _ in 0..times {
        for way in WAYS {
            tried.push(publish(world, way).await?);
        }
        flow.goes_on().await?;
    }
    flow.recovers(Instant::now()).await?;
    let refused = refused(&audit, &tried).await;
    let outcome = flow.judge().await?.outcome().times(times);
    let all = tried.len();
    Ok(outcome.check(refused.is_ok(), format!("{all} rodeos, todos en la auditoría, no admitidos")))
}

/// Publishes as nobody's system; its id.
async fn publish(world: &World, (key, cc, bcc): (&str, &[&str], &[&str])) -> Result<Uuid> {
    let id = Uuid::now_v7();
    let lists = [("CC", cc), ("BCC", bcc)].into_iter().filter(|(_, keys)| !keys.is_empty());
    let headers: serde_json::Map<_, _> =
        lists.map(|(name, keys)| (name.to_owned(), json!(keys))).collect();
    let message = json!({
        "routing_key": key, "payload": "{}", "payload_encoding": "string",
        "properties": { "message_id": id, "app_id": "rodeo", "headers": headers },
    });
    let path = format!("exchanges/%2F/{ENTRY_EXCHANGE}/publish");
    world.broker(Method::POST, &path, Some(message)).await?;
    Ok(id)
}

/// Waits until the audit has refused all of them.
async fn refused(audit: &Audit<'_>, tried: &[Uuid]) -> Result<()> {
    for id in tried {
        until("un rodeo no admitido", SOON, async || {
            let state = audit.state(*id).await?;
            Ok((state.as_deref() == Some(REFUSED)).then_some(()))
        })
        .await?;
    }
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
