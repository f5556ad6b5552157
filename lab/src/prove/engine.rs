//! Faults that only a laboratory in containers has: pauses, missing networks, and
//! the death of one of several.

use super::broker;
use super::outcome::Outcome;
use super::traffic::Traffic;
use super::wait::until;
use super::world::{Line, PATIENCE, World};
use crate::part::Part;
use anyhow::{Result, ensure};
use messages::names::QUEUE;
use reqwest::Method;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long something stands still: longer than a publish waits for its confirm,
/// and than a sender waits before it takes a silent line for dead.
const STILL: Duration = Duration::from_secs(6);

/// The nodes of the broker.
pub(super) const NODES: [&str; 3] = ["rabbitmq-uno", "rabbitmq-dos", "rabbitmq-tres"];

/// Every process of the broker stands still, and its connections stay open.
pub(super) async fn broker_paused(world: &World) -> Result<Outcome> {
    let containers = world.containers()?;
    broker::away(world, world.size.of(3, 1), async || {
        containers.pause("rabbitmq-service").await?;
        sleep(STILL).await;
        containers.unpause("rabbitmq-service").await
    })
    .await
}

/// Analytics stands still with messages in its hands, and goes on.
pub(super) async fn analytics_paused(world: &World) -> Result<Outcome> {
    let containers = world.containers()?;
    analytics_away(world, async || {
        containers.pause("analiticas").await?;
        sleep(STILL).await;
        let waiting = world.ledger.waiting().await?;
        containers.unpause("analiticas").await?;
        ensure!(waiting > Some(0), "nada esperaba en la cola: analítica no estaba quieta");
        Ok(())
    })
    .await
}

/// Analytics is taken from the broker's network: deliveries and acknowledgements
/// on their way are lost without a word.
pub(super) async fn analytics_unplugged(world: &World) -> Result<Outcome> {
    let before = world.redelivered().await?;
    let outcome = analytics_away(world, async || {
        world.silence(Line::Analytics).await?;
        // Unlike a sender, who consumes learns of it by a missed heartbeat.
        sleep(STILL * 5).await;
        world.restore(Line::Analytics).await
    })
    .await?;
    let again = world.redelivered().await?.saturating_sub(before);
    Ok(outcome.check(again > 0, format!("{again} mensajes entregados otra vez")))
}

/// Each node of the broker is killed in turn: the other two go on.
pub(super) async fn node_killed(world: &World) -> Result<Outcome> {
    nodes_in_turn(world, async |node| world.containers()?.end(node).await).await
}

/// Each node of the broker is stopped in order in turn.
pub(super) async fn node_restarted(world: &World) -> Result<Outcome> {
    nodes_in_turn(world, async |node| world.containers()?.halt(node).await).await
}

/// Ends every node once, each time with all three replicas there; what counts is
/// how long it takes until events are confirmed again, with two nodes.
async fn nodes_in_turn(
    world: &World,
    mut end: impl AsyncFnMut(&str) -> Result<()>,
) -> Result<Outcome> {
    let rounds = world.size.of(3, 1);
    let traffic = Traffic::start(world).await?;
    let (mut longest, mut times) = (Duration::ZERO, 0);
    for _ in 0..rounds {
        for node in NODES {
            until_replicated(world, QUEUE).await?;
            traffic.goes_on().await?;
            let ended = Instant::now();
            end(node).await?;
            longest = longest.max(traffic.recovers(ended).await?);
            world.containers()?.launch(node).await?;
            times += 1;
        }
    }
    until_replicated(world, QUEUE).await?;
    let outcome = traffic.judge().await?.times(times).recovery(longest);
    Ok(outcome.check(true, format!("{QUEUE} tiene tres réplicas, antes y después")))
}

/// Waits until every node runs, and has the queue.
pub(super) async fn until_replicated(world: &World, queue: &str) -> Result<()> {
    until(&format!("tres réplicas de {queue}"), PATIENCE * 2, async || {
        let queue = world.broker(Method::GET, &format!("queues/%2F/{queue}"), None).await;
        let online = queue.ok().and_then(|queue| queue["online"].as_array().map(Vec::len));
        let nodes = world.running_nodes().await;
        Ok((online == Some(NODES.len()) && nodes == NODES.len()).then_some(()))
    })
    .await
}

/// Of two who count, one dies with messages in its hands: the other has them at
/// once.
pub(super) async fn one_of_two_killed(world: &World) -> Result<Outcome> {
    let containers = world.containers()?;
    let rounds = world.size.of(5, 1);
    let before = world.redelivered().await?;
    let traffic = Traffic::start(world).await?;
    let (mut longest, mut times) = (Duration::ZERO, 0);
    for _ in 0..rounds {
        for service in ["analiticas_uno", "analiticas_dos"] {
            traffic.goes_on().await?;
            let killed = Instant::now();
            containers.kill(service).await?;
            longest = longest.max(traffic.recovers(killed).await?);
            until("las dos sanas", PATIENCE, async || {
                Ok(containers.is_healthy(service).await?.then_some(()))
            })
            .await?;
            times += 1;
        }
    }
    let outcome = traffic.judge().await?.times(times).recovery(longest);
    let again = world.redelivered().await?.saturating_sub(before);
    Ok(outcome.check(true, format!("{again} mensajes entregados otra vez")))
}

/// The database dies, and comes back with all that was committed.
pub(super) async fn database_killed(world: &World) -> Result<Outcome> {
    let containers = world.containers()?;
    analytics_away(world, async || {
        containers.end("postgres").await?;
        noticed(world).await?;
        containers.launch("postgres").await
    })
    .await
}

/// The database stands still longer than analytics waits for an answer.
pub(super) async fn database_paused(world: &World) -> Result<Outcome> {
    let containers = world.containers()?;
    analytics_away(world, async || {
        containers.pause("postgres").await?;
        noticed(world).await?;
        containers.unpause("postgres").await
    })
    .await
}

/// Analytics says that it cannot count.
async fn noticed(world: &World) -> Result<()> {
    world.until_unready(Part::Analytics, "no se puede guardar").await
}

/// Nothing is counted until `fault` ends, and then everything is.
async fn analytics_away(
    world: &World,
    mut fault: impl AsyncFnMut() -> Result<()>,
) -> Result<Outcome> {
    let times = world.size.of(3, 1);
    let traffic = Traffic::start(world).await?;
    let longest = traffic.through(times, async || fault().await.map(|()| Instant::now())).await?;
    Ok(traffic.judge().await?.times(times).recovery(longest))
}

/// Who hands out the connections to the nodes dies: all are made anew.
pub(super) async fn proxy_killed(world: &World) -> Result<Outcome> {
    let times = world.size.of(3, 1);
    let traffic = Traffic::start(world).await?;
    let longest = traffic
        .through(times, async || {
            let killed = Instant::now();
            world.containers()?.kill("rabbitmq-proxy").await?;
            Ok(killed)
        })
        .await?;
    let stopped = traffic.stop().await?;
    let refused = stopped.errors_of("503");
    let outcome = stopped.judge().await?.times(times).recovery(longest);
    Ok(outcome.check(refused > 0, format!("{refused} intentos respondidos con 503")))
}
