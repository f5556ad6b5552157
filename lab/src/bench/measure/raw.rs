//! What the broker can do, with a client that costs next to nothing.

use crate::bench::apart::apart;
use crate::bench::figures::Figures;
use crate::bench::flow::{Flow, StopOnDrop};
use crate::bench::ground::{ASIDE, Ground, Moment};
use crate::bench::raw::{Consumer, Publisher};
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
    let (outflow, inflow) = (Arc::new(Flow::default()), Arc::new(Flow::default()));
    let _stop = [StopOnDrop(outflow.clone()), StopOnDrop(inflow.clone())];
    let sessions = ground.sessions();
    let before = Moment::of(&inflow, &sessions)?;
    let began = Instant::now();
    // How many there are to consume, once that is known.
    let all = Arc::new(AtomicU64::new(u64::MAX));
    let (address, seen, enough) = (ground.broker.clone(), inflow.clone(), all.clone());
    let consumer = apart(move || {
        let is_enough = |messages| messages >= enough.load(Ordering::Relaxed);
        Consumer::open(&address, ASIDE)?.run(is_enough, &seen)
    });
    let (address, target, seen) = (ground.broker.clone(), ground.to_keep(), outflow.clone());
    let publisher = apart(move || Publisher::open(&address, &target, 1000)?.run(u64::MAX, &seen));
    sleep(ground.size.window).await;
    outflow.stop();
    let sent = publisher.done().await?;
    all.store(sent, Ordering::Relaxed);
    let taken = consumer.done().await?;
    let costs = Moment::of(&inflow, &sessions)?.since(&before);
    ensure!(taken.messages == sent, "se consumieron {} de {sent}", taken.messages);
    ground.remove_queue_aside(0).await?;
    Ok(costs.in_time(taken.messages, taken.last - began))
}
