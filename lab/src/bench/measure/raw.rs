//! What the broker can do, with a client that costs next to nothing.

use crate::bench::apart::{Apart, apart};
use crate::bench::figures::Figures;
use crate::bench::flow::{Flow, StopOnDrop};
use crate::bench::ground::{ASIDE, Ground, Moment};
use crate::bench::raw::{Consumed, Consumer, Publisher};
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::time::sleep;

/// Confirmed publishing with so many messages under way.
pub(super) async fn publish(ground: &Ground, window: u64) -> Result<Figures> {
    ground.queue_aside().await?;
    let flow = Arc::new(Flow::default());
    let _stop = StopOnDrop(flow.clone());
    let (address, target, seen) = (ground.broker.clone(), ground.to_keep(), flow.clone());
    let load = apart(move || Publisher::open(&address, &target, window)?.run(u64::MAX, &seen));
    let figures = ground.window(&flow, &ground.sessions(), || {}).await?;
    flow.stop();
    let published = load.done().await?;
    ground.remove_queue_aside(published).await?;
    Ok(figures)
}

/// Consumes a backlog, with `ack(multiple)`.
pub(super) async fn consume(ground: &Ground) -> Result<Figures> {
    let backlog = ground.size.backlog;
    ground.queue_aside().await?;
    ground.fill(ground.to_keep(), backlog).await?;
    ground.settle().await?;
    let flow = Arc::new(Flow::default());
    let _stop = StopOnDrop(flow.clone());
    let (address, seen, sessions) = (ground.broker.clone(), flow.clone(), ground.sessions());
    let before = Moment::of(&flow, &sessions)?;
    let load =
        apart(move || Consumer::open(&address, ASIDE)?.run(|messages| messages >= backlog, &seen));
    let consumed = load.done().await?;
    let figures = Moment::of(&flow, &sessions)?.since(&before);
    ensure!(consumed.messages == backlog, "se consumieron {} de {backlog}", consumed.messages);
    ground.remove_queue_aside(0).await?;
    Ok(figures)
}

/// Publishes with a window of 1,000 and consumes at once, until all that was
/// published is consumed.
pub(super) async fn both(ground: &Ground) -> Result<Figures> {
    ground.queue_aside().await?;
    let figures = at_once(ground, &[ASIDE]).await?;
    ground.remove_queue_aside(0).await?;
    Ok(figures)
}

/// The same, with a publisher and a consumer for each of these queues, to which
/// the events lead.
pub(super) async fn at_once(ground: &Ground, queues: &[&'static str]) -> Result<Figures> {
    let (outflow, inflow) = (Arc::new(Flow::default()), Arc::new(Flow::default()));
    let _stop = [StopOnDrop(outflow.clone()), StopOnDrop(inflow.clone())];
    let sessions = ground.sessions();
    let before = Moment::of(&inflow, &sessions)?;
    let began = Instant::now();
    // How many there are to consume, once that is known.
    let all = Arc::new(AtomicU64::new(u64::MAX));
    let consumers: Vec<_> =
        queues.iter().map(|queue| consumer(ground, queue, &inflow, &all)).collect();
    let publishers: Vec<_> = queues.iter().map(|_| publisher(ground, &outflow)).collect();
    sleep(ground.size.window).await;
    outflow.stop();
    let mut sent = 0;
    for publisher in publishers {
        sent += publisher.done().await?;
    }
    all.store(sent, Ordering::Relaxed);
    let (mut taken, mut last) = (0, began);
    for consumer in consumers {
        let consumed = consumer.done().await?;
        (taken, last) = (taken + consumed.messages, last.max(consumed.last));
    }
    let costs = Moment::of(&inflow, &sessions)?.since(&before);
    ensure!(taken == sent, "se consumieron {taken} de {sent}");
    Ok(costs.in_time(taken, last - began))
}

/// Consumes until all consumers together have taken `all`.
fn consumer(
    ground: &Ground,
    queue: &'static str,
    inflow: &Arc<Flow>,
    all: &Arc<AtomicU64>,
) -> Apart<Consumed> {
    let (address, seen, all) = (ground.broker.clone(), inflow.clone(), all.clone());
    apart(move || {
        let is_enough = |_| seen.done() >= all.load(Ordering::Relaxed);
        Consumer::open(&address, queue)?.run(is_enough, &seen)
    })
}

fn publisher(ground: &Ground, outflow: &Arc<Flow>) -> Apart<u64> {
    let (address, target, seen) = (ground.broker.clone(), ground.to_keep(), outflow.clone());
    apart(move || Publisher::open(&address, &target, 1000)?.run(u64::MAX, &seen))
}
