//! Messages that can never be counted, and messages that come twice.

use super::outcome::Outcome;
use super::traffic::Traffic;
use super::world::{DUPLICATES, PATIENCE, World};
use crate::bench::raw::{Octets, Unreadable};
use crate::part::Part;
use anyhow::{Result, ensure};
use messages::names::{CLICK, CLICK_EVENT_TYPE, DEAD_LETTER_QUEUE, EXCHANGE, QUEUE};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// The client of the message that comes back from the dead.
const RETURNED: &str = "devuelto";

/// A body that is too long for an event: 1 MiB.
const TOO_LONG: usize = 1 << 20;

/// Publishes by hand, as in the broker's dashboard.
async fn publish(world: &World, properties: Value, body: &str) -> Result<()> {
    let message = json!({
        "properties": properties, "routing_key": CLICK,
        "payload": body, "payload_encoding": "string",
    });
    let path = format!("exchanges/%2F/{EXCHANGE}/publish");
    let answer = world.broker(Method::POST, &path, Some(message)).await?;
    ensure!(answer["routed"] == true, "un mensaje publicado a mano no llegó a la cola");
    Ok(())
}

/// What of it would be an event.
fn event(client: &str) -> Value {
    json!({ "cliente": client, "evento": CLICK, "timestamp": "2025-04-13T12:00:00Z" })
}

/// One of each kind of poison that a client can publish, in turn.
fn poison(number: u64) -> (Value, String) {
    let good = event("veneno");
    let properties = |kind: &str| json!({ "message_id": Uuid::now_v7(), "type": kind });
    match number % 5 {
        0 => (properties(CLICK_EVENT_TYPE), "esto no es JSON".to_owned()),
        1 => (properties(CLICK_EVENT_TYPE), r#"{"cliente": 7}"#.to_owned()),
        2 => (properties(CLICK_EVENT_TYPE), "x".repeat(TOO_LONG)),
        3 => (properties("evento_cliente.v9"), good.to_string()),
        _ => (json!({}), good.to_string()),
    }
}

/// An event, but for a part that nobody can read.
fn unreadable(part: Unreadable) -> Octets {
    let (id, body) = (Uuid::now_v7().to_string(), event("veneno").to_string());
    Octets::unreadable(part, (EXCHANGE, CLICK), (&id, CLICK_EVENT_TYPE), body.into_bytes())
}

/// One message in a hundred is poison. All of it ends in the dead-letter queue,
/// and nothing else; there a person handles it.
pub(super) async fn among_good_ones(world: &World) -> Result<Outcome> {
    let bad: u64 = world.size.of(100, 10);
    let mut spec = world.steady(1000.0, true);
    spec.events = bad * 100;
    let traffic = Traffic::of(world, [spec]).await?;
    world.publish_octets(Unreadable::ALL.map(unreadable).to_vec()).await?;
    for number in Unreadable::ALL.len() as u64..bad {
        let (properties, body) = poison(number);
        publish(world, properties, &body).await?;
    }
    traffic.is_over(PATIENCE).await?;
    let found = world.holds(DEAD_LETTER_QUEUE, bad).await;
    let outcome = traffic.judge().await?.times(u32::try_from(bad)?);
    let dead = match found {
        Ok(dead) => dead,
        Err(error) => return Ok(outcome.check(false, format!("{error:#}"))),
    };
    let outcome =
        outcome.check(dead == bad, format!("{dead} de {bad} venenos en {DEAD_LETTER_QUEUE}"));
    handled(world, outcome, bad).await
}

/// A good message that somebody rejected by hand comes back from the dead, and
/// counts once however often that happens; the rest is dropped.
async fn handled(world: &World, outcome: Outcome, bad: u64) -> Result<Outcome> {
    let id = Uuid::now_v7();
    let mut listed = 0;
    for _ in 0..2 {
        bury(world, id).await?;
        world.holds(DEAD_LETTER_QUEUE, bad + 1).await?;
        listed = dead_listed(world).await?;
        world.lab(&["dead", "retry", &id.to_string()]).await?;
        world.ledger.wait_until_quiet().await?;
    }
    let url = format!("{}/reporte?cliente={RETURNED}", world.url_of(Part::Analytics)?);
    let report: Value = world.http().get(url).send().await?.json().await?;
    world.lab(&["dead", "drop", "--all"]).await?;
    let left = dead_listed(world).await?;
    Ok(outcome
        .check(listed == bad + 1, format!("`dead list` muestra {listed}"))
        .check(report["total"] == 1, format!("`dead retry` dos veces: cuenta {}", report["total"]))
        .check(left == 0, format!("tras `dead drop --all` quedan {left}")))
}

/// Puts a good message where only people look, by hand.
async fn bury(world: &World, id: Uuid) -> Result<()> {
    let body = event(RETURNED);
    let properties = json!({ "message_id": id, "type": CLICK_EVENT_TYPE, "delivery_mode": 2 });
    world.halt(Part::Analytics).await?;
    publish(world, properties, &body.to_string()).await?;
    let get = json!({ "count": 1, "ackmode": "reject_requeue_false", "encoding": "auto" });
    let path = format!("queues/%2F/{QUEUE}/get");
    let taken = world.broker(Method::POST, &path, Some(get)).await?;
    ensure!(taken[0]["properties"]["message_id"] == id.to_string(), "otro mensaje: {taken}");
    world.launch(Part::Analytics).await
}

async fn dead_listed(world: &World) -> Result<u64> {
    let listed = world.lab(&["dead", "list", "-n", "1000", "--json"]).await?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    Ok(u64::try_from(listed.len())?)
}

/// Messages that the broker has already delivered come again, as after a lost
/// confirm: published by hand under the same ids.
pub(super) async fn duplicates(world: &World) -> Result<Outcome> {
    let events = world.size.of(1000, 100);
    let before = world.metric(Part::Analytics, DUPLICATES).await?;
    let traffic = Traffic::of(world, [world.bulk(events, 10)]).await?;
    traffic.is_over(PATIENCE).await?;
    let stopped = traffic.stop().await?;
    for (client, id) in stopped.histories[0].identities() {
        let body = event(&client);
        let properties = json!({ "message_id": id, "type": CLICK_EVENT_TYPE });
        publish(world, properties, &body.to_string()).await?;
    }
    let outcome = stopped.judge().await?.times(u32::try_from(events)?);
    let seen = world.metric(Part::Analytics, DUPLICATES).await? - before;
    Ok(outcome.check(seen > 0.0, format!("{seen:.0} entregas repetidas reconocidas")))
}
