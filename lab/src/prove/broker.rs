//! A broker that stops, dies, has no memory or disk left, or loses a binding.

use super::outcome::Outcome;
use super::traffic::Traffic;
use super::wait::until;
use super::world::{PATIENCE, World};
use crate::load::Fate;
use crate::part::Part;
use anyhow::Result;
use messages::names::{CLICK, EXCHANGE, QUEUE};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Resident memory that a sender may have while nothing can be sent, in MiB.
const SENDER_MEMORY: u64 = 64;

/// A routing key beside the usual one, that is bound and unbound.
const OTHER: &str = "compra";

/// The broker is stopped and started in order.
pub(super) async fn restarted(world: &World) -> Result<Outcome> {
    away(world, world.size.of(5, 1), async || {
        world.halt(Part::RabbitMq).await?;
        world.launch(Part::RabbitMq).await
    })
    .await
}

/// The broker is killed.
pub(super) async fn killed(world: &World) -> Result<Outcome> {
    away(world, world.size.of(3, 1), async || {
        world.kill(Part::RabbitMq).await?;
        world.until_ready(Part::RabbitMq).await
    })
    .await
}

/// The broker is away so many times, until `fault` ends: who sends is told.
pub(super) async fn away(
    world: &World,
    times: u32,
    mut fault: impl AsyncFnMut() -> Result<()>,
) -> Result<Outcome> {
    let traffic = Traffic::start(world).await?;
    let longest = traffic.through(times, async || fault().await.map(|()| Instant::now())).await?;
    let stopped = traffic.stop().await?;
    let (refused, slowest) = (stopped.errors_of("503"), stopped.slowest_refusal());
    let outcome = stopped.judge().await?.times(times).recovery(longest);
    let outcome = outcome.check(refused > 0, format!("{refused} intentos respondidos con 503"));
    Ok(outcome.told(slowest))
}

/// An alarm of the broker, and how to raise and to end it.
struct Alarm {
    raise: [&'static str; 3],
    clear: [&'static str; 2],
}

const MEMORY: Alarm = Alarm {
    raise: ["set_vm_memory_high_watermark", "absolute", "1"],
    clear: ["set_vm_memory_high_watermark", "0.4"],
};

/// More room than any disk has (1 EB) is wanted, then 50 MB as by default.
const DISK: Alarm = Alarm {
    raise: ["--", "set_disk_free_limit", "1000000000000000000"],
    clear: ["set_disk_free_limit", "50000000"],
};

pub(super) async fn memory_alarm(world: &World) -> Result<Outcome> {
    alarm(world, &MEMORY).await
}

pub(super) async fn disk_alarm(world: &World) -> Result<Outcome> {
    alarm(world, &DISK).await
}

/// Publishing is blocked for a while; a backlog is counted meanwhile.
async fn alarm(world: &World, alarm: &Alarm) -> Result<Outcome> {
    let traffic = Traffic::start(world).await?;
    traffic.goes_on().await?;
    world.halt(Part::Analytics).await?;
    traffic.goes_on().await?;
    world.rabbitmqctl(&alarm.raise).await?;
    let alarmed = under_alarm(world).await;
    // Before anything else: it would last for all that follow.
    world.rabbitmqctl(&alarm.clear).await?;
    let cleared = Instant::now();
    let (drained, memory) = alarmed?;
    let recovery = traffic.recovers(cleared).await?;
    let stopped = traffic.stop().await?;
    let (blocked, slowest) = (stopped.errors_of("bloqueado"), stopped.slowest_refusal());
    let outcome = stopped.judge().await?.recovery(recovery);
    Ok(outcome
        .check(blocked > 0, format!("{blocked} intentos respondidos con 503 «bloqueado»"))
        .told(slowest)
        .check(drained > 0.0, format!("{drained:.0} eventos contados durante la alarma"))
        .check(memory < SENDER_MEMORY, format!("el emisor ocupaba {memory} MiB")))
}

/// How much is counted while nothing can be sent, and what a sender holds.
async fn under_alarm(world: &World) -> Result<(f64, u64)> {
    for part in [Part::ClienteX, Part::ClienteUno] {
        world.until_unready(part, "no acepta mensajes").await?;
    }
    // A sender that starts meanwhile must learn of it before its first event.
    world.kill(Part::ClienteDos).await?;
    world.until_unready(Part::ClienteDos, "no acepta mensajes").await?;
    world.launch(Part::Analytics).await?;
    let series = r#"analytics_consumed_total{result="counted"} "#;
    let drained = until("el atraso contado", PATIENCE, async || {
        let counted = world.metric(Part::Analytics, series).await?;
        Ok((counted > 0.0).then_some(counted))
    })
    .await?;
    // What would grow without a bound grows with time.
    sleep(Duration::from_secs(world.size.of(20, 3))).await;
    Ok((drained, world.resident(Part::ClienteX).await?))
}

/// The binding of one event is deleted and made again, while events with and
/// without a queue are sent at once: what comes back is never a success, and
/// what has a queue is never refused.
pub(super) async fn lost_binding(world: &World) -> Result<Outcome> {
    let times = world.size.of(5, 2);
    bind(world).await?;
    let mixed = |retry| {
        let mut spec = world.steady(100.0, retry);
        spec.kinds = vec![CLICK.to_owned(), OTHER.to_owned()];
        spec
    };
    let routed = world.steady(100.0, false);
    let traffic = Traffic::of(world, [routed, mixed(false), mixed(true)]).await?;
    for _ in 0..times {
        traffic.goes_on().await?;
        unbind(world).await?;
        traffic.goes_on().await?;
        bind(world).await?;
    }
    traffic.goes_on().await?;
    let stopped = traffic.stop().await?;
    let returned = stopped.errors_of("sin-ruta");
    let refused = stopped.of_fate(0, Fate::Refused);
    let outcome = stopped.judge().await?.times(times);
    unbind(world).await?;
    Ok(outcome
        .check(returned > 0, format!("{returned} intentos devueltos, con 422"))
        .check(refused == 0, format!("{refused} rechazos de eventos que sí tenían cola")))
}

async fn bind(world: &World) -> Result<()> {
    let path = format!("bindings/%2F/e/{EXCHANGE}/q/{QUEUE}");
    world.broker(Method::POST, &path, Some(json!({ "routing_key": OTHER }))).await?;
    Ok(())
}

async fn unbind(world: &World) -> Result<()> {
    let path = format!("bindings/%2F/e/{EXCHANGE}/q/{QUEUE}/{OTHER}");
    world.broker(Method::DELETE, &path, None).await?;
    Ok(())
}
