//! Messages from one system to another: how many a second, how much later than without
//! the audit, in how much space, and how soon they are found again.

use crate::bench::audit::{Arrivals, FIELDS, Forwarder, Growth, Way, disk};
use crate::bench::figures::{BYTES, Figures, P50, P99, as_f64};
use crate::bench::flow::Flow;
use crate::bench::ground::{Ground, Moment};
use crate::bench::processes::forget_peaks;
use crate::load::latency::Latency;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Ten messages a second each way, in turn.
const SEND_EVERY: Duration = Duration::from_millis(50);

/// Messages each way that are sent before they are timed.
const WARM_UP: usize = 10;

/// The audit's database.
const DATABASE: &str = "auditoria.db";

/// A backlog, forwarded by what keeps nothing; from the last moment at which nothing of
/// it was forwarded.
pub(super) async fn bare(ground: &Ground) -> Result<Figures> {
    backlog(ground).await?;
    let url = ground.running.amqp_url().parse().map_err(anyhow::Error::msg)?;
    let start = async { Ok(Forwarder::start(url)) };
    let (forwarder, figures) = drain(ground, start).await?;
    forwarder.stop().await?;
    ground.empty_mailbox(ground.size.messages).await?;
    ground.launch_audit().await?;
    Ok(figures)
}

/// The same backlog, which the proxy finds when it starts.
pub(super) async fn proxy(ground: &Ground) -> Result<Figures> {
    backlog(ground).await?;
    let before = size(ground)?;
    let ((), figures) = drain(ground, ground.launch_audit()).await?;
    let memory = ground.memory()?;
    ground.halt_audit().await?;
    let grown = size(ground)?.saturating_sub(before);
    ground.empty_mailbox(ground.size.messages).await?;
    ground.launch_audit().await?;
    let bytes = as_f64(grown) / as_f64(ground.size.messages);
    Ok(figures.with_memory(&memory).with(BYTES, bytes))
}

/// Puts a backlog in front of the proxy, which is stopped.
async fn backlog(ground: &Ground) -> Result<()> {
    let systems = ground.systems().await?;
    ground.halt_audit().await?;
    ground.empty_audit().await?;
    systems.publish(ground.size.messages).await?;
    ground.settle().await
}

/// Starts what forwards the backlog, and waits until all of it has arrived.
async fn drain<T>(ground: &Ground, start: impl Future<Output = Result<T>>) -> Result<(T, Figures)> {
    let messages = ground.size.messages;
    let flow = Flow::default();
    let growth = Growth::watch(ground, messages);
    let before = Moment::of(&flow, &ground.sessions())?;
    let started = start.await?;
    let took = growth.took().await?;
    flow.add(messages);
    let figures = Moment::of(&flow, &ground.sessions())?.since(&before);
    Ok((started, figures.in_time(messages, took)))
}

/// What the audit's database takes on the disk, in bytes.
fn size(ground: &Ground) -> Result<u64> {
    disk::size(&ground.layout().data().join(DATABASE))
}

/// Ten messages a second through the proxy, and as many past it: in turn, so that what
/// slows the machine down for a while slows both.
pub(super) async fn latency(ground: &Ground) -> Result<Figures> {
    let systems = ground.systems().await?;
    ground.empty_audit().await?;
    let mut arrivals = Arrivals::open(ground, systems).await?;
    send(&mut arrivals, WARM_UP).await?;
    arrivals.arrive().await?;
    let sessions = ground.sessions();
    forget_peaks(&sessions)?;
    let flow = Flow::default();
    let before = Moment::of(&flow, &sessions)?;
    let each_way = ground.size.timed.div_duration_f64(2 * SEND_EVERY);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
    send(&mut arrivals, each_way as usize).await?;
    let (audited, direct) = arrivals.arrive().await?;
    flow.add(audited.len());
    let figures = Moment::of(&flow, &sessions)?.since(&before).with_memory(&ground.memory()?);
    arrivals.close().await?;
    let added = |share| millis(&audited, share) - millis(&direct, share);
    Ok(figures
        .with_latency("", &audited)
        .with_latency("direct_", &direct)
        .with(format!("added_{P50}"), added(0.5))
        .with(format!("added_{P99}"), added(0.99)))
}

async fn send(arrivals: &mut Arrivals<'_>, each_way: usize) -> Result<()> {
    let mut turns = interval(SEND_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..each_way {
        for way in [Way::Audited, Way::Direct] {
            turns.tick().await;
            arrivals.send(way).await?;
        }
    }
    Ok(())
}

fn millis(latency: &Latency, share: f64) -> f64 {
    latency.quantile(share).as_secs_f64() * 1000.0
}

/// A page of the messages that are kept, by each field alone; p50 and p99 are those of
/// the field that takes longest.
pub(super) async fn search(ground: &Ground) -> Result<Figures> {
    let systems = ground.systems().await?;
    ground.empty_audit().await?;
    let kept = ground.kept(systems, ground.size.kept).await?;
    ground.settle().await?;
    let flow = Flow::default();
    let before = Moment::of(&flow, &ground.sessions())?;
    let (mut found, mut slowest) = (Figures::default(), Latency::default());
    for field in FIELDS {
        let latency = ground.search(systems, &kept, field).await?;
        flow.add(latency.len());
        found = found.with_latency(&format!("{field}_"), &latency);
        if slowest.is_empty() || latency.quantile(0.99) > slowest.quantile(0.99) {
            slowest = latency;
        }
    }
    let figures = Moment::of(&flow, &ground.sessions())?.since(&before);
    Ok(figures.and(found).with_latency("", &slowest).with_memory(&ground.memory()?))
}
